/**
 * A log and its readers beside a model that anybody can believe: an array of messages, and for each reader the number of the
 * message it gets next. Every step is taken in both, and `check` compares whatever can be asked.
 *
 * Where the log promises less than exactness the model has two bounds instead of one answer: times are exact to `MARK_MS`,
 * and bytes are let go of by whole segments. It asserts with node:assert, being asked a million times. Not a test.
 */
import assert from 'node:assert/strict'
import { frameBytes, OPCODES } from '../../../src/log/frame.ts'
import { Gate } from '../../../src/log/gate.ts'
import { Log } from '../../../src/log/log.ts'
import { judge, type Overflow } from '../../../src/log/overflow.ts'
import type { Position } from '../../../src/log/position.ts'
import { type Block, MARK_BYTES, MARK_MS, type Run, Segment } from '../../../src/log/segment.ts'
import { SLICE_BYTES } from '../../../src/log/sizes.ts'
import { expectBytes, noiseFor, parseFrames, textFor } from '../helpers.ts'
import { Messages } from './messages.ts'
import { ModelReader } from './reader.ts'
import { type From, seen, type Terms } from './terms.ts'

const NONE = Number.POSITIVE_INFINITY
const READERS = 8
/** More than the mark of one message costs. */
const MARK_ROOM = 256
export class World {
  readonly #terms: Terms
  readonly #log: Log
  readonly #gate = new Gate<ModelReader>()
  readonly #messages = new Messages()
  #readers: ModelReader[] = []
  #now = 1
  /** The tail is between these. */
  #tailLeast = 0
  #tailMost = 0
  /** A gate may have kept more than the capacity in the log, which has not been trimmed since. */
  #gated = false

  constructor(terms: Terms) {
    this.#terms = terms
    this.#log = new Log({ format: terms.format, epoch: 'e', capacity: terms.capacity })
  }

  append(size: number, hole: number, waitMs: number): void {
    const { count, head } = this.#messages
    const payload = this.#terms.format === 'text' ? textFor(count, size) : noiseFor(count, size)
    this.#now += waitMs
    const { end, held, segmentBytes } = this.#log
    const bytes = this.#log.append(payload, this.#now, hole > 0 ? head + hole : undefined)
    const told = { offset: head + hole, time: this.#now, payload: Buffer.from(payload) }
    assert.equal(bytes, frameBytes(told.payload.length))
    this.#messages.add(told, bytes)
    seen.segments += this.#log.end.segment - end.segment
    if (hole > 0) seen.holes++
    const full = held + Math.max(segmentBytes, bytes) + MARK_ROOM > this.#terms.capacity.bytes
    this.#trimmed(count + 1 - this.#terms.capacity.messages, full)
  }

  /** Time goes by, and the sweep comes. */
  wait(ms: number): void {
    this.#now += ms
    this.#gate.look()
    this.#sweep()
  }

  join(from: From, overflow: Overflow): void {
    if (this.#readers.length === READERS) return
    const reader = new ModelReader(this.#seek(from), overflow)
    this.#readers.push(reader)
    const near = this.#log.bytes - reader.confirmed.bytes <= this.#terms.capacity.bytes / 2
    if (overflow !== 'pause' || !near) return
    reader.gating = true
    this.#gate.hold(reader)
    this.#setFloor()
  }

  /** Writes so many runs to a reader; the socket does not take the last of them whole if it is `stuck`. */
  read(who: number, runs: number, stuck: boolean): void {
    const reader = this.#readers[who % this.#readers.length]
    if (reader === undefined || reader.write !== undefined) return
    for (let n = 1; n <= runs; n++) {
      if (this.#log.overran(reader.cursor.at)) this.#judge(reader)
      if (!this.#readers.includes(reader)) return
      const run = this.#log.run(reader.cursor.at)
      assert.equal(run === undefined, reader.next === this.#messages.count)
      if (run === undefined) return
      const messages = this.#checkRun(run, reader.next)
      reader.deliver(run, messages)
      if (!stuck || n < runs) continue
      this.#log.pin(run)
      reader.begin(run, messages)
    }
  }

  /** The socket of a stuck reader has taken everything. */
  free(who: number): void {
    const reader = this.#readers[who % this.#readers.length]
    if (reader?.write === undefined) return
    this.#log.unpin(reader.write.run)
    reader.end()
  }

  leave(who: number): void {
    const reader = this.#readers[who % this.#readers.length]
    if (reader !== undefined) this.#remove(reader)
  }

  judgeAll(): void {
    for (const reader of this.#readers) this.#judge(reader)
  }

  /** Everybody leaves: nothing is pinned, nothing held back, and what is kept is what was published. */
  close(): void {
    for (const reader of this.#readers) this.#remove(reader)
    assert.equal(this.#log.pinned, 0)
    assert.equal(this.#log.floor, NONE)
    this.#sweep()
    this.check()
    this.join({ by: 'earliest', share: 0 }, 'skip')
    this.read(0, NONE, false)
    assert.equal(this.#readers[0]!.next, this.#messages.count)
    this.check()
  }

  check(): void {
    const { count, head, bytes, holes, missing } = this.#log
    const messages = this.#messages
    assert.deepEqual([count, head, bytes], [messages.count, messages.head, messages.bytes])
    assert.deepEqual([holes, missing], [messages.holes, messages.missing])
    this.#checkTail()
    this.#checkHeld()
    this.#checkPinned()
    for (const reader of this.#readers) {
      reader.check(this.#log.end, messages)
      this.#checkPlace(reader)
    }
  }

  #setFloor(): void {
    this.#log.floor = this.#gate.count
    if (this.#log.floor !== NONE) this.#gated = true
  }

  #sweep(): void {
    this.#setFloor()
    const full = this.#log.held > this.#terms.capacity.bytes
    this.#log.trim(this.#now)
    this.#gated = this.#log.floor !== NONE
    this.#trimmed(Math.max(this.#messages.count - this.#terms.capacity.messages, this.#since(0)), full)
  }

  /** The log has let go of everything before `count`, and may have of more: of what is almost too old, and of anything if it was full. */
  #trimmed(count: number, full: boolean): void {
    const { floor } = this.#log
    const most = full ? this.#messages.count : Math.max(count, this.#since(MARK_MS))
    this.#tailLeast = Math.max(this.#tailLeast, Math.min(floor, count))
    this.#tailMost = Math.max(this.#tailMost, Math.min(floor, most))
  }

  /** Messages that are too old, or that will be so many milliseconds from now. */
  #since(later: number): number {
    return this.#messages.firstSince(this.#now - this.#terms.capacity.ms + later)
  }

  #seek({ by, share }: From): Position {
    const log = this.#log
    const tail = log.tail.count
    if (by === 'latest') return log.end
    if (by === 'earliest') return log.tail
    if (by === 'offset') {
      const offset = Math.floor(share * 1.1 * log.head)
      const place = log.seekOffset(offset)
      assert.equal(place.count, this.#messages.firstFromOffset(offset, tail))
      return place
    }
    const time = Math.floor(share * 1.1 * this.#now)
    const place = log.seekTime(time)
    const exact = Math.max(tail, this.#messages.firstSince(time))
    assert.ok(place.count >= exact, `time ${time} at ${place.count}, which is before ${exact}`)
    if (place.count > exact) assert.ok(this.#messages.at(place.count - 1)!.time < time + MARK_MS)
    return place
  }

  #remove(reader: ModelReader): void {
    reader.check(this.#log.end, this.#messages)
    if (reader.write !== undefined) {
      this.#log.unpin(reader.write.run)
      reader.end()
    }
    this.#readers = this.#readers.filter(each => each !== reader)
    if (reader.gating) this.#gate.release(reader)
    this.#setFloor()
  }

  /** Has a reader judged, and does to it what a feed does. */
  #judge(reader: ModelReader): void {
    const log = this.#log
    const { count } = this.#messages
    const { limits } = this.#terms
    if (count - reader.measured() <= limits.soft.messages) reader.softSince = 0
    else if (reader.softSince === 0) reader.softSince = this.#now
    const verdict = judge(reader.overflow, reader.cursor, log, limits, reader.softSince, this.#now)
    const expected = reader.verdicts(limits, this.#messages, log.tail.count, this.#now)
    assert.ok(expected.includes(verdict), `expected ${expected.join(' or ')}, got ${verdict}`)
    if (verdict === 'evict') {
      seen.evicts++
      this.#remove(reader)
    } else if (verdict === 'skip') {
      const newest = log.tail.count === count ? count : count - 1
      assert.equal(log.newest.count, newest)
      if (newest <= reader.next) return
      seen.skips++
      reader.skipTo(log.newest, newest)
    }
  }

  /** Holds a run for a reader that gets message `next` against the messages. Returns how many they are. */
  #checkRun({ from, to, bytes }: Run, next: number): number {
    const frames = parseFrames(bytes)
    const { length } = frames
    assert.deepEqual([from.count, to.count, to.bytes - from.bytes], [next, next + length, bytes.length])
    assert.ok(bytes.length < Math.max(SLICE_BYTES + 1, MARK_BYTES + this.#messages.largest), `${bytes.length} bytes`)
    const offsets = [this.#messages.at(next + length - 1)!.offset + 1, this.#messages.at(next + length)?.offset]
    assert.ok(offsets.includes(to.offset), `ends before ${to.offset}, expected ${offsets}`)
    for (const [n, { opcode, payload }] of frames.entries()) {
      assert.equal(opcode, OPCODES[this.#terms.format])
      expectBytes(payload, this.#messages.at(next + n)!.payload)
    }
    seen.delivered += length
    return length
  }

  #checkTail(): void {
    const { tail } = this.#log
    const between = this.#tailLeast <= tail.count && tail.count <= this.#tailMost
    assert.ok(between, `tail ${tail.count}, expected ${this.#tailLeast} to ${this.#tailMost}`)
    assert.equal(tail.offset, this.#messages.at(tail.count)?.offset ?? this.#messages.head)
    assert.equal(tail.bytes, this.#messages.bytesBefore(tail.count))
  }

  #checkHeld(): void {
    const { bytes, messages, ms } = this.#terms.capacity
    const { held, segmentBytes, tail } = this.#log
    if (this.#gated) seen.gated++
    else assert.ok(held <= bytes + segmentBytes, `${held} bytes held`)
    const least = bytes - 2 * Math.max(segmentBytes, this.#messages.largest)
    if (tail.count > 0 && messages === NONE && ms === NONE) assert.ok(held > least, `only ${held} bytes held`)
  }

  #checkPinned(): void {
    const blocks = new Set<Block>()
    for (const { write } of this.#readers) if (write !== undefined) blocks.add(write.run.block)
    let pinned = 0
    for (const block of blocks) {
      if (block instanceof Segment && block.number >= this.#log.tail.segment) continue
      pinned += block.size
      if (block instanceof Segment) seen.outOfLog++
      else seen.copies++
    }
    assert.equal(this.#log.pinned, pinned)
  }

  #checkPlace({ cursor, gating, next }: ModelReader): void {
    const log = this.#log
    assert.equal(log.overran(cursor.at), next < log.tail.count)
    if (gating) assert.ok(log.floor <= cursor.confirmed.count && log.tail.count <= cursor.confirmed.count)
    const oldest = this.#messages.at(Math.max(next, log.tail.count))?.time
    const time = log.timeAt(cursor.at)
    if (oldest === undefined || time === undefined) assert.equal(time, oldest)
    else assert.ok(time <= oldest && oldest - time < MARK_MS, `of ${oldest}, told ${time}`)
  }
}
