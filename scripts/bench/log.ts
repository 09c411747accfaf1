/** The log alone: what an append costs with one cursor and with 100,000, and what memory does with no clients at all. */
import { Hub } from '../../src/index.ts'
import { Cursor } from '../../src/log/cursor.ts'
import { Log } from '../../src/log/log.ts'

const APPENDS = 1_000_000
const ROUNDS = 7

export async function logTrial(): Promise<void> {
  const results: Record<number, number[]> = { 1: [], 100000: [] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const cursors of [1, 100_000]) results[cursors]!.push(appendNs(cursors))
  }
  const [one, many] = [median(results[1]!), median(results[100_000]!)]
  console.log(`append of 128 B: ${one} ns with 1 cursor, ${many} ns with 100,000 (${(many / one).toFixed(2)} ×)`)
  await plateau(Number(process.env['PLATEAU_SECONDS'] ?? 60))
}

function appendNs(cursors: number): number {
  const capacity = { bytes: 16 * 2 ** 20, messages: Number.POSITIVE_INFINITY, ms: Number.POSITIVE_INFINITY }
  const log = new Log({ format: 'text', epoch: 'bench', capacity })
  const held = Array.from({ length: cursors }, () => new Cursor(log.end))
  const payload = 'x'.repeat(128)
  for (let i = 0; i < APPENDS / 10; i++) log.append(payload, performance.now())
  const started = performance.now()
  for (let i = 0; i < APPENDS; i++) log.append(payload, performance.now())
  const ns = Math.round(((performance.now() - started) * 1e6) / APPENDS)
  if (held.length !== cursors) throw new Error('cursors were lost')
  return ns
}

/** 100 MB/s into a feed that nobody reads. */
async function plateau(seconds: number): Promise<void> {
  const hub = new Hub()
  const feed = hub.feed('bench', { format: 'binary' })
  const payload = Buffer.alloc(1_000, 1)
  const started = performance.now()
  let sent = 0
  for (let second = 1; second <= seconds; second++) {
    while (performance.now() - started < second * 1_000) {
      const due = (performance.now() - started) * 100
      for (; sent < due; sent++) if (!feed.publish({ payload })) await feed.ready()
      await new Promise(resolve => setImmediate(resolve))
    }
    if (second % 10 !== 0) continue
    const rss = Math.round(process.memoryUsage.rss() / 2 ** 20)
    console.log(`${second} s, ${Math.round(sent / 1_000 / second)} MB/s, nobody listens: rss ${rss} MiB`)
  }
  await hub.close()
}

function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
}
