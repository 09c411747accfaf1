/**
 * A feed: one log, its readers, and the demand they leave. Sources publish into it, clients join it, the flush carries
 * runs from it; it knows the first not at all and the others only as `Sink` and `Carrier`.
 *
 * What must stay true:
 * - `publish` costs the same with any number of readers.
 * - A source that honours `publish()`'s answer is never refused, whatever the readers do.
 * - A live reader is never judged: it had everything at the last flush, and what came since is not its fault.
 * - A reader that has left took its account with it: nothing published to it is in no total.
 */
import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import type { WritableStream } from 'node:stream/web'
import { Demand } from './demand.ts'
import type { DryRun, DryRunReason } from './dry-run.ts'
import { expected, SpillwayError } from './errors.ts'
import type { EvictCause, Notify } from './events.ts'
import { Judge } from './judge.ts'
import { type LimitChanges, withLimits } from './limits.ts'
import { frameBytes } from './log/frame.ts'
import { Log } from './log/log.ts'
import { POLICIES } from './log/overflow.ts'
import type { Position } from './log/position.ts'
import type { Run } from './log/segment.ts'
import { checkMessage, type Message } from './message.ts'
import { type FeedSettings, type Logger, SILENT } from './options.ts'
import { CLOSE } from './protocol.ts'
import { type Joining, Reader, type Sink } from './reader.ts'
import { Sampler } from './sampler.ts'
import { feedEnded, Supply } from './supply.ts'
import { openWritable, openWritableStream, type WritableOptions } from './writable.ts'

/** What carries runs to readers: the flush. */
export interface Carrier {
  /** The feed has something for its live readers. */
  dirty(feed: Feed): void
  /** The same, and it cannot wait for the end of the turn. */
  flushNow(feed: Feed): void
  /** This reader is behind and takes its turn. */
  catchUp(reader: Reader): void
}

/** How a feed ended: the close code and reason its readers get when they have everything. */
export interface Ending {
  readonly code: number
  readonly reason: string
}

/** What became of messages, over all readers that ever were. */
export interface Totals {
  delivered: number
  deliveredBytes: number
  skipped: number
  unknown: number
  undelivered: number
}

/** Why a reader passed over messages. A hole that the source left is a gap of the log, not of a reader. */
export type GapReason = 'overflow' | 'rate'

/** What became of a client that came back with a position. */
export const RESUMES = ['resumed', 'trimmed', 'other-epoch', 'ahead'] as const
export type ResumeOutcome = (typeof RESUMES)[number]

export class Feed {
  readonly name: string
  readonly log: Log
  readonly demand: Demand
  readonly readers = new Set<Reader>()
  /** The live readers, and among them some that are so no longer: the flush sorts those out as it goes. */
  readonly live: Reader[] = []
  readonly evictions = new Map<EvictCause, number>()
  /** Gaps that readers got, by reason: passed over by `skip`, or by the rate they asked for. */
  readonly gaps: Record<GapReason, number> = { overflow: 0, rate: 0 }
  /** What limits would do that it does not have, while somebody wants to know. */
  dryRun: DryRun | undefined
  /** What dry runs, this one and those before, would have evicted. */
  readonly dryRunEvictions: Record<DryRunReason, number> = { lag: 0, 'soft-lag': 0, overrun: 0, stall: 0 }
  /** Clients that came back with a position, by what became of it. */
  readonly resumes: Record<ResumeOutcome, number> = { resumed: 0, trimmed: 0, 'other-epoch': 0, ahead: 0 }
  /** What became of messages to readers that are gone. */
  readonly left: Totals = { delivered: 0, deliveredBytes: 0, skipped: 0, unknown: 0, undelivered: 0 }
  /** Sources that failed. */
  failures = 0
  /** Where its messages come from. */
  readonly source: Supply
  /** Whether the flush has it on its list. */
  listed = false
  /** When the oldest message was published that the flush has not carried to the live readers; 0 if there is none. */
  unflushedSince = 0
  ending: Ending | undefined

  #settings: FeedSettings
  readonly #carrier: Carrier
  readonly #notify: Notify
  readonly #stopped = new AbortController()
  /** The same, for every message: to ask a signal takes half a microsecond. */
  #takesMore = true
  readonly #judge: Judge
  readonly #sampler = new Sampler()
  #stale = 0
  /** Readers that are sent what is published, and the sums of the places where readers began, and where the hub stopped sending. */
  #served = 0
  #begun = 0
  #stoppedAt = 0

  constructor(
    name: string,
    settings: FeedSettings,
    canWait: boolean,
    carrier: Carrier,
    notify: Notify,
    logger: Logger = SILENT,
  ) {
    this.name = name
    this.source = new Supply(this, notify, logger)
    this.#settings = settings
    this.#carrier = carrier
    this.#notify = notify
    const { format, capacity } = settings
    this.log = new Log({ format, capacity, epoch: settings.epoch ?? randomBytes(5).toString('hex') })
    this.demand = new Demand(this.log, settings, canWait, {
      paused: cause => notify({ type: 'source-paused', feed: name, cause }),
      resumed: pausedMs => notify({ type: 'source-resumed', feed: name, pausedMs }),
    })
    this.#judge = new Judge(this.log, settings.lag, {
      skip: reader => this.skip(reader, this.log.newest, 'overflow'),
      evict: (reader, cause, detail) => this.evict(reader, cause, detail),
    })
  }

  /**
   * Adds a message. `true`: go on; `false`: accepted, now stop until `ready()`.
   * @throws SpillwayError `feed_full` on a `pause` feed at capacity, `message_too_large`, `bad_message`, `bad_utf8`,
   * `offset_backwards`, `feed_ended`; the message is not published then, and the feed is as before.
   */
  publish(message: Message): boolean {
    this.#check(message)
    const now = performance.now()
    this.demand.published(this.log.append(message.payload, now, message.offset))
    if (this.unflushedSince === 0) this.unflushedSince = now
    if (this.demand.brimming) this.#carrier.flushNow(this)
    else if (!this.listed) this.#carrier.dirty(this)
    this.demand.evaluate(now)
    return this.demand.open
  }

  /**
   * A Node Writable: lines on a text feed, what is written at once on a binary one, payloads and messages in object mode. Its
   * back-pressure is the feed's: `write()` answers false while demand is closed, and 'drain' comes when it opens.
   * @throws SpillwayError `bad_option`, `feed_taken`, `feed_ended`
   */
  writable(options: WritableOptions = {}): Writable {
    return openWritable(this, options)
  }

  /** The same as a WHATWG WritableStream. @throws SpillwayError `bad_option`, `feed_taken`, `feed_ended` */
  writableStream(options: WritableOptions = {}): WritableStream {
    return openWritableStream(this, options)
  }

  /** What holds: as it was opened, and its limits as they are now. */
  get settings(): FeedSettings {
    return this.#settings
  }

  /**
   * Changes limits while readers are there; they are judged by the new ones at once. Either all that is asked is changed or nothing.
   * @throws SpillwayError `bad_option`, with the rule that it would break
   */
  limit(changes: LimitChanges): void {
    const now = performance.now()
    this.#settings = withLimits(this.#settings, changes, this.name)
    this.#judge.limit(this.#settings.lag)
    this.#judge.tick(this.readers, now)
    for (const reader of this.readers) this.#admitToGate(reader)
    this.demand.limit(this.#settings, now)
  }

  /** Messages a source gave that were refused. */
  get refused(): number {
    return this.source.refused
  }

  /** Resolves when the feed takes more, or when it never will. */
  ready(): Promise<void> {
    return this.demand.ready()
  }

  /** No more messages: readers get what is left, then the close code. The first ending counts. @throws SpillwayError `bad_option` */
  end(ending: Ending = { code: CLOSE.ended, reason: 'feed ended' }): void {
    if (this.ending !== undefined) return
    if (
      ending.code !== CLOSE.ended &&
      !(Number.isInteger(ending.code) && ending.code >= 3_000 && ending.code < 5_000)
    ) {
      throw new SpillwayError(
        'bad_option',
        expected('ending.code', '1000, or 3000 to 4999 (RFC 6455 §7.4.2)', ending.code),
      )
    }
    this.ending = ending
    this.stop()
    this.#carrier.dirty(this)
    if (ending.code === CLOSE.ended) this.#notify({ type: 'source-ended', feed: this.name })
    else {
      this.failures++
      this.#notify({ type: 'source-failed', feed: this.name, error: ending.reason })
    }
  }

  /** Aborts when it takes no more messages: it has ended, or the hub is closing. */
  get stopped(): AbortSignal {
    return this.#stopped.signal
  }

  get takesMore(): boolean {
    return this.#takesMore
  }

  /** Takes no more messages; readers stay, and get what is left. */
  stop(): void {
    this.#takesMore = false
    this.#stopped.abort()
    this.demand.finish(performance.now())
  }

  join(sink: Sink, joining: Joining): Reader {
    const now = performance.now()
    const reader = new Reader(this, sink, joining, now)
    this.readers.add(reader)
    this.#served++
    this.#begun += joining.at.count
    if (reader.maxRate > 0) this.#sampler.add(reader)
    else if (joining.at.count === this.log.count) this.caughtUp(reader)
    else {
      this.#admitToGate(reader)
      this.#judge.watch(reader)
      this.#carrier.catchUp(reader)
    }
    this.demand.joined(this.readers.size, now)
    if (this.ending !== undefined) this.#carrier.dirty(this)
    return reader
  }

  /** Sends no more to a reader whose client is closing, and lets go of the gate. It still leaves when the socket is gone. */
  close(reader: Reader): void {
    if (reader.state === 'closed') return
    if (reader.state === 'live') this.#forgetLive()
    reader.state = 'closed'
    reader.until = this.log.end
    this.#served--
    this.#stoppedAt += this.log.count
    if (reader.gating) this.demand.gate.release(reader)
    this.demand.evaluate(performance.now())
  }

  /** The client's socket is gone: what was in flight is unknown, what was queued undelivered. */
  leave(reader: Reader): void {
    this.close(reader)
    if (!this.readers.delete(reader)) return
    const { taken, skipped, unknown, undelivered } = reader.account(true)
    this.left.delivered += taken
    this.left.deliveredBytes += reader.cursor.takenBytes
    this.left.skipped += skipped
    this.left.unknown += unknown
    this.left.undelivered += undelivered
  }

  /** What a reader is sent next, undefined if it is at the head. One that is too far behind is judged first. */
  next(reader: Reader, now: number): Run | undefined {
    if (reader.state !== 'live' || this.log.overran(reader.cursor.at)) this.#judge.judge(reader, now)
    return reader.state === 'closed' ? undefined : this.log.run(reader.cursor.at)
  }

  /** The reader gets nothing more until it is told to go on: what is in flight fills its window, or, with `waits`, others come first. */
  full(reader: Reader, waits = false): void {
    reader.state = 'full'
    reader.waits = waits
    this.#judge.watch(reader)
  }

  /** Its answer is late: from now on it is judged, even while there is room in its window. */
  late(reader: Reader): void {
    reader.proven = false
    reader.late = true
    this.#judge.watch(reader)
  }

  /** A pong came: more of what was written is taken; `room` says whether there is room in the window. */
  confirmed(reader: Reader, room: boolean, now: number): void {
    reader.late = false
    if (reader.state === 'live') {
      reader.proven = true
      reader.softSince = 0
    }
    reader.progressedAt = now
    if (room) this.goOn(reader)
    this.#admitToGate(reader)
    if (this.demand.cause !== undefined) this.demand.evaluate(now)
  }

  /**
   * What counts as confirmed has changed, because the client never answers or has answered at last: it has to earn its place at the
   * gate again, and cannot while it is only held back.
   */
  letGo(reader: Reader): void {
    if (reader.gating) this.demand.gate.release(reader)
    reader.gating = false
  }

  /** There is room in the window though nothing was confirmed: the client is one that never answers. */
  roomFor(reader: Reader, now: number): void {
    reader.progressedAt = now
    this.goOn(reader)
  }

  /** A live reader that others come before: it takes its turn with those that catch up. */
  fallBack(reader: Reader): void {
    reader.waits = true
    reader.state = 'catching'
    this.#judge.watch(reader)
    this.#carrier.catchUp(reader)
  }

  /** A reader that waits for an answer gets what there is room for. */
  goOn(reader: Reader): void {
    if (reader.state === 'full') this.#goOn(reader)
  }

  /** The socket did not take this run whole: it pins its bytes. */
  blocked(reader: Reader, run: Run): void {
    this.log.pin(run)
    reader.cursor.unfinished = run
    if (reader.state !== 'closed') reader.state = 'blocked'
    reader.waits = false
    this.#judge.watch(reader)
  }

  /** The unfinished write is over; `taken` says whether the socket has it, or was destroyed. */
  unblocked(reader: Reader, taken: boolean, now: number): void {
    const run = reader.cursor.unfinished
    if (run === undefined) return
    this.log.unpin(run)
    if (!taken) return
    reader.cursor.unfinished = undefined
    reader.progressedAt = now
    if (reader.state === 'closed') return
    this.#goOn(reader)
    this.#admitToGate(reader)
    this.demand.progressed(reader)
    if (this.demand.cause !== undefined) this.demand.evaluate(now)
  }

  /** A reader has reached the head: from now on it gets what is published as it comes. */
  caughtUp(reader: Reader): void {
    reader.state = 'live'
    reader.settled = true
    reader.arrived = true
    reader.waits = false
    reader.softSince = 0 // live readers are not judged, so the judge would not notice
    if (reader.cursor.witness === 'socket') reader.proven = true
    this.live.push(reader)
    this.#admitToGate(reader)
    this.demand.progressed(reader)
  }

  /** The same within a turn, because what was published came near what the log can keep; the source's turn is not over. */
  flushedInline(now: number): void {
    this.#judge.enforce(this.readers, now)
    this.demand.flushedInline()
  }

  /** Every live reader has been sent everything, or is not live any more. */
  flushed(now: number): void {
    const first = this.live[0]
    if (first !== undefined) this.demand.progressed(first)
    this.#judge.enforce(this.readers, now)
    this.demand.flushed(now)
  }

  /** Every 50 ms: limits, the gate's clock, demand. */
  tick(now: number): void {
    this.#sampler.tick(this, now)
    this.#judge.tick(this.readers, now)
    const overdue = this.demand.overdue(now)
    if (overdue !== undefined) this.evict(overdue.reader, overdue.cause, overdue.detail)
    this.demand.tick(this.readers, now)
    if (this.demand.cause === 'gate') for (const { gating, sink } of this.readers) if (gating) sink.hurry()
  }

  /** Passes over everything before `to`: one gap, counted and told. */
  skip(reader: Reader, to: Position, reason: GapReason): void {
    const { cursor, sink } = reader
    const from = cursor.at
    if (to.count <= from.count) return
    cursor.skipTo(to)
    this.gaps[reason]++
    if (reason !== 'overflow') return
    reader.proven = false
    const gap = { from: from.offset, to: to.offset, count: to.count - from.count, bytes: to.bytes - from.bytes }
    this.#notify({ type: 'reader-overrun', client: sink.info, feed: this.name, ...gap })
  }

  /** Closes a reader's client for being slow, and counts it. */
  evict(reader: Reader, cause: EvictCause, detail: string): void {
    if (reader.state === 'closed') return
    this.evictions.set(cause, (this.evictions.get(cause) ?? 0) + 1)
    reader.sink.evict(reader, cause, detail)
  }

  /** Live readers are sent what is published now, not at the end of the turn. */
  flush(): void {
    this.#carrier.flushNow(this)
  }

  /** What is not yet written to a reader. Seconds are the age of the oldest of it that the log still has. */
  queued(reader: Reader, now: number): { readonly messages: number; readonly bytes: number; readonly seconds: number } {
    const { log } = this
    const { at } = reader.cursor
    const end = reader.until ?? log.end
    const seconds = at.count < end.count ? (now - (log.timeAt(at) ?? now)) / 1_000 : 0
    return { messages: end.count - at.count, bytes: end.bytes - at.bytes, seconds }
  }

  /**
   * Messages published while a reader was there, over all readers. Counted as they come and go, and not from their cursors: what
   * became of messages has to add up to it.
   */
  get publishedToReaders(): number {
    return this.#stoppedAt - this.#begun + this.#served * this.log.count
  }

  /** Sums over the readers that are gone and those that are here. */
  totals(): Totals {
    const totals = { ...this.left }
    for (const reader of this.readers) {
      totals.delivered += reader.cursor.taken
      totals.deliveredBytes += reader.cursor.takenBytes
      totals.skipped += reader.cursor.skipped
    }
    return totals
  }

  #check(message: Message): void {
    if (!this.takesMore) throw feedEnded(this.name)
    const bytes = checkMessage(message, this.name, this.settings, this.log.head)
    const { capacity } = this.settings
    const room = capacity.bytes - frameBytes(bytes)
    if (this.demand.gate.distance(this.log.bytes, room) <= room) return
    const waiting = `${capacity.bytes} bytes wait for the slowest reader`
    throw new SpillwayError('feed_full', `feed ${this.name}: expected publish() only after ready(), because ${waiting}`)
  }

  #goOn(reader: Reader): void {
    if (reader.maxRate > 0) this.#sampler.add(reader)
    else {
      reader.state = 'catching'
      this.#carrier.catchUp(reader)
    }
  }

  #admitToGate(reader: Reader): void {
    if (
      reader.gating ||
      reader.state === 'closed' ||
      (reader.held && reader.cursor.mute) ||
      !POLICIES[reader.overflow].gates
    )
      return
    if (this.log.bytes - reader.confirmed.bytes > this.settings.lowBytes || this.log.overran(reader.cursor.at)) return
    reader.gating = true
    this.demand.gate.hold(reader)
  }

  /** A live reader closed outside the flush stays on the list; the list is cleaned when half of it is so. */
  #forgetLive(): void {
    if (this.listed || ++this.#stale < 64 || this.#stale < this.live.length / 2) return
    this.#stale = 0
    let kept = 0
    for (const reader of this.live) if (reader.state === 'live') this.live[kept++] = reader
    this.live.length = kept
  }
}
