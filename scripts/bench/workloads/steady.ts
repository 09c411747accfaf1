/** Many clients, little to say: what a server costs that has no excuse. */
import { ALL } from '../peers/index.ts'
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

interface SteadySettings extends Settings {
  readonly clients: number
  readonly rate: number
  readonly bytes: number
  readonly warmUp: number
  readonly seconds: number
}

/** Without, to read for 5,000 clients takes all of a core. */
const NAP_MS = 5

const FULL: SteadySettings = { pairs: 5, clients: 5_000, rate: 20, bytes: 128, warmUp: 1, seconds: 4 }

export const steady: Workload<SteadySettings> = {
  name: 'steady',
  about:
    "Many clients and a few messages a second: the server's CPU, and the age of a message when it is read, from the moment it was due (the load sleeps 5 ms between turns, which is in all ages). Who cannot carry so much falls behind for as long as it runs, and its ages say how far.",
  kinds: ALL,
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 1, seconds: 3 },
    tiny: { ...FULL, pairs: 1, clients: 20, warmUp: 0.2, seconds: 0.5 },
  },
  cases: ({ clients, rate, bytes, warmUp, seconds }) => [
    {
      name: `${clients} clients, ${rate}/s`,
      once: kind =>
        during(kind, { load: { fast: clients, timed: true, napMs: NAP_MS } }, async run => {
          await run.publish({ do: 'steady', perSecond: rate, bytes })
          await wait(warmUp * 1_000)
          const span = await run.span(seconds)
          const { serverCpu, delays } = span
          return finish(run, [
            { name: 'server CPU', unit: 'share', value: serverCpu, better: 'less' },
            {
              name: 'CPU a delivery',
              unit: 'µs',
              value: (serverCpu / (span.messages / span.seconds)) * 1e6,
              better: 'less',
            },
            { name: 'messages/s each', unit: 'count', value: span.messages / span.seconds / clients },
            { name: 'age p50', unit: 'ms', value: delays.at(0.5), better: 'less' },
            { name: 'age p99', unit: 'ms', value: delays.at(0.99), better: 'less' },
            { name: 'age max', unit: 'ms', value: delays.at(1) },
          ])
        }),
    },
  ],
}
