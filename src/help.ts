/** What `spillway --help` says: short, true, and from the same table that reads the flags. Called by the CLI. */

import { KINDS } from './config/values.ts'
import { SETTINGS, type Setting } from './settings.ts'

export const USAGE = `spillway: broadcast one stream to thousands of WebSocket clients, however slow some of them are

  spillway serve [flags]     run a hub                      spillway serve --help
  spillway check [flags]     what serve would run with, and what is wrong with it
  spillway tail URL [flags]  listen to a feed               spillway tail --help
  spillway --version

  spillway serve                               a hub with demonstration feeds: open http://localhost:8080/
  spillway serve --exec 'vmstat 1' --follow app.log --replay data.ndjson --speed 10
  tail -F app.log | spillway serve             every line of a log to every browser
  spillway serve --overflow pause --binary --min-clients 3 --exit-when-done < big.iso
  spillway tail ws://localhost:8080/feeds/ticks --count 5
`

const GROUPS: readonly (readonly [string, (setting: Setting) => boolean])[] = [
  ['Which feeds', ({ into }) => into[0] === 'command'],
  ['The hub', ({ into }) => into[0] === 'serve' || into[0] === 'hub'],
  ['Feeds (these apply to every feed)', ({ into, sources }) => into[0] === 'feed' && sources === undefined],
  [
    'Sources (these apply to every feed whose source they are for)',
    ({ into, sources }) => into[0] === 'source' || (into[0] === 'feed' && sources !== undefined),
  ],
]

const WIDTH = 100
const INDENT = 32

export function serveHelp(): string {
  const groups = GROUPS.map(([title, belongs]) => `${title}\n${SETTINGS.filter(belongs).map(line).join('')}`)
  return `spillway serve [flags]: run a hub, until SIGTERM or, with --exit-when-done, until its feeds have ended

${groups.join('\n')}
Sizes: 65536, 64KiB, 16MiB, 1GB. Times: 500ms, 30s, 5m, 1h. Shares: 75%, 0.75.
Each flag can be given as an environment variable: --max-clients is SPILLWAY_MAX_CLIENTS. Flags come first, then
variables, then the configuration file, which has all of it for each feed: docs/configuration.md and spillway check.
Exit codes: 0 done, 1 a source failed, 2 wrong input. A second SIGTERM or Ctrl-C stops at once.

Endpoints: / (page)  /feeds/NAME (WebSocket)  /feeds (JSON)  /metrics (Prometheus)  /healthz  /readyz
On the admin port: / (page for operators)  /clients  /closed  /config  /feeds/NAME/limits  … (docs/admin.md)
`
}

export function checkHelp(): string {
  return `spillway check [flags]: what spillway serve would run with, given the same flags, variables and configuration file

It lists every value with the flag, variable or line of the file that it came from, and the memory bound; or everything that is
wrong, on standard error. It opens no port and starts no source; files that are named must be there. (A .js file is loaded.)

  spillway check                               with spillway.config.json, .js or .mjs in the working directory
  spillway check --config other.json --overflow evict

The flags are those of spillway serve --help. Exit codes: 0 nothing is wrong, 2 something is.
`
}

export const TAIL_HELP = `spillway tail URL [flags]: print a feed's messages, a line each; binary ones as they are

  --count N             stop after N messages
  --stats               rates on standard error, once a second and at the end
  --from WHERE          latest, earliest, -100 (messages), -5m (age) or EPOCH:OFFSET
  --overflow POLICY     pause, evict or skip, if the feed allows it
  --max-rate N          the newest messages, at most N a second
  --name LABEL          how operators see this client

  spillway tail ws://localhost:8080/feeds/ticks --count 5
  spillway tail ws://localhost:8080/feeds/stdin --from earliest | less

It reads as fast as its output is read: a pager that waits makes it a slow client.
Exit codes: 0 the feed ended or the count is reached, 1 closed or lost, 2 wrong input or refused.
`

function line(setting: Setting): string {
  const value = KINDS[setting.kind].shown
  const flag = `  --${setting.flag}${value === '' ? '' : ` ${value}`}`
  const told = setting.sources === undefined ? setting.help : `${setting.help} (${setting.sources.join(', ')})`
  const text = setting.default === '' ? told : `${told} [${setting.default}]`
  const lines = wrap(text, WIDTH - INDENT)
  const first = flag.length < INDENT ? flag.padEnd(INDENT) : `${flag}\n${' '.repeat(INDENT)}`
  return `${first}${lines.join(`\n${' '.repeat(INDENT)}`)}\n`
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = []
  let current = ''
  for (const word of text.split(' ')) {
    if (current !== '' && current.length + word.length + 1 > width) {
      lines.push(current)
      current = word
    } else current = current === '' ? word : `${current} ${word}`
  }
  return [...lines, current]
}
