/**
 * A reader beside its model: a cursor, and the number of the message it gets next. What a cursor derives from places is counted
 * here message by message. Not a test.
 */
import assert from 'node:assert/strict'
import { Cursor } from '../../../src/log/cursor.ts'
import type { LagLimits, Overflow, Verdict } from '../../../src/log/overflow.ts'
import type { Position } from '../../../src/log/position.ts'
import { MARK_MS, type Run } from '../../../src/log/segment.ts'
import { expectBytes } from '../helpers.ts'
import type { Messages } from './messages.ts'

const VERDICTS: Record<Overflow, { readonly over: Verdict; readonly overrun: Verdict }> = {
  pause: { over: 'keep', overrun: 'evict' },
  evict: { over: 'evict', overrun: 'evict' },
  skip: { over: 'skip', overrun: 'skip' },
}

export class ModelReader {
  readonly cursor: Cursor
  readonly overflow: Overflow
  readonly joined: number
  next: number
  delivered = 0
  skipped = 0
  softSince = 0
  gating = false
  /** The unfinished write: what it refers to, how many messages that are, and a copy of its bytes from when it began. */
  write: { readonly run: Run; readonly messages: number; readonly bytes: Buffer } | undefined

  constructor(place: Position, overflow: Overflow) {
    this.cursor = new Cursor(place)
    this.overflow = overflow
    this.joined = place.count
    this.next = place.count
  }

  get confirmed(): Position {
    return this.cursor.confirmed
  }

  get inFlight(): number {
    return this.write?.messages ?? 0
  }

  deliver(run: Run, messages: number): void {
    this.cursor.at = run.to
    this.next += messages
    this.delivered += messages
  }

  /** The socket did not take the last run whole. */
  begin(run: Run, messages: number): void {
    this.cursor.unfinished = run
    this.write = { run, messages, bytes: Buffer.from(run.bytes) }
  }

  /** The unfinished write is over; what it referred to must still be what it was. */
  end(): void {
    expectBytes(this.write!.run.bytes, this.write!.bytes)
    this.cursor.unfinished = undefined
    this.write = undefined
  }

  skipTo(place: Position, count: number): void {
    this.cursor.skipTo(place)
    this.skipped += count - this.next
    this.next = count
  }

  /** How the limits go: by all that is not confirmed, or under skip by what is queued. */
  measured(): number {
    return this.overflow === 'skip' ? this.next : this.next - this.inFlight
  }

  /** What may be said of it: one verdict, or two where its age is within `MARK_MS` of the limit. */
  verdicts({ max, softForMs }: LagLimits, messages: Messages, tail: number, now: number): Verdict[] {
    const { over, overrun } = VERDICTS[this.overflow]
    const from = this.measured()
    if (this.next < tail) return [overrun]
    if (messages.count - from > max.messages || messages.bytes - messages.bytesBefore(from) > max.bytes) return [over]
    if (this.softSince > 0 && now - this.softSince >= softForMs) return [over]
    const oldest = messages.at(Math.max(from, tail))
    const age = oldest === undefined ? Number.NEGATIVE_INFINITY : now - oldest.time
    if (age > max.ms) return [over]
    return age + MARK_MS > max.ms ? ['keep', over] : ['keep']
  }

  /** Holds the cursor's account against what was counted. */
  check(end: Position, messages: Messages): void {
    const { cursor, delivered, inFlight, joined, next, skipped } = this
    const published = messages.count - joined
    const queued = messages.count - next
    const taken = delivered - inFlight
    const { missing, ...account } = cursor.account(end)
    const rest = { conflated: 0, unknown: 0, undelivered: 0 }
    assert.deepEqual(account, { published, taken, inFlight, skipped, queued, ...rest })
    assert.equal(taken + inFlight + skipped + queued, published)
    assert.ok(missing >= 0 && missing <= messages.head - published, `missing ${missing}`)
    assert.equal(cursor.at.count, next)
    assert.equal(cursor.at.bytes, messages.bytesBefore(next))
    const closed = cursor.account(end, true)
    assert.deepEqual([closed.inFlight, closed.queued, closed.unknown, closed.undelivered], [0, 0, inFlight, queued])
    assert.deepEqual([closed.published, closed.taken, closed.skipped], [published, taken, skipped])
  }
}
