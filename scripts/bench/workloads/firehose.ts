/** As many messages as there is time for: what a delivery costs when nothing else does. */
import { ALL } from '../peers/index.ts'
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

interface FirehoseSettings extends Settings {
  readonly clients: number
  readonly perTurn: readonly number[]
  readonly bytes: number
  readonly warmUp: number
  readonly seconds: number
  readonly window: boolean
}

const FULL: FirehoseSettings = {
  pairs: 5,
  clients: 1_000,
  perTurn: [1, 8, 64],
  bytes: 128,
  warmUp: 1,
  seconds: 1.5,
  window: false,
}

export const firehose: Workload<FirehoseSettings> = {
  name: 'firehose',
  about:
    'As many messages as there is time for, so many published in each turn of the event loop, to healthy clients: deliveries a second, and what one costs the server.',
  kinds: ALL,
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 1, seconds: 2 },
    tiny: { ...FULL, pairs: 1, clients: 20, perTurn: [8], warmUp: 0.2, seconds: 0.5 },
  },
  cases: ({ perTurn, clients, bytes, warmUp, seconds, window }) =>
    perTurn.map(messages => ({
      name: `${messages} a turn`,
      once: kind => {
        // The window on against off: both ping clients that are silent, as by default. A client that has answered once acknowledges
        // later from then on (its TCP thinks that this is a dialogue), and each write costs some 10 % more: no cost of the window.
        const hub = window ? { stallTimeoutMs: 3_000 } : {}
        return during(kind, { hub, load: { fast: clients, napMs: 20 } }, async run => {
          await run.publish({ do: 'firehose', perTurn: messages, bytes })
          await wait((window ? Math.max(3, warmUp) : warmUp) * 1_000)
          const span = await run.span(seconds)
          const rate = span.messages / span.seconds
          return finish(run, [
            { name: 'deliveries/s', unit: 'a second', value: rate, better: 'more' },
            { name: 'CPU a delivery', unit: 'µs', value: (span.serverCpu / rate) * 1e6, better: 'less' },
          ])
        })
      },
    })),
}
