/** The log alone, in this process: what an append costs with one cursor and with 100,000, and memory when nobody listens. */
import { Hub } from '../../../src/index.ts'
import { Cursor } from '../../../src/log/cursor.ts'
import { Log } from '../../../src/log/log.ts'
import type { Measured } from '../results.ts'
import type { Case, Settings, Workload } from '../workload.ts'

interface LogSettings extends Settings {
  readonly cursors: readonly number[]
  readonly appends: number
  readonly plateau: number
}

const FULL: LogSettings = { pairs: 7, cursors: [1, 100_000], appends: 1_000_000, plateau: 10 }

export const log: Workload<LogSettings> = {
  name: 'log',
  about:
    'The log alone: what an append of 128 B costs, whoever has a cursor; and 100 MB/s into a feed that nobody reads. Run by itself: what came before in the process has left its traces.',
  kinds: ['spillway'],
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 3, plateau: 3 },
    tiny: { ...FULL, pairs: 1, appends: 10_000, plateau: 0.5 },
  },
  check: (_, kinds) =>
    kinds.length === 1 && kinds[0] === 'spillway' ? undefined : `--kinds: expected spillway, got ${kinds}`,
  cases: ({ cursors, appends, plateau }) => [
    ...cursors.map(
      (count): Case => ({
        name: count === 1 ? '1 cursor' : `${count} cursors`,
        once: async () => alone([{ name: 'append', unit: 'ns', value: appendNs(count, appends) }]),
      }),
    ),
    { name: '100 MB/s, nobody listens', once: () => flat(plateau) },
  ],
}

const alone = (measures: Measured['measures']): Measured => ({ measures, connected: 0, clients: 0, loadCpu: 0 })

function appendNs(cursors: number, appends: number): number {
  const capacity = { bytes: 16 * 2 ** 20, messages: Number.POSITIVE_INFINITY, ms: Number.POSITIVE_INFINITY }
  const log = new Log({ format: 'text', epoch: 'bench', capacity })
  const held = Array.from({ length: cursors }, () => new Cursor(log.end))
  const payload = 'x'.repeat(128)
  for (let i = 0; i < appends / 10; i++) log.append(payload, performance.now())
  const started = performance.now()
  for (let i = 0; i < appends; i++) log.append(payload, performance.now())
  const ns = ((performance.now() - started) * 1e6) / appends
  if (held.length !== cursors) throw new Error('cursors were lost')
  return ns
}

/** 100 MB/s into a feed that nobody reads. */
async function flat(seconds: number): Promise<Measured> {
  const hub = new Hub()
  const feed = hub.feed('bench', { format: 'binary' })
  const payload = Buffer.alloc(1_000, 1)
  const started = performance.now()
  let sent = 0
  const until = async (end: number) => {
    while (performance.now() - started < end * 1_000) {
      const due = (performance.now() - started) * 100
      for (; sent < due; sent++) if (!feed.publish({ payload })) await feed.ready()
      await new Promise(resolve => setImmediate(resolve))
    }
    return process.memoryUsage.rss()
  }
  const half = await until(seconds / 2)
  const end = await until(seconds)
  await hub.close()
  return alone([
    { name: 'RSS half-way', unit: 'bytes', value: half },
    { name: 'RSS at the end', unit: 'bytes', value: end },
    { name: 'published', unit: 'MB/s', value: sent / 1_000 / seconds },
  ])
}
