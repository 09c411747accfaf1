/** What the log costs in memory: bounded while it is held, used again when it is let go of, and nothing for readers that stand still. */
import { setImmediate as turn } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { Cursor } from '../../src/log/cursor.ts'
import { MARK_MS } from '../../src/log/segment.ts'
import { logSlackBytes } from '../../src/log/sizes.ts'
import { fill, logOf, noiseFor, runsFrom } from './helpers.ts'

const KIB = 1024

describe('memory', () => {
  test('held stays within the capacity and one segment, whatever the messages are like', () => {
    const likes: { readonly size: (n: number) => number; readonly everyMs: number; readonly hole: number }[] = [
      { size: () => 0, everyMs: 0, hole: 0 },
      { size: () => 0, everyMs: MARK_MS, hole: 0 },
      { size: () => 10, everyMs: MARK_MS, hole: 0 },
      { size: () => 0, everyMs: 0, hole: 1 },
      { size: () => 300, everyMs: 1, hole: 0 },
      { size: n => (n * 977) % 9_000, everyMs: 1, hole: 0 },
      { size: n => (n % 50 === 0 ? 60_000 : 10), everyMs: 1, hole: 0 },
    ]
    for (const bytes of [4 * KIB, 64 * KIB, 1024 * KIB]) {
      for (const { size, everyMs, hole } of likes) {
        const log = logOf({ bytes })
        let most = 0
        for (let n = 0; n < 20_000 && log.bytes < 5 * bytes; n++) {
          log.append(noiseFor(n, Math.min(size(n), bytes - 16)), n * everyMs, log.head + hole)
          most = Math.max(most, log.held)
        }
        expect(most).toBeLessThanOrEqual(bytes + log.segmentBytes)
      }
    }
  })

  test('of a log that is only appended to is taken once and used again and again', () => {
    const log = logOf({ bytes: 64 * KIB })
    const memory = new Set<ArrayBufferLike>()
    for (let n = 0; n < 20_000; n++) {
      fill(log, 1, 100)
      memory.add(log.run(log.newest)!.bytes.buffer)
    }
    expect(log.bytes).toBeGreaterThan(30 * 64 * KIB)
    expect(memory.size).toBeLessThanOrEqual(9)
  })

  test('kept in the pool is at most two segments', () => {
    const log = logOf({ bytes: 64 * KIB, messages: 1_000 })
    const memory = new Set<ArrayBufferLike>()
    const watch = () => memory.add(log.run(log.newest)!.bytes.buffer)
    log.floor = 0
    for (let n = 0; n < 1_000; n++) {
      fill(log, 1, 100)
      watch()
    }
    const before = memory.size
    expect(before).toBeGreaterThan(10)
    log.floor = Number.POSITIVE_INFINITY
    for (let n = 0; n < 40; n++) {
      fill(log, 1, log.segmentBytes - 4)
      if (n === 0) log.floor = log.count
      watch()
      log.trim(0)
      log.floor = 0
    }
    // Forty segments were opened after all the others came back at once: two of those were waiting in the pool.
    expect(memory.size).toBe(before + 40 - 2)
  })

  test('of a message larger than a segment is not kept in the pool', () => {
    const log = logOf({ bytes: 64 * KIB, messages: 1 })
    const memory = new Set<ArrayBufferLike>()
    for (let n = 0; n < 10; n++) {
      fill(log, 1, 20 * KIB)
      memory.add(log.run(log.newest)!.bytes.buffer)
      fill(log, 1, 100)
      expect(log.run(log.newest)!.block.size).toBe(log.segmentBytes)
    }
    expect(memory.size).toBe(10)
  })

  test('bounds the segment between 4 KiB and 256 KiB, an eighth of the capacity', () => {
    const sizes = [1, 32 * KIB, 64 * KIB, 1024 * KIB, 2048 * KIB, 1024 * 1024 * KIB]
    expect(sizes.map(bytes => logOf({ bytes }).segmentBytes / KIB)).toEqual([4, 4, 8, 128, 256, 256])
    expect(logSlackBytes(64 * KIB)).toBe(3 * 8 * KIB)
  })
})

describe('a stalled reader', () => {
  setFlagsFromString('--expose_gc')
  const collectGarbage: () => void = runInNewContext('gc')

  test('holds nothing but its place, however much is published after it', async () => {
    const bytes = 256 * KIB
    const log = logOf({ bytes })
    fill(log, 10, 100)
    const stalled = [log.tail, log.seekCount(5), log.newest, log.end].map(place => new Cursor(place))
    const blocks: WeakRef<object>[] = []
    while (log.bytes < 100 * bytes) {
      fill(log, 30, 1_000)
      const run = log.run(log.newest)!
      stalled.push(new Cursor(run.from))
      blocks.push(new WeakRef(run.block))
      expect(log.held).toBeLessThanOrEqual(bytes + log.segmentBytes)
    }
    const live = new Set<object>(runsFrom(log, log.tail).map(({ block }) => block))
    await turn() // a WeakRef holds what it was made of until the end of the turn
    collectGarbage()
    const alive = new Set(blocks.map(block => block.deref()).filter(block => block !== undefined))
    for (const block of alive) expect(live).toContain(block)
    expect(stalled.length).toBeGreaterThan(800)
    for (const { at } of stalled.slice(0, 100)) expect(log.overran(at)).toBe(true)
  })

  test('costs no memory outside the heap either', () => {
    const bytes = 256 * KIB
    const log = logOf({ bytes })
    const readers = [new Cursor(log.end)]
    fill(log, 1, 100)
    collectGarbage()
    const before = process.memoryUsage().arrayBuffers
    while (log.bytes < 100 * bytes) {
      fill(log, 30, 1_000)
      readers.push(new Cursor(log.newest))
    }
    collectGarbage()
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(bytes + logSlackBytes(bytes))
    expect(readers.length).toBeGreaterThan(800)
  })
})
