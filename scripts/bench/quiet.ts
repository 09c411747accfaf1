/** Feeds that say little: nobody may be taken for dead, and nothing may stay unconfirmed. And a source held by a single reader. */
import { kinds, number } from './args.ts'
import { frameBytes, type Kind, ms, Results, rounds, start, thousands, wait } from './run.ts'

const STALL_TIMEOUT_MS = 10_000
const CLIENTS = 50

/** All kinds at the same time: there is nothing to do, so nobody is in anybody's way. */
export async function quiet(): Promise<void> {
  const taking = kinds(['spillway', 'off', 'loop'])
  for (const line of await Promise.all(taking.map(quietly))) console.log(line)
}

async function quietly(kind: Kind): Promise<string> {
  const clients = number('clients', CLIENTS)
  const seconds = number('seconds', 300)
  const hub = { stallTimeoutMs: STALL_TIMEOUT_MS }
  const run = await start(kind, { hub, load: { fast: clients, timed: true } })
  await run.publish({ do: 'now-and-then', leastMs: 1_000, mostMs: 20_000, bytes: 128 })
  await wait(seconds * 1_000)
  const report = await run.server()
  const { bytes, pongs } = await run.load()
  const { connected } = run
  await run.close()
  const got = Math.round(bytes / frameBytes(128) / clients)
  const confirmed =
    kind === 'loop' || kind === 'guarded' ? '' : `; all confirmed within ${ms(report?.longestMs ?? Number.NaN)}`
  return `${kind}, ${seconds} s: ${connected} of ${clients} connected, ${report?.evicted} evicted${confirmed}; ${report?.published} messages published, ${got} to each; ${pongs} pongs`
}

/** A lossless feed with little room, and a source that always has more. */
export async function pause(): Promise<void> {
  const bytes = number('bytes', 128)
  const seconds = number('seconds', 5)
  const taking = kinds(['spillway', 'off'])
  const results = new Results<{ readonly rate: number; readonly connected: number }>()
  for (const kind of rounds(number('pairs', 7), taking)) {
    const feed = { overflow: 'pause', capacity: 64 * 1024 } as const
    const run = await start(kind, { feed, load: { fast: 1 } })
    await run.publish({ do: 'demand', bytes })
    await wait(1_000)
    await run.load()
    const started = performance.now()
    await wait(seconds * 1_000)
    const report = await run.load()
    const rate = (report.bytes / frameBytes(bytes) / (performance.now() - started)) * 1_000
    results.add(kind, { rate, connected: run.connected })
    await run.close()
  }
  for (const kind of taking) {
    const ratio = kind === taking[0] ? '' : `, ${taking[0]} to it ${results.ratio(taking[0]!, kind, r => r.rate)}`
    const rate = thousands(results.median(kind, r => r.rate))
    console.log(
      `pause, 64 KiB, ${kind}: ${rate} messages/s${ratio}; ${results.least(kind, r => r.connected)} connected`,
    )
  }
}
