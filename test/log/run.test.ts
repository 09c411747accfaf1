/** What the log hands out: whole frames, a slice at a time, the same object for whoever is at the same place. */
import { describe, expect, test } from 'vitest'
import { frameBytes } from '../../src/log/frame.ts'
import type { Position } from '../../src/log/position.ts'
import { MARK_BYTES, type Run, Segment } from '../../src/log/segment.ts'
import { SLICE_BYTES } from '../../src/log/sizes.ts'
import { expectBytes, fill, framesFrom, logOf, noiseFor, parseFrames, runsFrom } from './helpers.ts'

const KIB = 1024

/** A place in words that compare: where it is, not which object says so. */
const where = ({ offset, count, bytes }: Position) => ({ offset, count, bytes })

describe('a run', () => {
  test('is a view of the log, of whole frames, from where the reader is to where it will be', () => {
    const log = logOf({ bytes: 1024 * KIB })
    fill(log, 1_000, 300)
    const runs = runsFrom(log, log.tail)
    expect(runs.length).toBeGreaterThan(5)
    let at = log.tail
    for (const { from, to, bytes, block } of runs) {
      expect(where(from)).toEqual(where(at))
      expect(to.bytes - from.bytes).toBe(bytes.length)
      expect(block).toBeInstanceOf(Segment)
      expect(bytes.buffer).toBe((block as Segment).buffer.buffer)
      for (const [n, { payload }] of parseFrames(bytes).entries()) expectBytes(payload, noiseFor(from.count + n, 300))
      at = to
    }
    expect(where(at)).toEqual(where(log.end))
    expect(log.run(at)).toBeUndefined()
  })

  test.each([0, 50, 700, 3_000, 8_200, 16_000, 20_000])('of messages of %i bytes is at most a slice', size => {
    const log = logOf({ bytes: 1024 * KIB })
    fill(log, Math.min(20_000, Math.ceil((600 * KIB) / (size + 4))), size)
    const runs = runsFrom(log, log.tail)
    for (const run of runs) expect(run.bytes.length).toBeLessThanOrEqual(SLICE_BYTES)
    expect(runs.length).toBeLessThanOrEqual((2 * log.bytes) / (SLICE_BYTES - size - MARK_BYTES) + 10)
  })

  test('is longer than a slice only for a message, with less than 8 KiB of small ones before it', () => {
    const log = logOf({ bytes: 1024 * KIB })
    const large = 60 * KIB
    for (let n = 0; n < 40; n++) {
      fill(log, n * 5, 100)
      fill(log, 1, large)
    }
    const longest = Math.max(...runsFrom(log, log.tail).map(run => run.bytes.length))
    expect(longest).toBeGreaterThan(large)
    expect(longest).toBeLessThan(frameBytes(large) + MARK_BYTES)
  })

  test('is the identical object for all readers at the same place, at the head and behind it', () => {
    const log = logOf({ bytes: 1024 * KIB })
    for (let n = 0; n < 3; n++) {
      const { end } = log
      fill(log, 5, 100)
      expect(log.run(end)).toBe(log.run(end))
    }
    fill(log, 1_000, 100)
    const behind = log.run(log.tail)!
    expect(log.run(log.tail)).toBe(behind)
    fill(log, 10, 100)
    expect(log.run(log.tail)).toBe(behind)
    expect(log.run(behind.to)).toBe(log.run(behind.to))
  })

  test('is remembered where it begins at a mark, so that what is remembered does not grow with the readers', () => {
    const log = logOf({ bytes: 1024 * KIB })
    fill(log, 2_000, 50)
    for (let count = 0; count < 2_000; count++) log.run(log.seekCount(count))
    const { runs, marks } = log.run(log.tail)!.block as Segment
    expect(runs.size).toBeGreaterThan(3)
    expect(runs.size).toBeLessThanOrEqual(marks.length)
  })

  test('at the head is made anew when the head has moved', () => {
    const log = logOf({ bytes: 64 * KIB })
    const { end } = log
    log.append('one', 0)
    const one = log.run(end)!
    log.append('two', 0)
    const both = log.run(end)!
    expect(parseFrames(one.bytes).map(({ payload }) => `${payload}`)).toEqual(['one'])
    expect(parseFrames(both.bytes).map(({ payload }) => `${payload}`)).toEqual(['one', 'two'])
    expect(parseFrames(log.run(one.to)!.bytes).map(({ payload }) => `${payload}`)).toEqual(['two'])
  })

  test('is shared by readers that catch up from different places, each of which makes at most one of its own', () => {
    const log = logOf({ bytes: 2048 * KIB })
    for (let n = 0; n < 8_000; n++) log.append(noiseFor(n, (n * 31) % 400), Math.floor(n / 50))
    const starts = Array.from({ length: 100 }, (_, n) => log.seekCount(n * 67 + 1))
    const later = () => starts.map(start => runsFrom(log, log.run(start)!.to))
    const shared = new Set<Run>(later().flat())
    const segments = log.bytes / log.segmentBytes + 1
    expect(shared.size).toBeLessThanOrEqual((2 * log.bytes) / SLICE_BYTES + segments)
    expect(
      later()
        .flat()
        .every(run => shared.has(run)),
    ).toBe(true)
  })

  test('goes on in the next segment for a reader at the end of a sealed one', () => {
    const log = logOf({ bytes: 64 * KIB })
    fill(log, 1, log.segmentBytes - 4)
    const { end } = log
    log.append('next', 3)
    const run = log.run(end)!
    expect(run.from).toBe(end)
    expect(run.bytes.toString('latin1', 2)).toBe('next')
    expect(log.timeAt(end)).toBe(3)
  })

  test('is not lost to a reader at the end of a segment that has been trimmed', () => {
    const log = logOf({ bytes: 64 * KIB, messages: 1 })
    fill(log, 3, 100)
    const { end } = log
    fill(log, 1, log.segmentBytes - 4)
    expect(log.tail.segment).toBe(end.segment + 1)
    expect(log.overran(end)).toBe(false)
    expect(framesFrom(log, end).map(({ payload }) => payload.length)).toEqual([log.segmentBytes - 4])
    expect(log.timeAt(end)).toBe(0)
    fill(log, 1, log.segmentBytes - 4)
    expect(log.overran(end)).toBe(true)
  })

  test('crosses holes without losing or repeating a message', () => {
    const log = logOf({ bytes: 256 * KIB })
    for (let n = 0; n < 2_000; n++) log.append(noiseFor(n, 40), 0, log.head + (n % 7 === 0 ? 9 : 0))
    const frames = framesFrom(log, log.tail)
    expect(frames.length).toBe(2_000)
    for (const [n, { payload }] of frames.entries()) expectBytes(payload, noiseFor(n, 40))
  })
})

describe('a message larger than a segment', () => {
  test('has a segment of its own and goes out in one run', () => {
    const log = logOf({ bytes: 256 * KIB })
    const large = 3 * log.segmentBytes
    fill(log, 5, 100)
    fill(log, 1, large)
    fill(log, 5, 100)
    const runs = runsFrom(log, log.tail)
    expect(runs.map(({ from, to }) => to.count - from.count)).toEqual([5, 1, 5])
    expect(runs[1]!.block.size).toBe(large + 10)
    expectBytes(parseFrames(runs[1]!.bytes)[0]!.payload, noiseFor(5, large))
  })

  test('is counted in memory for what it takes, and given back when it is trimmed', () => {
    const log = logOf({ bytes: 256 * KIB })
    fill(log, 1, 200 * KIB)
    expect(log.held).toBeGreaterThan(200 * KIB)
    fill(log, 8_000, 100)
    expect(log.held).toBeLessThanOrEqual(256 * KIB + log.segmentBytes)
  })
})
