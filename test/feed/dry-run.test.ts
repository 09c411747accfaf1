/** A dry run: who would have been evicted, by the rules of the judge, and nobody is. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { DryRun, type DryRunOptions } from '../../src/dry-run.ts'
import { type Feed, Hub } from '../../src/index.ts'
import { SimulatedSocket } from '../support/simulated.ts'

const MIB = 2 ** 20

function setUp() {
  const hub = new Hub({ targetDelayMs: 0, evictGraceMs: 1 })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  const feed = hub.feed('f', { overflow: 'skip' })
  let clock = performance.now()
  return {
    hub,
    feed,
    /** One whose socket takes nothing; `back` bytes are there when it comes. */
    stuck(at = feed.log.end) {
      const socket = new SimulatedSocket(0)
      const { reader } = hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, {
        at,
        overflow: 'skip',
        maxRate: 0,
      })
      return reader
    },
    publish(bytes: number) {
      for (let sent = 0; sent < bytes; sent += 1_000) feed.publish({ payload: 'x'.repeat(990) })
      for (const reader of feed.readers) {
        const run = reader.cursor.unfinished === undefined ? feed.log.run(reader.cursor.at) : undefined
        if (run !== undefined) feed.readers.blocked(reader, run)
      }
    },
    /** A look at every reader, a second later. */
    look(run: DryRun, stalledMs = 0) {
      clock += 1_000
      for (const reader of feed.readers) run.look(reader, stalledMs, clock)
    },
  }
}

const begin = (feed: Feed, options?: DryRunOptions) => {
  const run = new DryRun(feed, options)
  feed.dryRun = run
  return run
}

describe('a dry run', () => {
  test('counts each reader that is over the limit once, and touches none', () => {
    const { feed, stuck, publish, look } = setUp()
    const readers = [stuck(), stuck(), stuck()]
    const run = begin(feed, { maxLag: 100_000 })
    publish(50_000)
    look(run)
    expect(run.evictions).toEqual({ lag: 0, 'soft-lag': 0, overrun: 0, stall: 0 })
    publish(100_000)
    look(run)
    look(run)
    expect(run.evictions).toEqual({ lag: 3, 'soft-lag': 0, overrun: 0, stall: 0 })
    expect(feed.dryRunEvictions).toEqual(run.evictions)
    expect(run.worst).toHaveLength(3)
    expect(readers.map(({ state }) => state)).toEqual(['blocked', 'blocked', 'blocked'])
    expect(feed.evictions.size).toBe(0)
  })

  test('is patient with a soft limit, as the judge is', () => {
    const { feed, stuck, publish, look } = setUp()
    stuck()
    const run = begin(feed, { softLag: 50_000, softForMs: 2_500 })
    publish(100_000)
    for (const evicted of [0, 0, 0, 1, 1]) {
      look(run)
      expect(run.evictions['soft-lag']).toBe(evicted)
    }
  })

  test('forgets that a reader was over a soft limit once it has been at the head', () => {
    const { feed, stuck, publish, look } = setUp()
    const reader = stuck()
    const run = begin(feed, { softLag: 50_000, softForMs: 2_500 })
    publish(100_000)
    look(run)
    look(run)
    feed.readers.unblocked(reader, true, performance.now())
    reader.cursor.at = feed.log.end
    feed.readers.caughtUp(reader)
    look(run)
    publish(100_000)
    for (const evicted of [0, 0, 0, 1]) {
      look(run)
      expect(run.evictions['soft-lag']).toBe(evicted)
    }
  })

  test('spares one that began far back, until it has been within the limit', () => {
    const { feed, stuck, publish, look } = setUp()
    publish(500_000)
    const resuming = stuck(feed.log.tail)
    const run = begin(feed, { maxLag: 100_000 })
    publish(1_000)
    look(run)
    expect(run.evictions.lag).toBe(0)
    expect(resuming.arrived).toBe(false)
  })

  test('of skip counts those that would have been moved on, and evicts nobody for lag', () => {
    const { feed, stuck, publish, look } = setUp()
    stuck()
    const run = begin(feed, { overflow: 'skip', maxLag: 100_000 })
    publish(200_000)
    look(run)
    look(run)
    expect([run.skipped, run.evictions.lag]).toEqual([1, 0])
  })

  test('of a stall timeout counts those that owe an answer for longer', () => {
    const { feed, stuck, look } = setUp()
    stuck()
    const run = begin(feed, { stallTimeoutMs: 5_000 })
    look(run, 5_000)
    expect(run.evictions.stall).toBe(0)
    look(run, 5_001)
    look(run, 9_000)
    expect(run.evictions.stall).toBe(1)
  })

  test('tells the twenty with the largest lag, the largest first', () => {
    const { feed, stuck, publish, look } = setUp()
    const run = begin(feed, { maxLag: 10_000 })
    for (let i = 0; i < 30; i++) {
      stuck()
      publish(20_000)
      look(run)
    }
    look(run)
    expect(run.evictions.lag).toBe(30)
    expect(run.worst.map(({ client }) => client.id)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1))
    const bytes = run.worst.map(each => each.bytes)
    expect(bytes).toEqual(bytes.toSorted((a, b) => b - a))
  })

  test('goes by the limits of the feed where it is not told others', () => {
    const hub = new Hub()
    onTestFinished(() => hub.close({ drainMs: 0 }))
    const feed = hub.feed('f', { maxLag: MIB, softLag: { messages: 5 }, softForMs: 7 })
    expect(new DryRun(feed).limits).toEqual(feed.settings.lag)
    expect(new DryRun(feed, { maxLag: { ms: 5 } }).limits).toEqual({
      ...feed.settings.lag,
      max: { ...feed.settings.lag.max, ms: 5 },
    })
  })
})
