/**
 * Writes the reference pages that are tables of what the code says: docs/options.md, docs/metrics.md, docs/errors.md, docs/admin.md, docs/swarm.md;
 * and what docs/benchmarks.md and the README say of docs/benchmarks.json. Run by `npm run docs`; test/docs.test.ts and
 * test/bench/documents.test.ts fail when a page is not what this would write.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { CODE } from '../src/config/shape.ts'
import { KINDS } from '../src/config/values.ts'
import { ERRORS } from '../src/errors.ts'
import { RESUMES, type ResumeOutcome } from '../src/events.ts'
import { NODE } from '../src/server/metrics/process.ts'
import { METRICS } from '../src/server/metrics.ts'
import { REFUSALS, type RefusalReason } from '../src/server/request.ts'
import { BANDS } from '../src/server/watch/bands.ts'
import { environmentName, filePath, SETTINGS, type Setting } from '../src/settings.ts'
import { adminPage } from './admin-page.ts'
import { documents } from './bench/page.ts'
import { kept } from './bench/report.ts'
import { swarmPage } from './swarm/page.ts'

export const DOCS = join(import.meta.dirname, '../docs')

/** Every page by its file name. */
export async function pages(): Promise<Readonly<Record<string, string>>> {
  return {
    'options.md': options(),
    'metrics.md': metrics(),
    'errors.md': errors(),
    'admin.md': adminPage(GENERATED, table),
    'swarm.md': swarmPage(GENERATED, table),
  }
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

const GENERATED = '<!-- Written by `npm run docs` from the code; edits here are lost. -->\n'

function options(): string {
  const code = (text: string) => (text === '' ? '' : `\`${text}\``)
  const rows = (SETTINGS as readonly Setting[]).map(setting => {
    const { flag, kind, help, sources } = setting
    const { shown, unit } = KINDS[kind]
    return [
      `\`--${flag}${shown === '' ? '' : ` ${shown}`}\``,
      code(environmentName(flag)),
      code(filePath(setting)),
      unit,
      setting.default === '' ? 'off' : setting.default,
      sources === undefined ? help : `${help} For ${sources.map(code).join(', ')}.`,
    ]
  })
  for (const [key, rule] of Object.entries(CODE))
    rows.push(['', '', code(`feeds.NAME.${key}`), 'code', 'none', STAGES(rule)])
  return `# Options

${GENERATED}
Of \`spillway serve\` and \`spillway check\`: as flags, as environment variables, and in the configuration file, which
[configuration.md](configuration.md) describes. Flags come before variables, and those before the file. What is unknown, malformed,
given twice or without meaning beside the others is refused with exit code 2 and a sentence "expected …, got …", all of it at once.

Sizes are written \`65536\`, \`64KiB\`, \`16MiB\` or \`1GB\`; times \`500ms\`, \`30s\`, \`5m\`, \`1h\` or \`0\`; shares \`75%\` or \`0.75\`. In the
file a plain number is one in the unit of the fourth column; a size of less than 1024 bytes needs its unit (\`"512B"\`), because who writes
16 means 16 MiB. In the library the options of \`hub\` are those of \`new Hub({ … })\`, those of \`feeds.NAME\` those of
\`hub.feed(name, { … })\`, in the same units; \`own\` is a source that a .js file gives.

${table(['flag', 'environment', 'file', 'unit', 'default', 'meaning'], rows)}

## Rules between options

- \`lowMark\` is below \`highMark\`; \`maxLag\` is at most \`capacity\`.
- \`maxMessageBytes\` is at most the capacity, and on a feed whose readers may pause it at most what the capacity leaves above the high
  mark: so a source that stops when it is told to is never refused.
- A source that cannot wait (\`ticker\`, \`host\`, an Observable) goes with none of \`pause\`, \`minClients\` and \`rate\`.
- \`chunkBytes\` needs \`format\` \`binary\`, \`softForMs\` needs \`softLag\`, and what is for some sources needs one of those.
- A recording has a \`speed\` or a \`rate\`. One feed at the most reads stdin.
`
}

/** What may stand between source and log. */
const STAGES = (rule: string) => `${rule[0]!.toUpperCase()}${rule.slice(1)}. [sources.md](sources.md) tells of both.`

function metrics(): string {
  const rows = METRICS.map(({ name, help, type, labels }) => [
    `\`${name}\``,
    type,
    labels.map(label => `\`${label}\``).join(', '),
    help,
  ])
  return `# Metrics

${GENERATED}
\`GET /metrics\`, in the Prometheus text format. Counted as plain numbers on the way and collected at scrape; base units; no label
is ever per client. \`feed\` is one of the hub's feeds; \`stat\` is p50, p90, p99 or max (nearest rank; of windows min, p50 and max); \`band\` is
${BANDS.map(([band]) => band).join(', ')}; \`code\` is a close code of PROTOCOL.md 4.1, of clients that left also one of RFC 6455 §7.4.1 or \`other\`; \`initiator\` is
hub, client or network (the connection was lost); the values of \`reason\` and \`outcome\` are below. Recording rules and alerts that are made of these
are in \`grafana/prometheus/\`.

All of a scrape is one look at the readers. After it the hub rests from scrapes for twenty times as long as it took; who asks meanwhile waits
for that, a second at the most, and all who wait get the same.

${table(['metric', 'type', 'labels', 'meaning'], rows)}

## Of Node and of the process

As prom-client collects them, besides those whose collection costs a look at every socket.

${table(
  ['metric', 'meaning'],
  Object.entries(NODE).map(([name, meaning]) => [`\`${name}\``, meaning]),
)}

## Reasons

| \`spillway_evictions_total\` | the client was closed because |
| --- | --- |
| \`lag\` | it was over \`max-lag\` |
| \`soft-lag\` | it was over \`soft-lag\` for longer than \`soft-for\` |
| \`overrun\` | the tail had passed it: what it needed next was gone |
| \`pause\` | it held the gate and nothing more was confirmed for \`max-pause\` |
| \`gate-rate\` | it held the gate and took less than \`min-gate-rate\` |
| \`stall\` | its oldest ping went unanswered for \`stall-timeout\`, and nothing else showed that it was there |
| \`pinned\` | its unfinished write kept too much memory alive |
| \`operator\` | an operator evicted it |

| \`spillway_gaps_total\` | readers did not get something because |
| --- | --- |
| \`overflow\` | they were too far behind, and \`skip\` moved them to the newest message |
| \`rate\` | they asked for less with \`maxRate\` |
| \`source\` | the source left a hole in its numbering; counted once for the feed, not for each reader |

| \`spillway_refused_clients_total\` | code | the newcomer was not let in because |
| --- | --- | --- |
${Object.entries(REFUSALS)
  .map(([reason, code]) => `| \`${reason}\` | ${code} | ${REFUSED[reason as RefusalReason]} |`)
  .join('\n')}

| \`spillway_resumes_total\` | a client came back with a position, and |
| --- | --- |
${RESUMES.map(outcome => `| \`${outcome}\` | ${RESUMED[outcome]} |`).join('\n')}

## What adds up

For every reader, at any time: published since it joined = taken + in flight + skipped + queued (and conflated, which is 0 until there is a policy that conflates). When a client closes,
what was in flight becomes \`unknown\` and what was queued \`undelivered\`. \`spillway_delivered_messages_total\` is what was taken: a pong
came back from behind it, so the client's WebSocket stack has it, whatever its page does with it. Of a client that never answers
(\`spillway_unconfirmed_clients\`) nothing counts as taken; with the window off (\`--target-delay 0\`), what its socket took does.

Over all readers, here and gone, at every scrape: \`spillway_reader_published_messages_total\` = \`spillway_delivered_messages_total\` +
\`spillway_in_flight_messages\` + \`spillway_skipped_messages_total\` + \`spillway_queued_messages\` + \`spillway_unknown_messages_total\` +
\`spillway_undelivered_messages_total\`. The left side is counted as readers come and go, the right side told by their cursors.
`
}

const REFUSED: Readonly<Record<RefusalReason, string>> = {
  closing: 'the hub is closing',
  'max-clients': 'the hub has as many clients as it takes',
  'no-feed': 'there is no such feed',
  origin: 'its page is from another site, and `origins` does not name it',
  policy: 'the feed does not allow the policy it asked for',
  query: 'its query broke a rule',
  ahead: 'its position is beyond the head',
  trimmed: 'what follows its position is not kept any more',
  'other-epoch': 'its position is of another epoch: the hub has been restarted, or the log begun anew',
}

const RESUMED: Readonly<Record<ResumeOutcome, string>> = {
  resumed: 'goes on from there and misses nothing',
  trimmed: 'was refused: what follows is not kept any more',
  'other-epoch': 'was refused: it is of another epoch',
  ahead: 'was refused: it is beyond the head',
}

function errors(): string {
  return `# Errors

${GENERATED}
What Spillway throws on purpose is a \`SpillwayError\`: \`code\` is stable, \`message\` names the rule and the value. Close codes, which
clients see, are in PROTOCOL.md 4.1.

${table(
  ['code', 'meaning'],
  Object.entries(ERRORS).map(([code, meaning]) => [`\`${code}\``, meaning]),
)}
`
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  mkdirSync(DOCS, { recursive: true })
  for (const [name, text] of Object.entries(await pages())) writeFileSync(join(DOCS, name), text)
  const report = kept()
  for (const [file, text] of Object.entries(report === undefined ? {} : documents(report))) writeFileSync(file, text)
}
