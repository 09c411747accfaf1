/**
 * All that a reader owns: where it is in the log, and what became of what lies behind it. Pure; moved by the flush and
 * by the policies, read by everybody who asks.
 *
 *      joined            confirmed      at                head
 *     ───┼──────────────────┼───────────┼──────────────────┼──▶
 *            taken | skipped  in flight       queued
 *
 * Nothing is counted on the way: `at` is one reference, what was taken is told by the answer to a ping, and the account is
 * derived from the two when somebody asks. It balances because every message between `joined` and the head is in exactly
 * one of its terms.
 */
import type { Position } from './position.ts'
import type { Run } from './segment.ts'

/** Where each message published since a reader joined has gone, in messages. The terms add up to `published`. */
export interface Account {
  /** Published since the reader joined. */
  readonly published: number
  /** The client has it: a pong came back from behind it. With the window off: its socket took it. */
  readonly taken: number
  /** Written, not yet taken: in sockets, kernels, browsers. */
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

/** How far a reader had come when a ping was written behind it: what is taken once the pong is back. */
export interface Mark {
  readonly place: Position
  /** Written since it joined. */
  readonly messages: number
  readonly bytes: number
}

/** Whose word counts for what is taken: the client's pongs, or the socket that took the bytes from us. */
export type Witness = 'client' | 'socket'

export class Cursor {
  readonly joined: Position
  readonly witness: Witness
  /** What is written next. */
  at: Position
  /** The run the socket did not take whole; at most one slice. */
  unfinished: Run | undefined
  /** The oldest mark that was asked about and not answered. */
  asked: Mark | undefined
  /** A client that never answers: what has left for its socket has to do where the gate and the limits need a place. */
  mute = false
  skipped = 0
  skippedBytes = 0
  /** Gaps this reader did not get: each `skip` is one. Holes of the source are not among them. */
  gaps = 0
  #confirmed: Position
  #taken = 0
  #takenBytes = 0

  constructor(joined: Position, witness: Witness = 'socket') {
    this.joined = joined
    this.witness = witness
    this.at = joined
    this.#confirmed = joined
  }

  /** The place up to which everything written has been taken. */
  get confirmed(): Position {
    return this.#bySocket || this.mute ? this.#handed : this.#confirmed
  }

  /**
   * The first place that the client is known not to have reached: behind the oldest ping it has not answered. What no ping has asked
   * about is in flight and not late, so a limit on lag goes by this and never blames a client for our not having asked.
   */
  get owed(): Position {
    return this.#bySocket || this.mute ? this.#handed : (this.asked?.place ?? this.at)
  }

  /** Messages written since it joined. */
  get written(): number {
    return this.at.count - this.joined.count - this.skipped
  }

  get writtenBytes(): number {
    return this.at.bytes - this.unwrittenBytes
  }

  /** Bytes before `at` that were never written to it: `writtenBytes` for a place is its bytes without these. */
  get unwrittenBytes(): number {
    return this.joined.bytes + this.skippedBytes
  }

  get inFlightMessages(): number {
    return this.written - this.taken
  }

  get inFlightBytes(): number {
    return this.writtenBytes - this.takenBytes
  }

  get taken(): number {
    if (!this.#bySocket) return this.#taken
    return this.written - (this.unfinished === undefined ? 0 : this.unfinished.to.count - this.unfinished.from.count)
  }

  get takenBytes(): number {
    return this.#bySocket ? this.writtenBytes - (this.unfinished?.bytes.length ?? 0) : this.#takenBytes
  }

  /** The client has everything that was written before this mark. */
  confirm({ place, messages, bytes }: Mark): void {
    this.#confirmed = place
    this.#taken = messages
    this.#takenBytes = bytes
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

  get #bySocket(): boolean {
    return this.witness === 'socket'
  }

  /** Everything before this place has left for the socket. */
  get #handed(): Position {
    return this.unfinished?.from ?? this.at
  }
}
