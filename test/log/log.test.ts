/** The shared log: what it counts, and how places in it are found. */
import { describe, expect, test } from 'vitest'
import { Log } from '../../src/log/log.ts'
import type { Position } from '../../src/log/position.ts'
import { MARK_MS } from '../../src/log/segment.ts'
import { fill, framesFrom, logOf, noiseFor, textFor } from './helpers.ts'

const KIB = 1024

/** A place in words that compare: where it is, not which object says so. */
const where = ({ offset, count, bytes }: Position) => ({ offset, count, bytes })

/** Places from the tail to the end, one for each message kept. */
function places(log: Log): Position[] {
  return Array.from({ length: log.count - log.tail.count }, (_, n) => log.seekCount(log.tail.count + n))
}

describe('an empty log', () => {
  test('has head, tail, newest and end at one place, and nothing to hand out', () => {
    const log = logOf({ bytes: 64 * KIB })
    expect(log.tail).toBe(log.end)
    expect(log.newest).toBe(log.end)
    expect(where(log.end)).toEqual({ offset: 0, count: 0, bytes: 0 })
    expect(log.run(log.end)).toBeUndefined()
    expect(log.timeAt(log.end)).toBeUndefined()
    expect([log.seekCount(5), log.seekOffset(5), log.seekTime(5)]).toEqual([log.end, log.end, log.end])
    expect([log.head, log.count, log.bytes, log.held, log.pinned]).toEqual([0, 0, 0, 0, 0])
    log.trim(1_000)
    expect(log.overran(log.end)).toBe(false)
  })

  test('has lost nothing for a reader that was there before the first message', () => {
    const log = logOf({ bytes: 64 * KIB })
    const joined = log.end
    log.append('first', 0, 4_000)
    expect(framesFrom(log, joined).map(({ payload }) => payload.toString())).toEqual(['first'])
  })

  test('keeps the name of its life, its format and its capacity', () => {
    const capacity = { bytes: 64 * KIB, messages: 10, ms: 1_000 }
    const log = new Log({ format: 'text', epoch: 'monday', capacity })
    expect([log.epoch, log.format, log.capacity]).toEqual(['monday', 'text', capacity])
  })
})

describe('append', () => {
  test('returns the bytes of the frame and counts messages and bytes', () => {
    const log = logOf({ bytes: 64 * KIB })
    expect(log.append('é', 0)).toBe(4)
    expect(log.append(new Uint8Array(126), 0)).toBe(130)
    expect([log.head, log.count, log.bytes]).toEqual([2, 2, 134])
    expect(where(log.end)).toEqual({ offset: 2, count: 2, bytes: 134 })
    expect(where(log.newest)).toEqual({ offset: 1, count: 1, bytes: 4 })
  })

  test('makes text frames on a text feed and binary ones on a binary feed, whatever the payload is made of', () => {
    for (const [format, opcode] of [['text', 1] as const, ['binary', 2] as const]) {
      const log = new Log({ format, epoch: 'e', capacity: { bytes: 64 * KIB, messages: 100, ms: 1_000 } })
      log.append('ä', 0)
      log.append(Buffer.from('ä'), 0)
      const frame = { opcode, payload: Buffer.from('ä') }
      expect(framesFrom(log, log.tail)).toEqual([frame, frame])
    }
  })

  test('leaves a hole where the source jumps ahead, told apart from messages', () => {
    const log = logOf({ bytes: 64 * KIB })
    for (const offset of [0, 1, 5, 6, 100]) log.append('x', 0, offset)
    expect([log.head, log.count, log.holes, log.missing]).toEqual([101, 5, 2, 3 + 93])
    expect(places(log).map(({ offset }) => offset)).toEqual([0, 1, 5, 6, 100])
  })

  test('does not take the number a source begins with for a hole', () => {
    const log = logOf({ bytes: 64 * KIB })
    log.append('x', 0, 1_000_000)
    expect([log.head, log.holes, log.missing]).toEqual([1_000_001, 0, 0])
    expect(log.tail.offset).toBe(1_000_000)
  })

  test('gives the end anew, while without it the end is one object', () => {
    const log = logOf({ bytes: 64 * KIB })
    log.append('x', 0)
    const { end } = log
    expect(log.end).toBe(end)
    log.trim(0)
    expect(log.end).toBe(end)
    log.append('x', 0)
    expect(log.end).not.toBe(end)
  })
})

describe('seeking', () => {
  const log = logOf({ bytes: 128 * KIB, messages: 3_000 })
  const messages: { readonly offset: number; readonly time: number }[] = []
  for (let n = 0; n < 9_000; n++) {
    const offset = log.head + (n % 113 === 0 ? 17 : 0)
    const time = n * 3
    log.append(noiseFor(n, (n * 17) % 120), time, offset)
    messages.push({ offset, time })
  }
  const tail = log.tail.count

  test('by count finds each message kept, the tail for what is older and the end for what is not there yet', () => {
    expect(log.count - tail).toBeLessThanOrEqual(3_000)
    expect(log.count - tail).toBeGreaterThan(500)
    for (let count = tail; count < 9_000; count++) {
      const place = log.seekCount(count)
      expect([place.count, place.offset]).toEqual([count, messages[count]!.offset])
    }
    expect(log.seekCount(tail - 1)).toEqual(log.tail)
    expect(log.seekCount(Number.NEGATIVE_INFINITY)).toEqual(log.tail)
    expect(log.seekCount(9_000)).toBe(log.end)
    expect(log.seekCount(Number.POSITIVE_INFINITY)).toBe(log.end)
  })

  test('by offset finds the message or the first one after the hole, and never what is older than the tail', () => {
    const kept = messages.slice(tail)
    for (let offset = kept[0]!.offset - 3; offset < log.head; offset++) {
      const index = kept.findIndex(message => message.offset >= offset)
      const place = log.seekOffset(offset)
      expect([place.count, place.offset]).toEqual([tail + index, kept[index]!.offset])
      expect(log.run(place)!.bytes.length).toBeGreaterThan(0)
    }
    expect(log.seekOffset(log.head)).toBe(log.end)
    expect(log.seekOffset(log.head + 1_000)).toBe(log.end)
  })

  test('by an offset in a hole between two segments finds the first message of the later one', () => {
    const two = logOf({ bytes: 64 * KIB })
    fill(two, 1, two.segmentBytes - 4)
    two.append('after the hole', 0, 10)
    for (const offset of [1, 9, 10]) expect(where(two.seekOffset(offset))).toEqual(where(two.newest))
  })

  test('by time finds the first message of that time or later, at most 20 ms too late', () => {
    for (let time = messages[tail]!.time - 50; time <= messages.at(-1)!.time; time++) {
      const exact = Math.max(tail, Math.ceil(time / 3))
      const { count } = log.seekTime(time)
      expect(count).toBeGreaterThanOrEqual(exact)
      if (count > exact) expect(messages[count - 1]!.time).toBeLessThan(time + MARK_MS)
    }
    expect(log.seekTime(messages.at(-1)!.time + 1)).toBe(log.end)
  })

  test('by the time of a marked message finds that message', () => {
    const marked = logOf({ bytes: 64 * KIB })
    for (const now of [100, 200, 300]) marked.append('x', now)
    expect([100, 101, 200, 201, 300].map(time => marked.seekTime(time).count)).toEqual([0, 1, 1, 2, 2])
  })

  test('by time between two segments finds the first message of the later one', () => {
    const two = logOf({ bytes: 64 * KIB })
    fill(two, 1, two.segmentBytes - 4, 100)
    fill(two, 1, 10, 200)
    expect([two.seekTime(100).count, two.seekTime(150).count, two.seekTime(200).count]).toEqual([0, 1, 1])
    expect(two.seekTime(201)).toBe(two.end)
  })

  test('tells when the message at a place was appended, at most 20 ms too early', () => {
    for (let count = tail; count < 9_000; count += 7) {
      const age = messages[count]!.time - log.timeAt(log.seekCount(count))!
      expect(age).toBeGreaterThanOrEqual(0)
      expect(age).toBeLessThan(MARK_MS)
    }
    expect(log.timeAt(log.end)).toBeUndefined()
  })

  test('tells the time of the oldest message kept for a place that is gone', () => {
    const small = logOf({ bytes: 64 * KIB, messages: 1 })
    const { end } = small
    for (const now of [100, 200, 300]) small.append('x', now)
    expect(small.overran(end)).toBe(true)
    expect(small.timeAt(end)).toBe(300)
  })
})

test('text comes out as it went in, from one to four bytes a character', () => {
  const log = new Log({ format: 'text', epoch: 'e', capacity: { bytes: 256 * KIB, messages: 5_000, ms: 1_000 } })
  const texts = Array.from({ length: 500 }, (_, n) => textFor(n, n))
  for (const text of texts) log.append(text, 0)
  const received = framesFrom(log, log.tail).map(({ payload }) => `${payload}`)
  expect(received).toEqual(texts.map(text => Buffer.from(text).toString()))
})
