/** What unfinished writes refer to: never changed under them, counted once it is outside the log, and copied past the allowance. */
import { describe, expect, test } from 'vitest'
import { frameBytes } from '../../src/log/frame.ts'
import type { Log } from '../../src/log/log.ts'
import { type Run, Segment } from '../../src/log/segment.ts'
import { expectBytes, fill, logOf, noiseFor, parseFrames, runsFrom } from './helpers.ts'

const KIB = 1024

describe('pinned bytes', () => {
  /** A reader's unfinished writes: what they refer to, and what they referred to when they began. */
  class Writes {
    readonly #log: Log
    readonly #runs = new Map<Run, Buffer>()

    constructor(log: Log) {
      this.#log = log
    }

    begin(run: Run): Run {
      this.#log.pin(run)
      this.#runs.set(run, Buffer.from(run.bytes))
      return run
    }

    expectUnchanged(): void {
      for (const [run, bytes] of this.#runs) expectBytes(run.bytes, bytes)
    }

    end(run: Run): void {
      expectBytes(run.bytes, this.#runs.get(run)!)
      this.#runs.delete(run)
      this.#log.unpin(run)
    }

    endAll(): void {
      for (const run of [...this.#runs.keys()]) this.end(run)
    }
  }

  test('never change while appends go on, and are used again only afterwards', () => {
    const log = logOf({ bytes: 64 * KIB })
    const writes = new Writes(log)
    fill(log, 50, 1_000)
    for (const run of runsFrom(log, log.tail)) writes.begin(run)
    const memory = new Set<ArrayBufferLike>(runsFrom(log, log.tail).map(run => run.bytes.buffer))
    for (let round = 0; round < 40; round++) {
      fill(log, 20, 1_000)
      writes.expectUnchanged()
      if (round > 10) for (const run of runsFrom(log, log.tail)) expect(memory).not.toContain(run.bytes.buffer)
    }
    writes.endAll()
    fill(log, 500, 1_000)
    const later = runsFrom(log, log.tail).filter(run => memory.has(run.bytes.buffer))
    expect(later.length).toBeGreaterThan(0)
  })

  test('are counted while they are outside the log, and not before', () => {
    const log = logOf({ bytes: 64 * KIB })
    fill(log, 10, 100)
    const run = log.run(log.tail)!
    log.pin(run)
    expect(log.pinned).toBe(0)
    while (!run.block.detached) fill(log, 1, 1_000)
    expect(log.pinned).toBe(log.segmentBytes)
    fill(log, 1_000, 1_000)
    expect(log.pinned).toBe(log.segmentBytes)
    log.unpin(run)
    expect(log.pinned).toBe(0)
  })

  test('of one segment are counted once, until the last of its writes is over', () => {
    const log = logOf({ bytes: 64 * KIB })
    fill(log, 40, 100)
    const run = log.run(log.tail)!
    const other = log.run(log.seekCount(20))!
    expect(other.block).toBe(run.block)
    for (const each of [run, run, other]) log.pin(each)
    fill(log, 1_000, 1_000)
    expect(log.pinned).toBe(log.segmentBytes)
    log.unpin(run)
    log.unpin(other)
    expect(log.pinned).toBe(log.segmentBytes)
    log.unpin(run)
    expect(log.pinned).toBe(0)
  })

  test('that are let go of inside the log cost nothing, and the segment is used again when it is trimmed', () => {
    const log = logOf({ bytes: 64 * KIB })
    fill(log, 10, 100)
    const run = log.run(log.tail)!
    const memory = run.bytes.buffer
    log.pin(run)
    log.unpin(run)
    fill(log, 2_000, 1_000)
    expect(log.pinned).toBe(0)
    expect(runsFrom(log, log.tail).map(({ bytes }) => bytes.buffer)).toContain(memory)
  })

  test('of a message larger than a segment count for what it takes', () => {
    const log = logOf({ bytes: 64 * KIB })
    fill(log, 1, 30_000)
    const run = log.run(log.tail)!
    log.pin(run)
    fill(log, 1_000, 1_000)
    expect(log.pinned).toBe(30_004)
    log.unpin(run)
    expect(log.pinned).toBe(0)
  })

  test('past a quarter of the capacity are copies, so that a stuck write costs a slice and not a segment', () => {
    const log = logOf({ bytes: 64 * KIB })
    const writes = new Writes(log)
    const stuck: Run[] = []
    let largest = 0
    for (let n = 0; n < 300; n++) {
      fill(log, 10, 500)
      const run = writes.begin(log.run(log.newest)!)
      stuck.push(run)
      if (!(run.block instanceof Segment)) {
        expect(run.block.size).toBe(run.bytes.length)
        expect(run.bytes.buffer.byteLength).toBe(run.bytes.length)
        largest = Math.max(largest, run.block.size)
      }
    }
    const copies = stuck.filter(run => !(run.block instanceof Segment))
    const segments = new Set(stuck.map(run => run.block).filter(block => block instanceof Segment))
    expect(copies.length).toBeGreaterThan(200)
    expect(largest).toBe(frameBytes(500))
    expect(log.pinned).toBe(segments.size * log.segmentBytes + copies.length * frameBytes(500))
    writes.expectUnchanged()
    writes.endAll()
    expect(log.pinned).toBe(0)
    fill(log, 10, 500)
    expect(log.run(log.newest)!.block).toBeInstanceOf(Segment)
  })

  test('of a copy are counted once for all the writes that share it', () => {
    const log = logOf({ bytes: 64 * KIB })
    fill(log, 40, 1_000)
    for (const run of runsFrom(log, log.tail)) log.pin(run)
    fill(log, 100, 1_000)
    const before = log.pinned
    const copy = log.run(log.newest)!
    expect(copy.block).not.toBeInstanceOf(Segment)
    expectBytes(parseFrames(copy.bytes)[0]!.payload, noiseFor(139, 1_000))
    log.pin(copy)
    log.pin(copy)
    expect(log.pinned).toBe(before + copy.bytes.length)
    log.unpin(copy)
    expect(log.pinned).toBe(before + copy.bytes.length)
    log.unpin(copy)
    expect(log.pinned).toBe(before)
  })

  test('in segments are at most the allowance and what the log holds, wherever its readers are stuck', () => {
    const bytes = 256 * KIB
    const log = logOf({ bytes })
    const writes = new Writes(log)
    let most = 0
    for (let n = 0; n < 200; n++) {
      fill(log, 30, 1_000)
      for (const run of runsFrom(log, log.tail)) if (run.block instanceof Segment) writes.begin(run)
      most = Math.max(most, log.pinned)
    }
    expect(most).toBeGreaterThan(bytes / 4)
    expect(most).toBeLessThanOrEqual(bytes / 4 + bytes + log.segmentBytes)
  })
})
