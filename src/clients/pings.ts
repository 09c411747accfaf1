/**
 * The pings of all clients: who is to be asked next, who owes an answer, and how many pings a second the hub can afford. A pong
 * costs about 10 µs, most of it in the read it comes with, so pings are a budget of the hub and not of each client.
 *
 *     nothing in flight ──write──▶ unasked ──TAIL_PING or the budget's next turn──▶ asked ──pong──▶ unasked, or nothing in flight
 *
 * A window with something in flight is in exactly one of the queues (who owes an answer for long has one of its own): so a ping is
 * always outstanding or due, and what costs nothing when nothing happens is not looked at. Turned by the wheel.
 */
import { randomFillSync } from 'node:crypto'
import type { Cursor } from '../log/cursor.ts'
import { Histogram } from './histogram.ts'
import { Ping } from './ping.ts'
import type { Window } from './window.ts'

/** Tail pings: for what no full window asks about. Oldest first; with very many clients they come later, never not at all. */
const TAIL_PINGS_PER_SECOND = 1_000
/** Pings of those who stream: windows are made as large as it takes to stay near this, and no larger. */
const STREAM_PINGS_PER_SECOND = 1_250
/** An unanswered ping is looked at again and again, at this interval; once it has been in vain a few times, at the longer one. */
const LOOK_MS = 200
const STUCK_LOOK_MS = 2_000
/** Of those so many a second are asked again: thousands that fell silent together must not cost a write each at once. */
const REPEATED_PINGS_PER_SECOND = 1_000
/** What a late turn of the wheel may make up for. */
const PINGS_AT_ONCE = 200

/** Seconds. */
const DELAY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30] as const

/** Windows in the order in which they are due: linked through themselves, so that entering and leaving costs nothing to speak of. */
class Queue {
  first: Window | undefined
  #last: Window | undefined

  push(window: Window, since: number): void {
    window.queue?.remove(window)
    window.queue = this
    window.since = since
    window.before = this.#last
    if (this.#last === undefined) this.first = window
    else this.#last.after = window
    this.#last = window
  }

  remove(window: Window): void {
    const { before, after } = window
    if (before === undefined) this.first = after
    else before.after = after
    if (after === undefined) this.#last = before
    else after.before = before
    window.queue = undefined
    window.before = undefined
    window.after = undefined
  }
}

export type { Queue }

/** How many pings of a kind may be sent now: so many a second. */
class Credit {
  readonly #perSecond: number
  #left = 0
  #earnedAt = performance.now()

  constructor(perSecond: number) {
    this.#perSecond = perSecond
  }

  earn(now: number): void {
    this.#left = Math.min(PINGS_AT_ONCE, this.#left + ((now - this.#earnedAt) / 1_000) * this.#perSecond)
    this.#earnedAt = now
  }

  get enough(): boolean {
    return this.#left >= 1
  }

  spend(): void {
    this.#left--
  }
}

export class Pings {
  /** How long those who stream should go without a ping, in milliseconds: their windows grow to last that long. */
  spacingMs = 0
  sent = 0
  /** Windows whose first ping is not answered yet. */
  newcomers = 0
  /** Pongs that answer nothing that was asked: unsolicited, or invented. */
  strays = 0
  /** How long answers took. */
  readonly delays = new Histogram(DELAY_BUCKETS)

  readonly #tailPingMs: number
  readonly #unasked = new Queue()
  readonly #asked = new Queue()
  /** Those of the asked who have owed an answer for long: thousands that never read must not cost a look each every time. */
  readonly #stuck = new Queue()
  readonly #tailCredit = new Credit(TAIL_PINGS_PER_SECOND)
  readonly #repeatCredit = new Credit(REPEATED_PINGS_PER_SECOND)
  #counter = 0
  #random = Buffer.alloc(0)
  #randomAt = 0

  constructor(tailPingMs: number) {
    this.#tailPingMs = tailPingMs
  }

  /** Something is in flight that no ping asks about: one is due. */
  due(window: Window, now: number): void {
    this.#unasked.push(window, now)
  }

  /** A ping is out. */
  asked(window: Window, now: number): void {
    this.sent++
    if (window.queue !== this.#asked && window.queue !== this.#stuck) this.#asked.push(window, now)
  }

  /** Some of it is answered, and more is outstanding. */
  answered(window: Window, now: number): void {
    this.#asked.push(window, now)
  }

  /** Nothing is in flight, or the client is gone. */
  forget(window: Window): void {
    window.queue?.remove(window)
  }

  /** Number of the last ping that was made. */
  get last(): number {
    return this.#counter
  }

  /** The next ping. Its payload, a number and 32 random bits, says nothing to anybody else and cannot be guessed. */
  make(cursor: Cursor, full: boolean, publishedAt: number, now: number): Ping {
    if (this.#randomAt === this.#random.length) {
      this.#random = randomFillSync(Buffer.allocUnsafe(4_096))
      this.#randomAt = 0
    }
    const random = this.#random.readInt32BE(this.#randomAt)
    this.#randomAt += 4
    this.#counter = (this.#counter + 1) | 0
    return new Ping(this.#counter, random, cursor, full, now, publishedAt)
  }

  delayed(ms: number): void {
    this.delays.add(ms / 1_000)
  }

  /** So many clients stream: the pings that the hub can afford are shared among them. */
  share(streaming: number): void {
    this.spacingMs = (streaming / STREAM_PINGS_PER_SECOND) * 1_000
  }

  /** On each turn of the wheel, however late it is: tail pings that are due, oldest first. */
  ask(now: number): void {
    this.#tailCredit.earn(now)
    for (;;) {
      const window = this.#unasked.first
      if (window === undefined || !this.#tailCredit.enough || now - window.since < this.#tailPingMs) break
      this.#tailCredit.spend()
      this.#unasked.remove(window)
      window.asker.ask(now)
    }
  }

  /** On each turn of the wheel: a look at those who owe an answer for long. */
  look(now: number): void {
    this.#repeatCredit.earn(now)
    this.#lookAt(this.#asked, LOOK_MS, now)
    this.#lookAt(this.#stuck, STUCK_LOOK_MS, now)
  }

  #lookAt(queue: Queue, everyMs: number, now: number): void {
    for (;;) {
      const window = queue.first
      if (window === undefined || now - window.since < everyMs) break
      const next = window.stuck ? this.#stuck : this.#asked
      next.push(window, now)
      if (window.wait(now, this.#repeatCredit.enough)) this.#repeatCredit.spend()
    }
  }
}
