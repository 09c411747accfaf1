/**
 * One contiguous block of a log: frames end to end, and the marks that make it readable without hopping headers.
 *
 * A mark is the Position at which a frame begins and the time at which it was appended. Invariants: the first frame of a
 * segment is marked; so is the first after a hole, after `MARK_BYTES` and after `MARK_MS`; hence between two marks
 * offsets are consecutive, and a time read from a mark is at most `MARK_MS` too old.
 *
 * `pins` counts unfinished writes that refer to the buffer: while there is one, the buffer must not be used again.
 */
import { frameEnd } from './frame.ts'
import { Position } from './position.ts'

/** The grid on which runs are cut: a mark at least every so many bytes… */
export const MARK_BYTES = 8 * 1024
/** …and at least every so many milliseconds, which is how exact ages are. */
export const MARK_MS = 20
/** What a mark costs in memory, counted against the capacity like the frames are. */
const MARK_COST = 128

/** Bytes that an unfinished write may refer to: a segment, or a copy made of a part of one. */
export interface Block {
  readonly size: number
  pins: number
  /** Not, or no longer, a part of the log: alive only for the writes that pin it. */
  detached: boolean
}

/** A run of whole frames, ready to be written: shared by all readers that go from `from` to `to`. */
export interface Run {
  readonly from: Position
  readonly to: Position
  readonly bytes: Buffer
  readonly block: Block
}

export class Segment implements Block {
  readonly number: number
  readonly buffer: Buffer
  readonly marks: Position[] = []
  readonly times: number[] = []
  /** Runs from mark to mark, by the byte where they begin: at most one for each mark. */
  readonly runs = new Map<number, Run>()
  /** Bytes used. */
  length = 0
  /** The place after the last frame, once the segment is sealed. */
  end: Position | undefined
  pins = 0
  detached = false

  constructor(number: number, buffer: Buffer) {
    this.number = number
    this.buffer = buffer
  }

  get size(): number {
    return this.buffer.length
  }

  /** Memory this segment stands for: its buffer, used or not, and its marks. */
  get held(): number {
    return this.buffer.length + this.marks.length * MARK_COST
  }

  get start(): Position {
    return this.marks[0]!
  }

  /**
   * Whether a frame of that many bytes goes in here. Marks may take as much memory as the buffer and no more: a tiny message
   * every 20 ms is marked each time, and would hold many times the capacity in marks before the buffer is full.
   */
  takes(size: number): boolean {
    return this.buffer.length - this.length >= size && this.marks.length * MARK_COST < this.buffer.length
  }

  /** Whether the frame appended next must be marked for the grid or for the clock. */
  wantsMark(now: number): boolean {
    const last = this.marks.length - 1
    return last < 0 || this.length - this.marks[last]!.byte >= MARK_BYTES || now - this.times[last]! >= MARK_MS
  }

  mark(position: Position, now: number): void {
    this.marks.push(position)
    this.times.push(now)
  }

  /** Index of the last mark at or before a byte. */
  markAtByte(byte: number): number {
    return lastIndex(this.marks.length, i => this.marks[i]!.byte <= byte)
  }

  /** The place of the message that `count` messages precede, which must be one of this segment's. */
  seekCount(count: number): Position {
    const mark = this.marks[lastIndex(this.marks.length, i => this.marks[i]!.count <= count)]!
    return this.#hop(mark, count - mark.count)
  }

  /** The place of the first message whose offset is `offset` or more, which must be one of this segment's. */
  seekOffset(offset: number): Position {
    const index = lastIndex(this.marks.length, i => this.marks[i]!.offset <= offset)
    if (index < 0) return this.start
    const mark = this.marks[index]!
    const next = this.marks[index + 1]
    const messages = next === undefined ? Number.POSITIVE_INFINITY : next.count - mark.count
    return offset - mark.offset < messages ? this.#hop(mark, offset - mark.offset) : next!
  }

  /** The furthest place that is at most `bytes` after `from`, on a mark where there is one; behind one message at least. */
  within(from: Position, bytes: number): Position {
    const index = this.markAtByte(from.byte + bytes)
    const mark = this.marks[index]!
    if (mark.byte > from.byte) return mark
    // No mark in reach: so no hole in between, and fewer frames than a mark is apart, or one that is larger.
    let byte = frameEnd(this.buffer, from.byte)
    let messages = 1
    while (byte < this.length) {
      const next = frameEnd(this.buffer, byte)
      if (next - from.byte > bytes) break
      byte = next
      messages++
    }
    const { offset, count } = mark.byte === from.byte ? mark : from // behind a hole, the mark has the offset
    const after = this.marks[index + 1]
    if (after?.byte === byte) return after
    if (this.end?.byte === byte) return this.end
    return new Position(this.number, byte, from.bytes + byte - from.byte, offset + messages, count + messages)
  }

  /** Offsets are consecutive from a mark on, so hopping over `messages` frames finds the place. */
  #hop(mark: Position, messages: number): Position {
    if (messages === 0) return mark
    let byte = mark.byte
    let hopped = 0
    for (; hopped < messages && byte < this.length; hopped++) byte = frameEnd(this.buffer, byte)
    const bytes = mark.bytes + byte - mark.byte
    return new Position(this.number, byte, bytes, mark.offset + hopped, mark.count + hopped)
  }
}

/** Index of the last of `length` ordered things for which `holds` is still true; −1 if for none. */
export function lastIndex(length: number, holds: (index: number) => boolean): number {
  let low = 0
  let high = length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) low = middle + 1
    else high = middle
  }
  return low - 1
}
