/** Clients that come and go as fast as it goes, and a crowd that comes back at once. */
import { Delays } from '../../swarm/delays.ts'
import { UNGUARDED } from '../peers/index.ts'
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

interface ChurnSettings extends Settings {
  readonly lanes: number
  readonly bystanders: number
  readonly rate: number
  readonly bytes: number
  readonly warmUp: number
  readonly seconds: number
}

const CHURN: ChurnSettings = { pairs: 5, lanes: 50, bystanders: 100, rate: 100, bytes: 128, warmUp: 1, seconds: 3 }

export const churn: Workload<ChurnSettings> = {
  name: 'churn',
  about:
    "Clients connect, wait for a message, and leave with a closing handshake, so many at a time and without a pause; others stay, and notice or not. A message comes every 10 ms, which a visit waits for. The cost of a visit includes the server's share of these messages.",
  kinds: UNGUARDED,
  sizes: {
    full: CHURN,
    quick: { ...CHURN, pairs: 1 },
    tiny: { ...CHURN, pairs: 1, lanes: 5, bystanders: 5, warmUp: 0.2, seconds: 0.5 },
  },
  cases: ({ lanes, bystanders, rate, bytes, warmUp, seconds }) => [
    {
      name: `${lanes} at a time`,
      once: kind =>
        during(kind, { load: {}, bystanders: { fast: bystanders, timed: true }, later: 20 * lanes }, async run => {
          await run.publish({ do: 'steady', perSecond: rate, bytes })
          await run.tell({ do: 'churn', lanes })
          await wait(warmUp * 1_000)
          await run.bystanders()
          const span = await run.span(seconds)
          const { delays, lost } = await run.bystanders()
          const { visits } = span.load
          if (visits.failed > 0) throw new Error(`${visits.failed} visits failed`)
          const perSecond = visits.done / span.seconds
          return {
            ...(await finish(run, [
              { name: 'visits/s', unit: 'a second', value: perSecond, better: 'more' },
              { name: 'CPU a visit', unit: 'µs', value: (span.serverCpu / perSecond) * 1e6, better: 'less' },
              { name: 'to the first message, p50', unit: 'ms', value: new Delays(visits.delays).at(0.5) },
              { name: 'to the first message, p99', unit: 'ms', value: new Delays(visits.delays).at(0.99) },
              { name: 'bystanders p99', unit: 'ms', value: new Delays(delays).at(0.99), better: 'less' },
            ])),
            connected: bystanders - lost,
          }
        }),
    },
  ],
}

interface ResumeSettings extends Settings {
  readonly clients: number
  readonly bystanders: number
  readonly rate: number
  readonly bytes: number
  readonly away: number
}

const RESUME: ResumeSettings = { pairs: 5, clients: 2_000, bystanders: 200, rate: 10, bytes: 128, away: 2 }
const POLL_MS = 100
const MOST_MS = 20_000

export const resume: Workload<ResumeSettings> = {
  name: 'resume',
  about:
    'A thundering resume: clients who were away come back in the same moment. To the hub they come with their position, and have caught up when they have read all that they missed and one message published after they set out; to peers, which have nothing like it or not by default, they just reconnect, miss what they missed, and have caught up with their first message. A dash: not all of them within 20 s, because some were turned away or still waited (nobody tries twice). Bystanders are others, in a process of their own, from the moment of return until all have caught up and a second more.',
  kinds: UNGUARDED,
  sizes: {
    full: RESUME,
    quick: { ...RESUME, pairs: 1 },
    tiny: { ...RESUME, pairs: 1, clients: 20, bystanders: 5, away: 0.5 },
  },
  cases: ({ clients, bystanders, rate, bytes, away }) => [
    {
      name: `${clients} at once, ${away} s away`,
      once: kind =>
        during(kind, { load: {}, bystanders: { fast: bystanders, timed: true }, later: clients }, async run => {
          await run.publish({ do: 'steady', perSecond: rate, bytes })
          await wait(500)
          const from = (await run.server())?.hub?.position
          await wait(away * 1_000)
          await run.bystanders()
          await run.tell({ do: 'return', clients, ...(from === undefined ? {} : { from }) })
          const started = performance.now()
          let returned = (await run.load()).returned!
          while (returned.caughtUp + returned.refused < clients && performance.now() - started < MOST_MS) {
            await wait(POLL_MS)
            returned = (await run.load()).returned!
          }
          await run.span(1)
          const delays = new Delays((await run.bystanders()).delays)
          return finish(
            run,
            [
              { name: 'all connected', unit: 'ms', value: returned.joinedMs ?? Number.NaN, better: 'less' },
              { name: 'all caught up', unit: 'ms', value: returned.caughtUpMs ?? Number.NaN, better: 'less' },
              { name: 'messages each', unit: 'count', value: returned.messages / clients },
              { name: 'turned away', unit: 'count', value: returned.refused },
              { name: 'bystanders p50', unit: 'ms', value: delays.at(0.5) },
              { name: 'bystanders p99', unit: 'ms', value: delays.at(0.99), better: 'less' },
            ],
            clients,
          )
        }),
    },
  ],
}
