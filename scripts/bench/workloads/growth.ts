/** Does a delivery cost more when there are more clients, or more feeds? */
import { FEW } from '../peers/index.ts'
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

interface GrowthSettings extends Settings {
  readonly clients: readonly number[]
  readonly feeds: readonly number[]
  /** The same whatever the clients and feeds, so that only their number differs. */
  readonly deliveries: number
  readonly bytes: number
  readonly warmUp: number
  readonly seconds: number
}

const FULL: GrowthSettings = {
  pairs: 5,
  clients: [100, 1_000, 10_000],
  feeds: [1, 100],
  deliveries: 20_000,
  bytes: 128,
  warmUp: 1.5,
  seconds: 1.5,
}

export const growth: Workload<GrowthSettings> = {
  name: 'growth',
  about:
    'The same number of deliveries a second, to few clients or many, in one feed (room, channel) or spread over a hundred: what one delivery costs the server. All that a server does besides, such as its pings, is in it, but for the first ping to each client.',
  kinds: FEW,
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 1, clients: [100, 1_000, 5_000], seconds: 1 },
    tiny: { ...FULL, pairs: 1, clients: [20], feeds: [5], deliveries: 1_000, warmUp: 0.1, seconds: 0.5 },
  },
  check({ clients, feeds }) {
    const uneven = clients.flatMap(all => feeds.filter(several => all % several !== 0).map(several => [all, several]))
    const [first] = uneven
    if (first === undefined) return undefined
    return `--feeds: expected numbers that divide those of --clients, got ${first[1]} for ${first[0]}`
  },
  cases: ({ clients, feeds, deliveries, bytes, warmUp, seconds }) =>
    feeds.flatMap(several =>
      clients.map(all => ({
        name: `${all} clients, ${several} ${several === 1 ? 'feed' : 'feeds'}`,
        once: kind => {
          // So that 100 feeds of small logs do not make the difference that readers should.
          const feed = { capacity: 2 ** 20 }
          return during(kind, { feed, feeds: several, load: { fast: all, napMs: 20 } }, async run => {
            await run.publish({ do: 'steady', perSecond: (deliveries * several) / all, bytes })
            await wait(warmUp * 1_000)
            const span = await run.span(seconds)
            const rate = span.messages / span.seconds
            return finish(run, [
              { name: 'CPU a delivery', unit: 'µs', value: (span.serverCpu / rate) * 1e6, better: 'less' },
              { name: 'deliveries/s', unit: 'a second', value: rate },
            ])
          })
        },
      })),
    ),
}
