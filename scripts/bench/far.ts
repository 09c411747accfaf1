/** A fast client a long way off: how much of the largest window it is sent in each round trip. */
import { kinds, number, numbers } from './args.ts'
import { ms, percent, Results, rounds, start, wait } from './run.ts'

/** The hub's `maxWindowBytes`. */
const WINDOW_BYTES = 2 ** 20
const MESSAGE_BYTES = 16 * 1024
/** 20 MB/s: more than the window lets through, and no more than a loop can queue. */
const PER_SECOND = 1_280
const WARM_UP_SECONDS = 10

export async function far(): Promise<void> {
  const seconds = number('seconds', 10)
  const taking = kinds(['spillway', 'off', 'loop'])
  for (const roundTripMs of numbers('delay', '100,300')) {
    const results = new Results<{ readonly rate: number; readonly connected: number; readonly measured: number }>()
    for (const kind of rounds(number('pairs', 3), taking)) {
      const run = await start(kind, { feed: { overflow: 'skip' }, load: { fast: 1 }, roundTripMs })
      await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: MESSAGE_BYTES })
      await wait(WARM_UP_SECONDS * 1_000)
      await run.load()
      const started = performance.now()
      await wait(seconds * 1_000)
      const { bytes, handshakeMs } = await run.load()
      const rate = (bytes / (performance.now() - started)) * 1_000
      results.add(kind, { rate, connected: run.connected, measured: handshakeMs })
      await run.close()
    }
    for (const kind of taking) {
      const rate = results.median(kind, result => result.rate)
      const share = (rate * roundTripMs) / 1_000 / WINDOW_BYTES
      const measured = results.median(kind, result => result.measured)
      const connected = results.least(kind, result => result.connected)
      console.log(
        `${roundTripMs} ms (handshake ${ms(measured)}), ${kind}: ${(rate / 1e6).toFixed(2)} MB/s, ${percent(share)} of the largest window each round trip; ${connected} connected`,
      )
    }
  }
}
