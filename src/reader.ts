/**
 * One client's cursor in one feed, and what the flush needs to know of it. The feed moves it, the flush writes for it, the
 * client (its sink) carries the bytes. Floor: feed; so the client is known here only by the narrow contract `Sink`.
 *
 *     join ──▶ catching ──▶ live ──▶ (write not taken whole) blocked ──┬─▶ catching ──▶ live …
 *                  │         │       (more than its window) full ─────┘
 *                  └─────────┴─────────────── closed ◀──────────┘
 */
import type { ClientInfo, EvictCause } from './events.ts'
import type { Feed } from './feed.ts'
import { type Account, Cursor, type Witness } from './log/cursor.ts'
import type { Overflow } from './log/overflow.ts'
import type { Position } from './log/position.ts'
import type { Run } from './log/segment.ts'

/** What a reader belongs to: a client. */
export interface Sink {
  readonly info: ClientInfo
  /** Whose word counts for what is taken: its pongs, or with the window off its socket. */
  readonly witness: Witness
  /**
   * Sends a run, or as much of it as goes into the window. Where the window has no room for the rest, where the socket did not
   * take it whole, or takes no more at all, the sink says so with `feed.readers.full()`, `feed.readers.blocked()` or by closing the reader.
   */
  write(reader: Reader, run: Run): void
  /** The source waits for this reader: what it was sent is asked about now. */
  hurry(): void
  /** Closes the client for being slow. */
  evict(reader: Reader, cause: EvictCause, detail: string): void
  /** The feed has ended and this reader has been sent everything. */
  finish(reader: Reader): void
}

/** With what a client joins a feed. */
export interface Joining {
  readonly at: Position
  readonly overflow: Overflow
  /** Messages per second it wants at the most, the newest ones; 0 = all there are. */
  readonly maxRate: number
}

/**
 * live: takes what is published, at the head after each flush. catching: behind, waiting for its turn in the rotation.
 * blocked: the socket has an unfinished write. full: what is in flight fills its window, and it waits for a pong; or it is one of
 * a crowd that has not answered yet, and waits for its next run. sampled: asked for a rate, and gets the newest messages on the
 * wheel. closed: gets nothing any more.
 */
export const READER_STATES = ['live', 'catching', 'blocked', 'full', 'sampled', 'closed'] as const
export type ReaderState = (typeof READER_STATES)[number]

export class Reader {
  readonly feed: Feed
  readonly sink: Sink
  readonly overflow: Overflow
  readonly maxRate: number
  readonly cursor: Cursor
  state: ReaderState = 'catching'
  /** Whether it holds the gate: a reader under `pause`, once it has been below the low mark. */
  gating = false
  /**
   * Whether its client has kept up: it has answered while it had everything there was, and has not been late or skipped since. With
   * the window off, its socket has.
   */
  proven = false
  /** It waits for us, because it has not answered yet and others come first: no limit applies to it, besides the tail. */
  waits = false
  /** Whether limits apply: it has been within them once. */
  settled = false
  /** Whether it has been at the head once. */
  arrived = false
  /** Its client takes what it gets, and is held back by nothing but its window: it is not evicted for that. */
  held = false
  /** An answer is late: it is judged even while its window has room. */
  late = false
  /** When something was last confirmed or an unfinished write taken, in `performance.now()` milliseconds. */
  progressedAt: number
  /** Since when it has been over the soft limit; 0 while it is not. */
  softSince = 0
  /** The head when the hub stopped sending to it. */
  until: Position | undefined
  /** Messages a sampled reader may be sent now: grows with time, at most to a second's worth. */
  credit = 1

  constructor(feed: Feed, sink: Sink, { at, overflow, maxRate }: Joining, now: number) {
    this.feed = feed
    this.sink = sink
    this.overflow = overflow
    this.maxRate = maxRate
    this.cursor = new Cursor(at, sink.witness)
    this.progressedAt = now
  }

  /** Where it is when the gate asks: the place up to which everything written has been taken. */
  get confirmed(): Position {
    return this.cursor.confirmed
  }

  /** How far it is sent: to the head, or to where it was when the hub stopped sending to it. */
  get end(): Position {
    return this.until ?? this.feed.log.end
  }

  /** What is not yet written to it. Seconds are the age of the oldest of it that the log still has. */
  queued(now: number): { readonly messages: number; readonly bytes: number; readonly seconds: number } {
    const { end } = this
    const { at } = this.cursor
    const seconds = at.count < end.count ? (now - (this.feed.log.timeAt(at) ?? now)) / 1_000 : 0
    return { messages: end.count - at.count, bytes: end.bytes - at.bytes, seconds }
  }

  /** What became of every message since it joined, up to the head, or to the place where the hub stopped sending. */
  account(closed = false): Account {
    return this.cursor.account(this.end, closed)
  }
}
