/**
 * The swarm: a population of real sockets on one thread that attacks a WebSocket server, slowly, rudely or in a herd, measures
 * what that does to the others, and says whether it held.
 *
 *     npm run swarm -- ws://localhost:8080/feeds/ticks --clients healthy=200,never-reads=50 --duration 20s \
 *       --assert 'healthy.p99 < 50ms' --assert 'hub.rss < bound'
 *     npm run swarm -- never-readers --against spillway      a scenario, against a server started for it
 *     npm run swarm -- --all                                 every scenario against the hub and against the loop
 *
 *   URL                ws://HOST:PORT/PATH of any WebSocket server; or
 *   --against KINDS    start one on loopback: spillway, loop (`for (c of clients) c.send(m)`), guarded (the same for those
 *                      whose bufferedAmount is below 64 KiB); several with commas
 *   SCENARIO …         files, or names of those in scripts/swarm/scenarios; --all for all of these
 *   --clients LIST     [NAME:]BEHAVIOUR=COUNT[@PARAMETER],… with COUNT as 500, or as 5% of --total
 *   --ramp TIME        how long they take to come [1s]          --warmup TIME    after it, what does not count yet [0s]
 *   --duration TIME    how long figures count [10s]             --seed N         the same swarm for the same seed [1]
 *   --assert TEXT      FIGURE OPERATOR VALUE, as often as you like
 *   --json FILE        the figures; - for standard output       --time none      look for no time in messages
 *   --protocol NAME    subprotocol to ask for
 *
 * Behaviours, figures and assertions are in docs/swarm.md. Latency and data age need a time in the messages: a run of 13 digits
 * (milliseconds since 1970) or 16 (microseconds) in the first 128 bytes; gaps need a number behind it. Across machines the
 * difference of their clocks is in both. Exit codes: 0 all assertions hold, 1 some do not, 2 bad input. Ctrl-C ends early, and
 * still tells.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { readOrders } from './swarm/arguments.ts'
import { compare } from './swarm/compare.ts'
import { report } from './swarm/report.ts'
import { runOnce } from './swarm/run.ts'
import { isRefusal } from './swarm/scenario.ts'
import { table, verdictLine } from './swarm/screen.ts'

const stop = new AbortController()
process.once('SIGINT', () => stop.abort())
process.once('SIGTERM', () => stop.abort())

async function main(): Promise<number> {
  const orders = readOrders(process.argv.slice(2))
  if (orders === undefined) {
    console.log(manual())
    return 0
  }
  const { scenarios, target, against, json } = orders
  const [scenario] = scenarios
  if (scenarios.length > 1 || against.length > 1) return compare(scenarios, target ?? against, json, stop.signal)
  const { seen, verdicts } = await runOnce(scenario!, target ?? against[0]!, stop.signal)
  const out = json === '-' ? console.error : console.log
  out(table(seen))
  if (verdicts.length > 0) out(`\n${verdicts.map(verdictLine).join('\n')}`)
  if (json !== undefined) write(json, report(scenario!, target ?? against[0]!, seen, verdicts))
  return verdicts.every(({ holds }) => holds) ? 0 : 1
}

function write(file: string, value: unknown): void {
  const text = `${JSON.stringify(value, null, 2)}\n`
  if (file === '-') process.stdout.write(text)
  else writeFileSync(file, text)
}

/** The comment at the top of this file. */
function manual(): string {
  const [comment = ''] = /(?<=\/\*\*\n).*?(?= \*\/)/s.exec(readFileSync(import.meta.filename, 'utf8')) ?? []
  return comment.replace(/^ \* ?/gm, '').trimEnd()
}

main().then(
  code => process.exit(code),
  error => {
    console.error(isRefusal(error) ? error.message : error)
    process.exit(isRefusal(error) ? 2 : 1)
  },
)
