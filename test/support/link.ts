/**
 * Clients behind links that exist only here, under a clock that only the test turns: a minute of a slow client takes a moment,
 * and nothing depends on the machine. What runs is the hub itself: feed, flush, clients, windows, wheel and sweep.
 */
import { onTestFinished, vi } from 'vitest'
import type { Client } from '../../src/clients/client.ts'
import { type Feed, type FeedOptions, Hub, type HubOptions, type Overflow } from '../../src/index.ts'
import { SimulatedSocket } from './simulated.ts'

const STEP_MS = 5
const KERNEL_BYTES = 4_000_000

/** A link that carries so many bytes a millisecond, and a pong back after so many milliseconds. */
export class Link extends SimulatedSocket {
  bytesPerMs: number
  roundTripMs: number
  /** Whether what was received is kept, for `payloads()`. */
  keeps = false
  /** Whether this client answers at all. */
  answers = true
  /** Bytes read since the beginning. */
  readBytes = 0
  client!: Client
  #credit = 0
  readonly #returning: { readonly at: number; readonly payload: Buffer }[] = []

  constructor(bytesPerMs: number, roundTripMs: number, kernelBytes = KERNEL_BYTES) {
    super(kernelBytes)
    this.prompt = false
    this.bytesPerMs = bytesPerMs
    this.roundTripMs = roundTripMs
  }

  step(ms: number, now: number): void {
    this.#credit = Math.min(this.#credit + this.bytesPerMs * ms, this.bytesPerMs * 100)
    const read = this.read(Math.floor(this.#credit))
    this.#credit -= read
    this.readBytes += read
    if (!this.keeps) this.forget()
    for (const payload of this.asked.splice(0))
      if (this.answers) this.#returning.push({ at: now + this.roundTripMs, payload })
    while (this.#returning.length > 0 && this.#returning[0]!.at <= now) this.emitPong(this.#returning.shift()!.payload)
  }
}

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

export class World {
  readonly hub: Hub
  readonly links: Link[] = []

  constructor(options: HubOptions = {}) {
    vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'] })
    this.hub = new Hub({ evictGraceMs: 1_000, ...options })
    onTestFinished(() => this.close())
  }

  /** Ends the hub, and the clock that the test turned. */
  async close(): Promise<void> {
    if (this.hub.closing) return
    const closing = this.hub.close({ drainMs: 0 })
    await this.run(2_000)
    await closing
    vi.useRealTimers()
  }

  feed(options: FeedOptions = {}): Feed {
    return this.hub.feed(`f${this.hub.feeds.size}`, options)
  }

  join(feed: Feed, link: Link, overflow: Overflow = feed.settings.overflow, at = feed.log.end): Client {
    const info = { address: '', name: `${this.links.length}`, agent: '' }
    link.client = this.hub.admit(link, link, info, feed, { at, overflow, maxRate: 0 })
    this.links.push(link)
    return link.client
  }

  /** Lets so much time pass; `each` is called on every step, before anything moves. */
  async run(ms: number, each: (now: number) => void = () => {}): Promise<void> {
    for (let passed = 0; passed < ms; passed += STEP_MS) {
      vi.advanceTimersByTime(STEP_MS)
      const now = performance.now()
      each(now)
      await turn()
      for (const link of this.links) link.step(STEP_MS, now)
      await turn()
    }
  }
}

/** A publisher of so many messages a second: to be called on each step. The payload begins with the time. */
export function steady(feed: Feed, perSecond: number, bytes: number): (now: number) => void {
  let due = 0
  let last = performance.now()
  return now => {
    due += ((now - last) * perSecond) / 1_000
    last = now
    for (; due >= 1; due--) feed.publish({ payload: `${now.toFixed(1)} `.padEnd(bytes, '.') })
  }
}
