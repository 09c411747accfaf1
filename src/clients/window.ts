/**
 * The window of one client: how many bytes may be in flight to it, the kernel and the browser included. Pings are written into the
 * stream behind what they ask about; the pong (RFC 6455 §5.5.3) proves that everything before it was taken.
 *
 *                    pong, delay near the least seen, and the window was what limited
 *                   ┌──────────────┐                          ┌───────── grows: at most twice per round ─────────┐
 *     join ──▶ starting ──pong──▶ open ◀───────────────────── pong                                              │
 *                   │              │ ├─ delay above the least by more than a fifth of targetDelayMs ──▶ shrinks, at most by half
 *                   │              │ ├─ not what limits for 2 s ──▶ decays by half each second, to what its rate needs
 *                   │              │ ├─ the least delay not seen for 10 s ──▶ probing: a quarter, for one round ──pong──▶ open
 *                   │              └─ no answer for twice the delay it may have ──▶ overdue: shrinks at once to what is in flight,
 *                   │                                                              then by half ──pong──▶ open
 *                   └─ never an answer for UNANSWERED_MS ──▶ unconfirmed (unconfirmed.ts) ──pong──▶ open
 *
 * What was taken from whom, and why not all of it, stands in docs/decisions.md. The least delay and the growth to a delay above
 * it: LEDBAT (RFC 6817). Growing only while the window is what limits, and decay: RFC 7661. The look without our own queue: BBR's
 * ProbeRTT. The rate that a pong tells, bytes in flight when it was asked over its delay: BBR's delivery rate.
 *
 * Longer than 250 lines, because it is one state machine whose states share its figures. Pure: it is told the time and asks nobody.
 * Bytes are those written to this client, as in `Cursor.writtenBytes`.
 */
import type { Cursor } from '../log/cursor.ts'
import type { Budget } from './budget.ts'
import type { Ping } from './ping.ts'
import type { Pings, Queue } from './pings.ts'

/** Every client begins with this much, if minimum and maximum allow it. */
const START_BYTES = 16 * 1024
/** What our own queue may add to the delay, as a share of `targetDelayMs`: the target is a ceiling, not something to fill. */
const QUEUE_SHARE = 0.2
/** A pong is easy if the queue adds less than this share of what it may. */
const EASY = 0.5
/** A window that shrank to less than this share must show it in the delay. */
const MUCH = 0.8
/** For how long the least delay is believed, and how near to it a delay must come to renew the belief. */
const BELIEF_MS = 10_000
const NEAR = 1.25
/** So long without limiting, a window is too large; so long without a pong, a rate is none. */
const UNLIMITED_MS = 2_000
/** A change begins a round of its own, so it must be worth one. */
const WORTHWHILE = 1.02
/** A rate is measured over at least so many milliseconds. */
const RATE_MS = 100
/** A ping is due when so much of the window has been written since the last: for a window that limits, and at the most. */
const OFTEN = 1 / 4
const SELDOM = 9 / 10
/** Pings outstanding at the most, besides those that a full window or the gate need at once. */
const OUTSTANDING = 6
/** Pings remembered: of more, the oldest and the newest count. */
const REMEMBERED = 8
/** An overdue answer is asked for again after twice the time, so often. */
const MOST_WAITS = 6
/** After so many it is looked at seldom. */
const STUCK_WAITS = 2

/** What a client's window is to a hub's options. */
export interface WindowTerms {
  readonly targetDelayMs: number
  readonly minBytes: number
  readonly maxBytes: number
  /** At most so many bytes go unasked, whatever the window: for a reader that holds a gate, so that the source never waits for a tail ping. */
  readonly askWithinBytes: number
}

/** Whom a window belongs to: it writes the pings, and is told when an answer is late, and when to go on though there is none yet. */
export interface Asker {
  ask(now: number): void
  goOn(): void
  late(): void
}

export type WindowState = 'starting' | 'open' | 'probing' | 'overdue' | 'unconfirmed'

const NONE: Ping[] = []

export class Window {
  readonly asker: Asker
  /** The bytes written at which a write needs a look: the window ends there, or a ping is due. */
  edge = 0
  state: WindowState = 'starting'
  /** Since when it has owed an answer, or has had something in flight that nobody asked about; its place in one of the queues. */
  since = 0
  queue: Queue | undefined
  before: Window | undefined
  after: Window | undefined

  readonly #terms: WindowTerms
  readonly #budget: Budget
  readonly #pings: Pings
  readonly #cursor: Cursor
  #limit: number
  /** Taken from the budget beyond the minimum. */
  #granted = 0
  #outstanding = NONE
  /** Written when it was last asked. */
  #askedBytes = 0
  #leastMs = Number.POSITIVE_INFINITY
  #leastAt = 0
  #answeredAt = 0
  /** How often, and when last, an answer was found to be overdue since the last pong. */
  #waits = 0
  #waitedAt = 0
  /** The last ping of the hub before the limit changed. */
  #round = 0
  #limitedAt = 0
  #limited = false
  /** Whether more waited at the last write than there was room for. */
  #full = false
  /** Whether the last pong came with hardly a queue before it. */
  #easy = true
  /** The delay at which it shrank last, and by how much; 1 if it did not. */
  #shrunkMs = 0
  #shrunkBy = 1
  #streamed = false
  /** Bytes taken per millisecond, and the measurement under way. */
  #rate = 0
  #measuredAt = 0
  #measuredBytes = 0

  constructor(asker: Asker, cursor: Cursor, terms: WindowTerms, budget: Budget, pings: Pings, now: number) {
    this.asker = asker
    this.#cursor = cursor
    this.#terms = terms
    this.#budget = budget
    this.#pings = pings
    this.#limit = terms.minBytes
    this.#measuredAt = now
    pings.newcomers++
    this.#resize(this.#start)
  }

  /** Bytes that may be in flight. */
  get limit(): number {
    return this.#limit
  }

  /** Whether it is the window that holds the client back, if anything does: it takes what it gets, with hardly a queue. */
  get holdsBack(): boolean {
    return this.#easy
  }

  /** Bytes that may still be written. */
  get room(): number {
    return this.#limit - this.#cursor.inFlightBytes
  }

  get outstanding(): readonly Ping[] {
    return this.#outstanding
  }

  /** When the oldest outstanding ping was sent; undefined if none is. */
  get askedSince(): number | undefined {
    return this.#outstanding[0]?.sentAt
  }

  /** Everything before has been asked about. */
  get askedBytes(): number {
    return this.#askedBytes
  }

  /** Something was written. Returns whether a ping is due at once: `full` says that more waits and does not fit. */
  wrote(full: boolean, now: number): boolean {
    this.#full = full
    if (full) {
      this.#limited = true
      this.#limitedAt = now
    }
    const unasked = this.#cursor.writtenBytes - this.#askedBytes
    if (unasked === 0) {
      // Nothing more fitted behind the ping that is out: it stands behind a full window after all.
      const newest = this.#outstanding.at(-1)
      if (full && newest !== undefined) newest.full = true
      return false
    }
    const asks = this.#outstanding.length < (this.state === 'unconfirmed' ? 1 : OUTSTANDING)
    const due = full || this.room <= 0 || (asks && unasked >= this.#quantum)
    if (due) this.#streamed = true
    else if (this.queue === undefined) this.#pings.due(this, now)
    this.#look()
    return due
  }

  /** A ping is written now. `publishedAt` is when what it stands behind was published. */
  asked(publishedAt: number, now: number): Ping {
    const ping = this.#pings.make(this.#cursor, this.#full, publishedAt, now)
    if (this.#outstanding.length === 0) {
      this.#outstanding = [ping]
      this.#cursor.asked = ping
    } else if (this.#outstanding.push(ping) > REMEMBERED) this.#outstanding.splice(1, 1)
    this.#askedBytes = ping.bytes
    this.#pings.asked(this, now)
    this.#look()
    return ping
  }

  /** A pong came back. False if it answers nothing that was asked. */
  answered(payload: Buffer, now: number): boolean {
    const index = payload.length === 8 ? this.#find(payload.readInt32BE(0), payload.readInt32BE(4)) : -1
    if (index < 0) return false
    const ping = this.#outstanding[index]!
    this.#settled()
    this.#answeredAt = now
    this.#waits = 0
    this.#outstanding = this.#outstanding.length === index + 1 ? NONE : this.#outstanding.slice(index + 1)
    const taken = ping.bytes - this.#cursor.takenBytes
    this.#cursor.confirm(ping)
    this.#cursor.asked = this.#outstanding[0]
    this.#pings.delayed(now - ping.sentAt)
    if (taken > 0) this.#measure(taken, now)
    if (this.state === 'unconfirmed') {
      this.#cursor.mute = false
      this.#change(this.#start)
    }
    this.#adapt(ping, now)
    if (this.#granted > this.#limit - this.#terms.minBytes) this.#resize(this.#limit) // what was in flight above it is taken
    if (this.#outstanding.length > 0) this.#pings.answered(this, now)
    else if (this.#cursor.inFlightBytes > 0) this.#pings.due(this, now)
    else this.#pings.forget(this)
    this.#look()
    return true
  }

  /** Whether it has been asked in vain several times. */
  get stuck(): boolean {
    return this.#waits >= STUCK_WAITS && this.state !== 'starting'
  }

  /**
   * It owes an answer. Once that is overdue, nothing more is written until there is one, and again after twice the wait, less then.
   * It is asked anew each time, if it may be now, else at the next look: who answers now and then, or lost a pong, must not wait for
   * ever. Returns whether it was.
   */
  wait(now: number, mayAsk: boolean): boolean {
    if (this.state === 'starting' && this.room > 0) this.asker.goOn()
    const patience =
      this.#leastMs === Number.POSITIVE_INFINITY ? this.#terms.targetDelayMs : this.#leastMs + this.#queueMs
    const since = Math.max(this.#outstanding[0]!.sentAt, this.#answeredAt, this.#waitedAt)
    if (now - since > patience && this.state !== 'unconfirmed') {
      this.#easy = false
      this.asker.late()
    }
    if (now - since <= 2 ** (1 + this.#waits) * patience) return false
    if (!mayAsk && this.state !== 'open') return false
    this.#waits = Math.min(this.#waits + 1, MOST_WAITS)
    this.#waitedAt = now
    if (this.state !== 'unconfirmed') {
      if (this.state === 'open') this.state = 'overdue'
      this.#change(Math.min(this.#limit / 2, Math.max(this.#limit / 4, this.#cursor.inFlightBytes)))
    }
    if (!mayAsk) return false
    this.asker.ask(now)
    return true
  }

  /** It never answers: its socket's word has to do where a place is needed. */
  giveUp(): void {
    this.#settled()
    this.state = 'unconfirmed'
    this.#cursor.mute = true
    this.#look()
  }

  /** More for a client that never answers; Infinity = its socket is all that limits. Returns by how much it grew. */
  extend(bytes: number): number {
    const before = this.#limit
    if (bytes === Number.POSITIVE_INFINITY) {
      this.#limit = bytes
      this.#look()
    } else this.#resize(before + bytes, Number.POSITIVE_INFINITY)
    return this.#limit - before
  }

  /**
   * Once a second: lets go of what is not needed, where the budget is `tight` down to the minimum; and of what is above the budget's
   * ceiling. Returns whether the client streams: whether it was asked since the last time because of what was written, and not only by a tail ping.
   */
  sweep(now: number, tight: boolean): boolean {
    const streamed = this.#streamed
    this.#streamed = false
    if (this.state === 'unconfirmed') return streamed
    if (now - this.#measuredAt > UNLIMITED_MS) {
      this.#rate = 0
      this.#measuredAt = now
      this.#measuredBytes = 0
    }
    let limit = this.#limit
    if (now - this.#limitedAt > UNLIMITED_MS) {
      const need = this.#need(tight ? this.#terms.minBytes : this.#start)
      if (limit > 2 * need || tight) limit = Math.min(limit, Math.max(need, limit / 2))
    }
    this.#resize(limit)
    return streamed
  }

  /** The client is gone. */
  close(): void {
    this.#settled()
    this.#outstanding = NONE
    this.#pings.forget(this)
    this.#budget.giveBack(this.#granted)
    this.#granted = 0
  }

  /** Whether it answers is not open any more. */
  #settled(): void {
    if (this.state === 'starting') this.#pings.newcomers--
  }

  get #start(): number {
    return Math.min(this.#terms.maxBytes, Math.max(this.#terms.minBytes, START_BYTES))
  }

  get #queueMs(): number {
    return this.#terms.targetDelayMs * QUEUE_SHARE
  }

  /** What a client that streams needs so that the hub can afford its pings. */
  get #wanted(): number {
    return (this.#rate * this.#pings.spacingMs) / SELDOM
  }

  /** Twice what is taken while a pong comes back. */
  get #meanwhile(): number {
    return this.#leastMs === Number.POSITIVE_INFINITY ? 0 : 2 * this.#rate * this.#leastMs
  }

  /** What a window that does not limit needs, and at least `floor`. */
  #need(floor: number): number {
    return Math.max(floor, this.#wanted, this.#meanwhile)
  }

  /** So many bytes are written between two pings: seldom where there is room for what comes meanwhile, often where the window limits. */
  get #quantum(): number {
    if (this.state === 'starting' || this.#limit === Number.POSITIVE_INFINITY) return this.#limit
    const spare = this.#limit - this.#meanwhile
    const seldom = Math.min(this.#limit, this.#need(this.#start)) * SELDOM
    return Math.min(Math.max(this.#limit * OFTEN, Math.min(seldom, spare)), this.#terms.askWithinBytes)
  }

  #find(counter: number, random: number): number {
    return this.#outstanding.findIndex(ping => ping.counter === counter && ping.random === random)
  }

  #measure(taken: number, now: number): void {
    this.#measuredBytes += taken
    const elapsed = now - this.#measuredAt
    if (elapsed < RATE_MS) return
    const sample = this.#measuredBytes / elapsed
    this.#rate = this.#rate === 0 ? sample : (this.#rate + sample) / 2
    this.#measuredAt = now
    this.#measuredBytes = 0
  }

  #adapt(ping: Ping, now: number): void {
    const delay = now - ping.sentAt
    const probed = this.state === 'probing' && this.#ofRound(ping)
    // An answer that was overdue and came all the same: the way may be longer than it was.
    if (this.state === 'overdue') this.#leastAt = Number.NEGATIVE_INFINITY
    if (delay < this.#leastMs || probed) {
      this.#leastMs = delay
      this.#leastAt = now
    } else if (delay <= this.#leastMs * NEAR) this.#leastAt = now
    const queued = (delay - this.#leastMs) / this.#queueMs
    this.#easy = queued < EASY
    if (this.state !== 'probing' || probed) this.state = 'open'
    // What was sent before the last change tells nothing about it. While probing, the next round does.
    if (!this.#ofRound(ping) || this.state === 'probing') return
    const limited = this.#limited
    this.#limited = false
    if (queued > 1) this.#shrink(ping, delay, now)
    else if (limited) {
      // From what the delay was measured with: a ping that was not behind a full window says nothing about twice a full one.
      const grown = (ping.full ? Math.max(ping.inFlight, this.#limit) : ping.inFlight) * (2 - queued)
      if (grown > this.#limit * WORTHWHILE) this.#change(grown)
      else this.#limited = true
    } else if (this.#wanted > this.#limit) this.#change(Math.min(this.#wanted, 2 * this.#limit))
    if (queued <= 1) this.#shrunkBy = 1
  }

  /** To what it takes in the least delay and what the queue may add, but at most by half. */
  #shrink(ping: Ping, delay: number, now: number): void {
    // If half the queue does not halve the delay above the least, the queue is not ours.
    const helped = this.#shrunkBy > MUCH || delay < (this.#shrunkMs * (1 + this.#shrunkBy)) / 2
    if (!helped || now - this.#leastAt > BELIEF_MS) {
      this.#shrunkBy = 1
      this.#probe()
      return
    }
    const drained = (ping.inFlight / delay) * (this.#leastMs + this.#queueMs)
    const limit = Math.max(drained, this.#limit / 2)
    if (limit >= this.#limit) return
    this.#shrunkMs = delay
    this.#shrunkBy = limit / this.#limit
    this.#change(limit)
  }

  /** The least delay is old, or wrong: the path may have changed, or it is our own queue that makes every delay long. One round with less tells. */
  #probe(): void {
    this.state = 'probing'
    this.#round = this.#pings.last
    this.#resize(this.#limit * OFTEN)
  }

  /** Whether a ping was sent since the limit changed. */
  #ofRound(ping: Ping): boolean {
    return ((ping.counter - this.#round) | 0) > 0
  }

  /** A change of the limit begins a round. */
  #change(limit: number): void {
    const before = this.#limit
    this.#resize(limit)
    if (this.#limit !== before) this.#round = this.#pings.last
  }

  /** Sets the limit as far as options and budget allow. What is in flight stays granted, even above the limit. */
  #resize(limit: number, most = Math.min(this.#terms.maxBytes, this.#budget.ceiling)): void {
    const { minBytes } = this.#terms
    const wanted = Math.floor(Math.max(minBytes, Math.min(most, limit)))
    const more = Math.max(wanted, this.#cursor.inFlightBytes) - minBytes - this.#granted
    if (more < 0) {
      this.#budget.giveBack(-more)
      this.#granted += more
    } else this.#granted += this.#budget.take(more)
    this.#limit = Math.min(wanted, minBytes + this.#granted)
    this.#look()
  }

  #look(): void {
    const taken = this.#cursor.takenBytes
    const looks = this.queue === undefined || this.state === 'starting'
    this.edge = looks ? 0 : Math.min(this.#askedBytes + this.#quantum, taken + this.#limit)
  }
}
