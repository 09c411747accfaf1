/** Half of the clients never read: what it costs the others, the server's memory and the kernel's, and what becomes of them. */
import { kernelTcp } from '../../swarm/kernel.ts'
import { ALL, isHub } from '../peers/index.ts'
import { wait } from '../run.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

/** With 560 of them, loops take all the TCP memory of a machine of 24 GB. */
const MOST_SILENT_OF_PEERS = 500
/** The hub's default. */
const STALL_TIMEOUT_MS = 30_000

interface SwarmSettings extends Settings {
  readonly silent: readonly number[]
  readonly healthy: number
  readonly rate: number
  readonly bytes: number
  readonly capacity: number
  readonly overflow: string
  readonly warmUp: number
  readonly seconds: number
}

const FULL: SwarmSettings = {
  pairs: 5,
  silent: [500, 0],
  healthy: 500,
  rate: 100,
  bytes: 1_024,
  capacity: 256 * 1_024,
  overflow: 'skip',
  warmUp: 1,
  seconds: 5,
}

export const slowSwarm: Workload<SwarmSettings> = {
  name: 'slow-swarm',
  about:
    "Half of the clients never read, while the hub's log wraps every two and a half seconds; and the same without them. Memory is that at the end: what a peer queues grows as long as it runs. The kernel's TCP memory is that of the whole machine, less what it was before.",
  kinds: ALL,
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 1, seconds: 4 },
    tiny: { ...FULL, pairs: 1, silent: [10], healthy: 10, capacity: 64 * 1_024, warmUp: 0.2, seconds: 1 },
  },
  words: { overflow: ['skip', 'evict'] },
  check({ silent }, kinds) {
    const most = Math.max(...silent)
    if (most <= MOST_SILENT_OF_PEERS || kinds.every(isHub)) return undefined
    return `--silent: expected at most ${MOST_SILENT_OF_PEERS} unless --kinds is spillway alone, because the machine's TCP memory ends, got ${most}`
  },
  cases: ({ silent, healthy, rate, bytes, capacity, overflow, warmUp, seconds }) =>
    silent.map(count => ({
      name: `${count} of ${count + healthy} never read`,
      async once(kind) {
        const feed = { capacity, overflow: overflow as 'skip' | 'evict' }
        // The same bound with and without them.
        const hub = { stallTimeoutMs: STALL_TIMEOUT_MS, maxClients: healthy + Math.max(...silent) }
        const before = kernelTcp()
        return during(kind, { feed, hub, load: { fast: healthy, silent: count, timed: true } }, async run => {
          await run.publish({ do: 'steady', perSecond: rate, bytes })
          await wait(warmUp * 1_000)
          const span = await run.span(seconds)
          const kernel = kernelTcp() - before
          const { delays, server } = span
          return finish(run, [
            { name: 'healthy age p50', unit: 'ms', value: delays.at(0.5), better: 'less' },
            { name: 'healthy age p99', unit: 'ms', value: delays.at(0.99), better: 'less' },
            {
              name: 'messages/s to each healthy',
              unit: 'count',
              value: span.messages / span.seconds / healthy,
            },
            { name: 'RSS', unit: 'bytes', value: run.rss, better: 'less' },
            { name: 'printed bound', unit: 'bytes', value: server?.hub?.bound ?? Number.NaN },
            { name: 'kernel TCP', unit: 'bytes', value: kernel, ...(count > 0 ? { better: 'less' as const } : {}) },
            { name: 'evicted', unit: 'count', value: server?.hub?.evicted ?? Number.NaN },
          ])
        })
      },
    })),
}
