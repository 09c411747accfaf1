/** A fast client a long way off: how much of the largest window it is sent in each round trip. */
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

/** The hub's `maxWindowBytes`. */
const WINDOW_BYTES = 2 ** 20
const MESSAGE_BYTES = 16 * 1024
/** 20 MB/s: more than the window lets through, and no more than a loop can queue. */
const PER_SECOND = 1_280

interface FarSettings extends Settings {
  readonly delay: readonly number[]
  readonly warmUp: number
  readonly seconds: number
}

const FULL: FarSettings = { pairs: 3, delay: [100, 300], warmUp: 10, seconds: 10 }

export const far: Workload<FarSettings> = {
  name: 'far',
  about:
    'One fast client behind a relay that holds every byte back, on a feed that brings more than a window each round trip: is the largest window used? (The handshake is a round trip, measured.)',
  kinds: ['spillway', 'off', 'loop'],
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 1, warmUp: 5, seconds: 3 },
    tiny: { ...FULL, pairs: 1, delay: [10], warmUp: 0.2, seconds: 0.5 },
  },
  cases: ({ delay, warmUp, seconds }) =>
    delay.map(roundTripMs => ({
      name: `${roundTripMs} ms there and back`,
      once: kind =>
        during(kind, { feed: { overflow: 'skip' }, load: { fast: 1 }, roundTripMs }, async run => {
          await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: MESSAGE_BYTES })
          await wait(warmUp * 1_000)
          const { bytes, seconds: elapsed, load } = await run.span(seconds)
          const rate = bytes / elapsed
          const share = (rate * roundTripMs) / 1_000 / WINDOW_BYTES
          // The relay's own connection is one more than the client's.
          return finish(run, [
            { name: 'read', unit: 'MB/s', value: rate / 1e6 },
            { name: 'of the window', unit: 'share', value: share },
            { name: 'handshake', unit: 'ms', value: load.handshakeMs },
          ])
        }),
    })),
}
