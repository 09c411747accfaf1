/**
 * The shared log of a feed: ready-made frames in segments, oldest first. Pure: no I/O, no clock (times are given), no
 * package. Called by `feed` alone.
 *
 *     segments   [ sealed ][ sealed ][ open ······ ]
 *                  ▲ tail              ▲ head
 *
 * What must stay true:
 * - Memory held for the log is at most `capacity.bytes` and one segment more, or up to `floor` where a gate forbids trimming.
 * - Nothing in here knows a reader. Append costs the same with none and with 100,000.
 * - Where unfinished writes pin too much beyond the log, runs are handed out as copies (pool.ts).
 *
 * Longer than 250 lines: appending, trimming, cutting runs and seeking are four looks at the same segments.
 */
import { type Format, frameBytes, OPCODES, type Payload, payloadBytes, writeFrame } from './frame.ts'
import { Pool } from './pool.ts'
import { Position } from './position.ts'
import { lastIndex, MARK_BYTES, type Run, Segment } from './segment.ts'
import { pinAllowanceFor, SLICE_BYTES, segmentBytesFor } from './sizes.ts'

/** Lines at which runs are cut, at the last mark before. From a cut it is a slice at the most to the line after next. */
const GRID_BYTES = SLICE_BYTES - MARK_BYTES

export interface LogLimits {
  /** Memory for frames and marks, in bytes. */
  readonly bytes: number
  /** Messages kept; may be Infinity. */
  readonly messages: number
  /** Age in milliseconds to which messages are kept; may be Infinity. */
  readonly ms: number
}

export interface LogOptions {
  readonly format: Format
  readonly epoch: string
  readonly capacity: LogLimits
}

export class Log {
  readonly epoch: string
  readonly format: Format
  readonly capacity: LogLimits
  readonly segmentBytes: number
  /** Messages that may not be trimmed: those from this count on. The feed sets it where a gate is held. */
  floor = Number.POSITIVE_INFINITY
  /** Holes the source left, and the offsets that were in them. */
  holes = 0
  missing = 0

  readonly #opcode: number
  readonly #pool: Pool
  readonly #segments: Segment[] = []
  #open: Segment | undefined
  #head = 0
  #count = 0
  #bytes = 0
  #held = 0
  #tailCount = 0
  #lastFrameByte = 0
  #end = new Position(0, 0, 0, 0, 0)
  #latest: Run | undefined

  constructor(options: LogOptions) {
    this.epoch = options.epoch
    this.format = options.format
    this.capacity = options.capacity
    this.segmentBytes = segmentBytesFor(options.capacity.bytes)
    this.#opcode = OPCODES[options.format]
    this.#pool = new Pool(this.segmentBytes, pinAllowanceFor(options.capacity.bytes))
  }

  /** Offset the next message gets, unless its source numbers for itself. */
  get head(): number {
    return this.#head
  }

  /** Messages appended in this epoch. */
  get count(): number {
    return this.#count
  }

  /** Bytes of all frames appended in this epoch. */
  get bytes(): number {
    return this.#bytes
  }

  /** Memory held for frames and marks, in bytes. */
  get held(): number {
    return this.#held
  }

  /** Memory outside the log, kept only because unfinished writes refer to it, in bytes. */
  get pinned(): number {
    return this.#pool.pinned
  }

  /** The place after the newest message: one object until the next append. */
  get end(): Position {
    if (this.#end.count !== this.#count) this.#end = this.#here(this.#head)
    return this.#end
  }

  /** The place of the oldest message kept, or the end if none is. */
  get tail(): Position {
    return this.seekCount(this.#tailCount)
  }

  /** The place of the newest message (head − 1), or the end if none is kept. */
  get newest(): Position {
    if (this.#count === this.#tailCount) return this.end
    const { number, length } = this.#open!
    const size = length - this.#lastFrameByte
    return new Position(number, this.#lastFrameByte, this.#bytes - size, this.#head - 1, this.#count - 1)
  }

  /** Adds one message. `offset` must not be below `head`; above it, it leaves a hole. Returns the bytes of its frame. */
  append(payload: Payload, now: number, offset: number = this.#head): number {
    const length = payloadBytes(payload)
    const size = frameBytes(length)
    let segment = this.#open
    if (!segment?.takes(size)) segment = this.#grow(size, now)
    const hole = offset - this.#head
    if (hole > 0 || segment.wantsMark(now)) this.#mark(segment, offset, now)
    if (hole > 0 && this.#count > 0) {
      this.holes++
      this.missing += hole
    }
    this.#lastFrameByte = segment.length
    segment.length = writeFrame(segment.buffer, segment.length, this.#opcode, payload, length)
    this.#head = offset + 1
    this.#count++
    this.#bytes += size
    if (this.#count - this.#tailCount > this.capacity.messages) this.trim(now)
    return size
  }

  /** Lets go of what is beyond the capacity in bytes, messages or age, as far as `floor` allows. */
  trim(now: number): void {
    const byAge = this.capacity.ms === Number.POSITIVE_INFINITY ? 0 : this.#countSince(now - this.capacity.ms)
    const wanted = Math.min(this.floor, Math.max(byAge, this.#count - this.capacity.messages))
    if (wanted > this.#tailCount) this.#tailCount = wanted
    while (this.#segments.length > 1) {
      const oldest = this.#segments[0]!
      const end = oldest.end!.count
      if (end > this.floor || (end > this.#tailCount && this.#held <= this.capacity.bytes)) return
      this.#segments.shift()
      if (end > this.#tailCount) this.#tailCount = end
      this.#held -= oldest.held
      this.#pool.retire(oldest)
    }
  }

  /** Whether messages after this place are gone from the log. */
  overran(place: Position): boolean {
    return place.count < this.#tailCount
  }

  /**
   * What a reader at `from` is to be sent next: at most a slice, whole frames, undefined at the head. `from` must not be
   * overrun. Readers at the head share the newest run; those behind share runs cut on the grid of marks, wherever they came from.
   * `most` is for one with little room in its window: a run of at most so many bytes, but always of one message.
   */
  run(from: Position, most = Number.POSITIVE_INFINITY): Run | undefined {
    if (this.#latest !== undefined && this.#latest.from === from && this.#latest.to === this.end) {
      if (this.#latest.bytes.length <= most) return this.#latest
    }
    const start = this.#forward(from)
    const segment = this.#segment(start.segment)
    if (segment === undefined || start.byte === segment.length) return undefined
    const kept = segment.runs.get(start.byte)
    if (kept !== undefined && kept.bytes.length <= most) return kept
    let to = this.#cut(segment, start.byte)
    const whole = to.byte - start.byte <= most
    if (!whole) {
      to = segment.within(start, most)
      if (to.count === this.#count) to = this.end
    }
    const view = segment.buffer.subarray(start.byte, to.byte)
    if (this.#pool.exhausted) return copyOf(from, to, view)
    const run: Run = { from, to, bytes: view, block: segment }
    if (!whole) return run
    if (to === this.end) this.#latest = run
    else if (segment.marks[segment.markAtByte(start.byte)]!.byte === start.byte) segment.runs.set(start.byte, run)
    return run
  }

  /** An unfinished write refers to this run from now on. */
  pin({ block }: Run): void {
    this.#pool.pin(block)
  }

  /** The write is over. */
  unpin({ block }: Run): void {
    this.#pool.unpin(block)
  }

  /** The place of the message that `count` messages precede, no older than the tail, no newer than the end. */
  seekCount(count: number): Position {
    const wanted = Math.max(count, this.#tailCount)
    if (wanted >= this.#count) return this.end
    return this.#segments[lastIndex(this.#segments.length, i => this.#segments[i]!.start.count <= wanted)]!.seekCount(
      wanted,
    )
  }

  /** The place of the first message kept whose offset is `offset` or more, or the end. */
  seekOffset(offset: number): Position {
    const { tail } = this
    if (offset <= tail.offset) return tail
    if (offset >= this.#head) return this.end
    const segment = this.#segments[lastIndex(this.#segments.length, i => this.#segments[i]!.start.offset <= offset)]!
    return this.#forward(segment.seekOffset(offset))
  }

  /** The place of the first message kept that was appended at `time` or later, to the exactness of marks. */
  seekTime(time: number): Position {
    return this.seekCount(this.#countSince(time))
  }

  /** When the message at this place was appended (of the oldest kept, if this one is gone); undefined at the end. */
  timeAt(place: Position): number | undefined {
    const at = this.#forward(this.overran(place) ? this.tail : place)
    if (at.count >= this.#count) return undefined
    const segment = this.#segment(at.segment)!
    return segment.times[segment.markAtByte(at.byte)]
  }

  /** Where a run from this byte ends: the segment's end if that is near, else the last mark before a line of the grid. */
  #cut(segment: Segment, byte: number): Position {
    if (segment.length - byte > SLICE_BYTES) {
      const line = (Math.floor((byte + MARK_BYTES) / GRID_BYTES) + 1) * GRID_BYTES
      const before = segment.marks[segment.markAtByte(line)]!
      if (before.byte > byte) return before
      const after = segment.marks[segment.markAtByte(byte) + 1]
      if (after !== undefined) return after
    }
    return segment.end ?? this.end
  }

  /** The same place, named by the segment in which its message begins: the end of a sealed one is the start of the next. */
  #forward(place: Position): Position {
    const segment = this.#segment(place.segment)
    if (segment === undefined) return this.#segments[0]?.start ?? place
    return segment.end !== undefined && place.byte === segment.length ? this.#segment(place.segment + 1)!.start : place
  }

  #segment(number: number): Segment | undefined {
    const first = this.#segments[0]
    return first === undefined ? undefined : this.#segments[number - first.number]
  }

  #here(offset: number): Position {
    const { number, length } = this.#open!
    return new Position(number, length, this.#bytes, offset, this.#count)
  }

  #mark(segment: Segment, offset: number, now: number): void {
    const before = segment.held
    segment.mark(this.#here(offset), now)
    this.#held += segment.held - before
  }

  /** Seals the open segment and opens the next; a message larger than a segment gets one of its own. */
  #grow(size: number, now: number): Segment {
    const open = this.#open
    if (open !== undefined) open.end = this.end
    const segment = new Segment(open === undefined ? 0 : open.number + 1, this.#pool.take(size))
    this.#segments.push(segment)
    this.#open = segment
    this.#held += segment.held
    this.trim(now)
    return segment
  }

  /** Messages before the first one appended at `time` or later. */
  #countSince(time: number): number {
    const index = lastIndex(
      this.#segments.length,
      i => (this.#segments[i]!.times[0] ?? Number.POSITIVE_INFINITY) < time,
    )
    const segment = this.#segments[index]
    if (segment === undefined) return this.#tailCount
    const next = segment.marks[lastIndex(segment.times.length, i => segment.times[i]! < time) + 1]
    return next?.count ?? segment.end?.count ?? this.#count
  }
}

function copyOf(from: Position, to: Position, view: Buffer): Run {
  const bytes = Buffer.allocUnsafeSlow(view.length)
  view.copy(bytes)
  return { from, to, bytes, block: { size: view.length, pins: 0, detached: true } }
}
