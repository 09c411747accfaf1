/**
 * A feed: one log, its readers, and the demand they leave. Sources publish into it, clients join its readers, the flush carries
 * runs from it; it knows the first not at all and the others only as `Sink` and `Carrier`.
 *
 * What must stay true:
 * - `publish` costs the same with any number of readers.
 * - A source that honours `publish()`'s answer is never refused, whatever the readers do.
 */
import { randomBytes } from 'node:crypto'
import type { Writable } from 'node:stream'
import type { WritableStream } from 'node:stream/web'
import { Accounts, type Totals } from './accounts.ts'
import { Demand } from './demand.ts'
import type { DryRun, DryRunReason } from './dry-run.ts'
import { expected, SpillwayError } from './errors.ts'
import type { EvictCause, GapReason, Notify, ResumeOutcome } from './events.ts'
import { type LimitChanges, withLimits } from './limits.ts'
import { frameBytes } from './log/frame.ts'
import { Log } from './log/log.ts'
import type { Position } from './log/position.ts'
import { checkMessage, type Message } from './message.ts'
import { type FeedSettings, type Logger, SILENT } from './options.ts'
import { CLOSE, formatPosition } from './protocol.ts'
import type { Reader } from './reader.ts'
import { Readers } from './readers.ts'
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

export class Feed {
  readonly name: string
  readonly log: Log
  readonly demand: Demand
  /** Where its messages come from. */
  readonly source: Supply
  /** Where they go. */
  readonly readers: Readers
  /** What became of them, over all readers that ever were. */
  readonly accounts: Accounts
  readonly evictions = new Map<EvictCause, number>()
  /** Gaps that readers got, by reason: passed over by `skip`, or by the rate they asked for. */
  readonly gaps: Record<GapReason, number> = { overflow: 0, rate: 0 }
  /** What limits would do that it does not have, while somebody wants to know. */
  dryRun: DryRun | undefined
  /** What dry runs, this one and those before, would have evicted. */
  readonly dryRunEvictions: Record<DryRunReason, number> = { lag: 0, 'soft-lag': 0, overrun: 0, stall: 0 }
  /** Clients that came back with a position, by what became of it. */
  readonly resumes: Record<ResumeOutcome, number> = { resumed: 0, trimmed: 0, 'other-epoch': 0, ahead: 0 }
  /** Sources that failed. */
  failures = 0
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
    this.accounts = new Accounts(this.log)
    this.readers = new Readers(this, carrier)
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
    this.readers.limit(now)
    this.demand.limit(this.#settings, now)
  }

  /** Where a client goes on that has everything so far: what `from` takes. */
  get position(): string {
    return formatPosition(this.log.epoch, this.log.head)
  }

  /** Resolves when the feed takes more, or when it never will. */
  ready(): Promise<void> {
    return this.demand.ready()
  }

  /** No more messages: readers get what is left, then the close code. The first ending counts. @throws SpillwayError `bad_option` */
  end(ending: Ending = { code: CLOSE.ended, reason: 'feed ended' }): void {
    if (this.ending !== undefined) return
    const { code } = ending
    if (code !== CLOSE.ended && !(Number.isInteger(code) && code >= 3_000 && code < 5_000))
      throw new SpillwayError('bad_option', expected('ending.code', '1000, or 3000 to 4999 (RFC 6455 §7.4.2)', code))
    this.ending = ending
    this.stop()
    this.#carrier.dirty(this)
    if (code === CLOSE.ended) this.#notify({ type: 'source-ended', feed: this.name })
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

  /** The same within a turn, because what was published came near what the log can keep; the source's turn is not over. */
  flushedInline(now: number): void {
    this.readers.enforce(now)
    this.demand.flushedInline()
  }

  /** Every live reader has been sent everything, or is not live any more. */
  flushed(now: number): void {
    this.readers.flushed(now)
    this.demand.flushed(now)
  }

  /** Every 50 ms: limits, the gate's clock, demand. */
  tick(now: number): void {
    this.readers.tick(now)
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

  /** Sums over the readers that are gone and those that are here. */
  totals(): Totals {
    return this.accounts.totals(this.readers)
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
}
