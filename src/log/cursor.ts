/**
 * All that a reader owns: where it is in the log, and what became of what lies behind it. Pure; moved by the flush and
 * by the policies, read by everybody who asks.
 *
 *      joined            confirmed      at                head
 *     ───┼──────────────────┼───────────┼──────────────────┼──▶
 *            taken | skipped  in flight       queued
 *
 * Nothing is counted on the way: `at` is one reference, and the account is derived from it when somebody asks. It balances
 * because every message between `joined` and the head is in exactly one of its terms.
 */
import type { Position } from './position.ts'
import type { Run } from './segment.ts'

/** Where each message published since a reader joined has gone, in messages. The terms add up to `published`. */
export interface Account {
  /** Published since the reader joined. */
  readonly published: number
  /** The client's socket has it. */
  readonly taken: number
  /** Written, not yet taken. */
  readonly inFlight: number
  /** Passed over by `skip`, or lost to an overrun. */
  readonly skipped: number
  /** Replaced by a newer value of their key. */
  readonly conflated: number
  /** Still in the log, not yet written. */
  readonly queued: number
  /** Was in flight when the client closed: nobody knows whether it arrived. */
  readonly unknown: number
  /** Was queued when the client closed. */
  readonly undelivered: number
  /** Offsets that the source left out and this reader passed: not messages, so not a term of the sum. */
  readonly missing: number
}

export class Cursor {
  readonly joined: Position
  /** What is written next. */
  at: Position
  /** The run the socket did not take whole; at most one slice. */
  inFlight: Run | undefined
  skipped = 0
  skippedBytes = 0
  /** Gaps this reader did not get: each `skip` is one. Holes of the source are not among them. */
  gaps = 0

  constructor(joined: Position) {
    this.joined = joined
    this.at = joined
  }

  /** The place up to which everything written has been taken. */
  get confirmed(): Position {
    return this.inFlight?.from ?? this.at
  }

  get inFlightMessages(): number {
    return this.inFlight === undefined ? 0 : this.inFlight.to.count - this.inFlight.from.count
  }

  get inFlightBytes(): number {
    return this.inFlight?.bytes.length ?? 0
  }

  get taken(): number {
    return this.at.count - this.joined.count - this.skipped - this.inFlightMessages
  }

  get takenBytes(): number {
    return this.at.bytes - this.joined.bytes - this.skippedBytes - this.inFlightBytes
  }

  /** Passes over everything before `place`: one gap. */
  skipTo(place: Position): void {
    this.skipped += place.count - this.at.count
    this.skippedBytes += place.bytes - this.at.bytes
    this.gaps++
    this.at = place
  }

  /** The account up to the end of the log; `closed` says the client is gone, so that nothing is on its way any more. */
  account(end: Position, closed = false): Account {
    const { at, joined, inFlightMessages } = this
    const queued = end.count - at.count
    return {
      published: end.count - joined.count,
      taken: this.taken,
      inFlight: closed ? 0 : inFlightMessages,
      skipped: this.skipped,
      conflated: 0,
      queued: closed ? 0 : queued,
      unknown: closed ? inFlightMessages : 0,
      undelivered: closed ? queued : 0,
      missing: at.offset - joined.offset - (at.count - joined.count),
    }
  }
}
