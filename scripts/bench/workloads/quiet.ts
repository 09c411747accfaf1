/** Feeds that say little: nobody may be taken for dead, and nothing may stay unconfirmed. And a source held by a single reader. */
import { isHub } from '../peers/index.ts'
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

const STALL_TIMEOUT_MS = 10_000

interface QuietSettings extends Settings {
  readonly clients: number
  readonly seconds: number
}

const QUIET: QuietSettings = { pairs: 1, clients: 50, seconds: 120 }

export const quiet: Workload<QuietSettings> = {
  name: 'quiet',
  about:
    'A message now and then, 1 to 20 s apart, with a stall timeout of 10 s: is everything confirmed, and everybody there?',
  kinds: ['spillway', 'off', 'loop'],
  sizes: { full: QUIET, quick: { ...QUIET, seconds: 30 }, tiny: { ...QUIET, clients: 5, seconds: 3 } },
  cases: ({ clients, seconds }) => [
    {
      name: `${clients} clients, ${seconds} s`,
      once: kind =>
        during(kind, { hub: { stallTimeoutMs: STALL_TIMEOUT_MS }, load: { fast: clients, timed: true } }, async run => {
          await run.publish({ do: 'now-and-then', leastMs: 1_000, mostMs: 20_000, bytes: 128 })
          const { messages, load, server } = await run.span(seconds)
          const confirmed = isHub(kind) ? (server?.longestMs ?? Number.NaN) : Number.NaN
          return finish(run, [
            { name: 'all confirmed within', unit: 'ms', value: confirmed },
            { name: 'evicted', unit: 'count', value: server?.hub?.evicted ?? Number.NaN },
            { name: 'published', unit: 'count', value: server?.published ?? Number.NaN },
            { name: 'messages to each', unit: 'count', value: messages / clients },
            { name: 'pongs', unit: 'count', value: load.pongs },
          ])
        }),
    },
  ],
}

interface PauseSettings extends Settings {
  readonly bytes: number
  readonly seconds: number
}

const PAUSE: PauseSettings = { pairs: 7, bytes: 128, seconds: 5 }

export const pause: Workload<PauseSettings> = {
  name: 'pause',
  about:
    'A lossless feed with room for 64 KiB, a source that always has more, and one reader: what it costs to ask what was taken.',
  kinds: ['spillway', 'off'],
  sizes: { full: PAUSE, quick: { ...PAUSE, pairs: 1, seconds: 2 }, tiny: { ...PAUSE, pairs: 1, seconds: 0.5 } },
  check: (_, kinds) =>
    kinds.every(isHub) ? undefined : `--kinds: expected spillway or off, because only they have demand, got ${kinds}`,
  cases: ({ bytes, seconds }) => [
    {
      name: 'one reader',
      once: kind =>
        during(kind, { feed: { overflow: 'pause', capacity: 64 * 1_024 }, load: { fast: 1 } }, async run => {
          await run.publish({ do: 'demand', bytes })
          await wait(Math.min(1, seconds) * 1_000)
          const span = await run.span(seconds)
          const value = span.messages / span.seconds
          return finish(run, [{ name: 'messages/s', unit: 'a second', value, better: 'more' }])
        }),
    },
  ],
}
