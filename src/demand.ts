/**
 * Whether a feed takes more now, and who is waiting to hear that it does. Four things close demand, each for its own reason:
 *
 *     burst         so much is published and not flushed: a source that is always ready must let the others have their turn
 *     gate          the slowest reader under `pause` is beyond the high mark; opens below the low mark
 *     pace          the fastest reader that made progress within the last second is: a source that can wait overruns the
 *                   slow ones and not everybody, and goes on when nobody moves
 *     min-clients   the readers it waits for have not come
 *
 * The burst is flow within a turn; the other three are what operators see as "source paused". A source that cannot wait is
 * never paused. Owned by a feed.
 */
import type { PauseCause } from './events.ts'
import { GateClock, type Overdue } from './gate-clock.ts'
import { Gate } from './log/gate.ts'
import type { Log } from './log/log.ts'
import { POLICIES } from './log/overflow.ts'
import type { FeedSettings } from './options.ts'
import type { Reader } from './reader.ts'

const BURST_BYTES = 1024 * 1024
const BURST_MESSAGES = 1_000
/** How long after its last progress a reader still paces the source. */
const PACE_MS = 1_000

export interface DemandEvents {
  paused(cause: PauseCause): void
  resumed(pausedMs: number): void
}

export class Demand {
  readonly gate = new Gate<Reader>()

  readonly #clock = new GateClock()
  readonly #log: Log
  #settings: FeedSettings
  readonly #events: DemandEvents
  #canWait: boolean
  #burstBytesMost = BURST_BYTES
  #burstMessagesMost = BURST_MESSAGES
  #pace: { readonly bytes: number; readonly messages: number } = { bytes: 0, messages: 0 }
  /** Published since the last turn's flush: what demand goes by. */
  #burstBytes = 0
  #burstMessages = 0
  /** Published since any flush, inline ones too. */
  #unflushedBytes = 0
  #unflushedMessages = 0
  #cause: PauseCause | undefined
  #causeSince = 0
  #pausedMs = 0
  #fastest: Reader | undefined
  #complete: boolean
  #over = false
  #waiting: ReturnType<typeof deferred> | undefined

  /** `canWait` is false for a source that cannot: nothing but the burst is told to it, and that it ignores. */
  constructor(log: Log, settings: FeedSettings, canWait: boolean, events: DemandEvents) {
    this.#log = log
    this.#settings = settings
    this.#events = events
    this.#canWait = canWait
    this.#complete = settings.minClients === 0
    this.limit(settings, performance.now())
  }

  /** Other limits, from now on. */
  limit(settings: FeedSettings, now: number): void {
    this.#settings = settings
    const { capacity, lag } = settings
    const bytes = Math.min(capacity.bytes, lag.max.bytes)
    const messages = Math.min(capacity.messages, lag.max.messages)
    this.#pace = { bytes, messages }
    this.#burstBytesMost = Math.min(BURST_BYTES, bytes / 4)
    this.#burstMessagesMost = Math.min(BURST_MESSAGES, Math.max(1, messages / 4))
    this.evaluate(now)
  }

  get open(): boolean {
    return this.#cause === undefined && !this.#bursting
  }

  get cause(): PauseCause | undefined {
    return this.#cause
  }

  /** Whether what is published and not flushed comes near what the log can keep: it must be flushed now, or healthy readers lose it. */
  get brimming(): boolean {
    // A quarter, because with large messages half of each segment can be left over.
    return this.#unflushedBytes > this.#pace.bytes / 4 || this.#unflushedMessages > this.#pace.messages / 2
  }

  pausedSeconds(now: number): number {
    return (this.#pausedMs + (this.#cause === undefined ? 0 : now - this.#causeSince)) / 1_000
  }

  /** Its source, asked for it, gave one that cannot wait: it is not paused from now on. */
  cannotWait(): void {
    this.#canWait = false
    this.evaluate(performance.now())
  }

  /** Resolves when demand is open, or when the feed takes no more for good. */
  ready(): Promise<void> {
    if (this.open || this.#over) return Promise.resolve()
    this.#waiting ??= deferred()
    return this.#waiting.promise
  }

  published(bytes: number): void {
    this.#burstBytes += bytes
    this.#burstMessages++
    this.#unflushedBytes += bytes
    this.#unflushedMessages++
  }

  /** Readers have it, but the event loop has not turned: a source that is always ready must not take this for its leave to go on. */
  flushedInline(): void {
    this.#unflushedBytes = 0
    this.#unflushedMessages = 0
  }

  /** Every live reader has been sent everything, or is not live any more. */
  flushed(now: number): void {
    this.#burstBytes = 0
    this.#burstMessages = 0
    this.flushedInline()
    this.evaluate(now)
  }

  /** So many readers are there now. */
  joined(readers: number, now: number): void {
    if (readers >= this.#settings.minClients) this.#complete = true
    this.evaluate(now)
  }

  /** A reader got on: it may be the fastest now. */
  progressed(reader: Reader): void {
    if (this.#fastest === undefined || reader.cursor.at.bytes >= this.#fastest.cursor.at.bytes) this.#fastest = reader
  }

  /** Looks for another fastest reader where the known one has left or stopped. */
  tick(readers: Iterable<Reader>, now: number): void {
    // Live and catching readers take all that they are given; a sampled one is where it is by its own wish.
    const moving = ({ state, maxRate, progressedAt }: Reader) =>
      maxRate === 0 &&
      (state === 'live' ||
        state === 'catching' ||
        ((state === 'blocked' || state === 'full') && now - progressedAt <= PACE_MS))
    if (this.#fastest === undefined || !moving(this.#fastest)) {
      this.#fastest = undefined
      for (const reader of readers) if (moving(reader)) this.progressed(reader)
    }
    this.evaluate(now)
  }

  /** Decides anew whether the source has to wait, and wakes it if not. */
  evaluate(now: number): void {
    if (this.#crowded) this.#makeRoom(now)
    const cause = this.#canWait && !this.#over ? this.#reason() : undefined
    this.#log.floor = this.gate.count
    if (cause !== this.#cause) this.#change(cause, now)
    if (cause === 'gate') this.gate.slowest?.sink.hurry()
    if (this.#waiting !== undefined && (this.open || this.#over)) {
      this.#waiting.resolve()
      this.#waiting = undefined
    }
  }

  /** The feed takes no more: nobody waits in vain. */
  finish(now: number): void {
    this.#over = true
    this.evaluate(now)
  }

  /** Asked on each turn of the wheel: the gate's holder, once it has kept the source waiting for too long. */
  overdue(now: number): Overdue | undefined {
    const holder = this.#cause === 'gate' ? this.gate.slowest : undefined
    return this.#clock.overdue(holder, this.#causeSince, this.#settings, now)
  }

  get #bursting(): boolean {
    return this.#burstBytes >= this.#burstBytesMost || this.#burstMessages >= this.#burstMessagesMost
  }

  /** What the gate keeps from being trimmed takes more memory than its bytes say: marks of many holes, or ends of segments. */
  get #crowded(): boolean {
    return this.#log.held > this.#settings.capacity.bytes + 2 * this.#log.segmentBytes
  }

  /** The gate's cached answer may be old, and the log was not trimmed since it got on. */
  #makeRoom(now: number): void {
    this.gate.look()
    this.#log.floor = this.gate.count
    this.#log.trim(now)
  }

  #reason(): PauseCause | undefined {
    if (!this.#complete) return 'min-clients'
    const { highBytes, lowBytes, capacity } = this.#settings
    const log = this.#log
    const mark = this.#cause === 'gate' ? lowBytes : highBytes
    const behind = this.gate.distance(log.bytes, mark)
    if (behind > mark || (behind > 0 && this.#crowded)) return 'gate'
    if (this.#fastest === undefined) return undefined
    const share = (this.#cause === 'pace' ? lowBytes : highBytes) / capacity.bytes
    const { bytes, count } = POLICIES[this.#fastest.overflow].measured(this.#fastest.cursor)
    return log.bytes - bytes > this.#pace.bytes * share || log.count - count > this.#pace.messages * share
      ? 'pace'
      : undefined
  }

  #change(cause: PauseCause | undefined, now: number): void {
    const before = this.#cause
    const lasted = now - this.#causeSince
    this.#cause = cause
    this.#causeSince = now
    if (before !== undefined) {
      this.#pausedMs += lasted
      this.#events.resumed(lasted)
    }
    if (cause !== undefined) this.#events.paused(cause)
  }
}

/** Promise.withResolvers, which Node has from 22 on. */
function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = () => {}
  const promise = new Promise<void>(done => {
    resolve = done
  })
  return { promise, resolve }
}
