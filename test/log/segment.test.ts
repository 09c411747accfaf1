/** A segment by itself: which frames are marked, and how places are found between the marks. */
import { describe, expect, test } from 'vitest'
import { frameBytes, OPCODES, writeFrame } from '../../src/log/frame.ts'
import { Position } from '../../src/log/position.ts'
import { lastIndex, MARK_BYTES, MARK_MS, Segment } from '../../src/log/segment.ts'
import { noiseFor } from './helpers.ts'

const SIZE = 64 * 1024

interface Given {
  readonly size: number
  readonly offset: number
  readonly time: number
}

/** A segment filled as a log fills it, beginning with message 1,000; and the place of each of its messages. */
function segmentOf(given: readonly Given[], size = SIZE): { readonly segment: Segment; readonly places: Position[] } {
  const segment = new Segment(7, Buffer.alloc(size))
  const places: Position[] = []
  let head = given[0]!.offset
  for (const [n, { size, offset, time }] of given.entries()) {
    const place = new Position(7, segment.length, 50_000 + segment.length, offset, 1_000 + n)
    if (offset > head || segment.wantsMark(time)) segment.mark(place, time)
    segment.length = writeFrame(segment.buffer, segment.length, OPCODES.binary, noiseFor(n, size), size)
    places.push(place)
    head = offset + 1
  }
  return { segment, places }
}

const evenly = (messages: number, size: number): Given[] =>
  Array.from({ length: messages }, (_, n) => ({ size, offset: 400 + n, time: 0 }))

describe('marks', () => {
  test('are wanted by the first frame of a segment', () => {
    expect(new Segment(0, Buffer.alloc(SIZE)).wantsMark(0)).toBe(true)
  })

  test('are wanted by the first frame that begins 8 KiB or more after the last mark', () => {
    const size = MARK_BYTES / 8 - frameBytes(1_000) + 1_000
    const { segment, places } = segmentOf(evenly(40, size))
    expect(segment.marks.map(mark => mark.byte)).toEqual([0, 1, 2, 3, 4].map(n => n * MARK_BYTES))
    expect(segment.marks).toEqual([0, 8, 16, 24, 32].map(n => places[n]))
    const { segment: later } = segmentOf([...evenly(7, size), { size: size - 1, offset: 407, time: 0 }])
    expect(later.length).toBe(MARK_BYTES - 1)
    expect(later.wantsMark(0)).toBe(false)
  })

  test('are wanted 20 ms after the last mark, so that a time is at most so much too old', () => {
    const { segment } = segmentOf([{ size: 1, offset: 0, time: 1_000 }])
    expect(segment.wantsMark(1_000 + MARK_MS - 1)).toBe(false)
    expect(segment.wantsMark(1_000 + MARK_MS)).toBe(true)
    const times = Array.from({ length: 30 }, (_, n) => ({ size: 1, offset: n, time: n * 7 }))
    expect(segmentOf(times).segment.times).toEqual([0, 21, 42, 63, 84, 105, 126, 147, 168, 189])
  })

  test('may take as much memory as the buffer, and then the segment takes no more frames', () => {
    const segment = new Segment(0, Buffer.alloc(4_096))
    for (let n = 0; n < 1_000 && segment.takes(2); n++) segment.mark(new Position(0, 0, 0, n, n), n)
    expect(segment.held).toBe(2 * 4_096)
  })

  test('are found by the byte they stand at or before', () => {
    const { segment } = segmentOf(evenly(40, 1_020))
    const [, second, third] = segment.marks
    expect(segment.markAtByte(0)).toBe(0)
    expect(segment.markAtByte(second!.byte - 1)).toBe(0)
    expect(segment.markAtByte(second!.byte)).toBe(1)
    expect(segment.markAtByte(third!.byte - 1)).toBe(1)
    expect(segment.markAtByte(SIZE)).toBe(segment.marks.length - 1)
  })
})

describe('room', () => {
  test('is there for a frame that fills the segment to the last byte, and for none larger', () => {
    const segment = new Segment(0, Buffer.alloc(4_096))
    segment.length = 4_000
    expect(segment.takes(96)).toBe(true)
    expect(segment.takes(97)).toBe(false)
  })

  test('is held whether it is used or not, and marks on top', () => {
    const { segment } = segmentOf(evenly(1, 10))
    expect(segment.size).toBe(SIZE)
    expect(segment.held).toBeGreaterThan(SIZE)
    expect(segment.held - SIZE).toBeLessThanOrEqual(256)
  })
})

describe('seeking', () => {
  const irregular = Array.from({ length: 300 }, (_, n) => ({
    size: (n * 37) % 400,
    offset: 400 + n + 10 * Math.floor(n / 40),
    time: n,
  }))

  test('finds each message by the number of messages before it', () => {
    const { segment, places } = segmentOf(irregular)
    expect(places.map(place => segment.seekCount(place.count))).toEqual(places)
  })

  test('finds each message by its offset, and the next one for an offset in a hole', () => {
    const { segment, places } = segmentOf(irregular)
    const last = places.at(-1)!
    for (let offset = 380; offset <= last.offset; offset++) {
      expect(segment.seekOffset(offset)).toEqual(places.find(place => place.offset >= offset))
    }
  })

  test('for what comes after the last message ends behind it', () => {
    const { segment, places } = segmentOf(evenly(3, 100))
    const end = new Position(7, segment.length, 50_000 + segment.length, 403, 1_003)
    expect(segment.seekOffset(403)).toEqual(end)
    expect(segment.seekOffset(9_999)).toEqual(end)
    expect(segment.seekOffset(402)).toEqual(places[2])
  })

  test('at a mark gives the mark itself, so that readers who start there share it', () => {
    const { segment } = segmentOf(irregular)
    for (const mark of segment.marks) {
      expect(segment.seekCount(mark.count)).toBe(mark)
      expect(segment.seekOffset(mark.offset)).toBe(mark)
    }
    expect(segment.start).toBe(segment.marks[0])
  })
})

test('lastIndex finds the last of those for which a condition still holds', () => {
  for (let length = 0; length < 20; length++) {
    for (let holding = 0; holding <= length; holding++) {
      const asked: number[] = []
      const holds = (index: number) => asked.push(index) > 0 && index < holding
      expect(lastIndex(length, holds)).toBe(holding - 1)
      expect(asked.length).toBeLessThanOrEqual(Math.ceil(Math.log2(length + 1)))
      expect(asked.every(index => index >= 0 && index < length)).toBe(true)
    }
  }
})
