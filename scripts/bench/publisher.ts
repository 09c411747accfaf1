/**
 * What a server under load publishes: as much as there is time for, so many a second, now and then, or as many as demand lets
 * through; over its feeds in turn. The same for every peer.
 */
import { wallClock } from '../swarm/clock.ts'
import { generator } from '../swarm/random.ts'
import type { Service } from './peers/peer.ts'

export type PublishCommand =
  /** So many messages each turn of the event loop. */
  | { readonly do: 'firehose'; readonly perTurn: number; readonly bytes: number }
  /** `burst`: so many at once, at moments further apart. */
  | { readonly do: 'steady'; readonly perSecond: number; readonly bytes: number; readonly burst?: number | undefined }
  /** A message at random moments, so far apart. */
  | { readonly do: 'now-and-then'; readonly leastMs: number; readonly mostMs: number; readonly bytes: number }
  /** As many as demand lets through. */
  | { readonly do: 'demand'; readonly bytes: number }

const POLL_MS = 10
const TURN_LEAST = 4

export class Publisher {
  published = 0
  longestMs = 0
  readonly #service: Service
  readonly #feeds: number
  #feed = 0
  /** Since when something is not confirmed; 0 if everything is. */
  #openSince = 0

  constructor(service: Service, feeds: number) {
    this.#service = service
    this.#feeds = feeds
  }

  start(command: PublishCommand): void {
    if (command.do === 'firehose') this.#firehose(command.perTurn, 'x'.repeat(command.bytes))
    if (command.do === 'steady') this.#steady(command)
    if (command.do === 'now-and-then') this.#nowAndThen(command.leastMs, command.mostMs, command.bytes)
    if (command.do === 'demand') void this.#demand('x'.repeat(command.bytes))
  }

  #publish(message: string): boolean {
    this.published++
    this.#feed = (this.#feed + 1) % this.#feeds
    return this.#service.publish(message, this.#feed)
  }

  /** A message that begins with a time, in microseconds since the epoch, and its number. */
  #timed(ms: number, bytes: number): string {
    return `${Math.round(ms * 1_000)} ${this.published}`.padEnd(bytes, ' ')
  }

  #firehose(perTurn: number, message: string): void {
    const turn = () => {
      for (let i = 0; i < perTurn; i++) this.#publish(message)
      setImmediate(turn)
    }
    turn()
  }

  /**
   * A message begins with the time at which it was due, so that a server that cannot keep up does not make its messages
   * younger. In one turn it is given no more than 50 ms of them, but up to four: what is behind waits, and the event loop
   * lives; and yet a server that is a little late may make up for it, as with a source that does not wait.
   */
  #steady({ perSecond, bytes, burst = 1 }: Extract<PublishCommand, { do: 'steady' }>): void {
    const started = wallClock()
    const turnMost = Math.max(burst, TURN_LEAST, Math.ceil(perSecond / 20))
    let sent = 0
    setInterval(() => {
      const due = Math.floor(((wallClock() - started) * perSecond) / 1_000 / burst) * burst
      for (let i = 0; i < turnMost && sent < due; i++) {
        sent++
        this.#publish(this.#timed(started + (Math.ceil(sent / burst) * burst * 1_000) / perSecond, bytes))
      }
    }, 1)
  }

  /** The moments are the same in every run. */
  #nowAndThen(leastMs: number, mostMs: number, bytes: number): void {
    const random = generator(1)
    const next = () => setTimeout(publishOne, leastMs + random() * (mostMs - leastMs))
    const publishOne = () => {
      this.#publish(this.#timed(wallClock(), bytes))
      this.#openSince ||= performance.now()
      next()
    }
    next()
    const { hub } = this.#service
    if (hub === undefined) return
    setInterval(() => {
      if (this.#openSince === 0) return
      this.longestMs = Math.max(this.longestMs, performance.now() - this.#openSince)
      if (hub.confirmed()) this.#openSince = 0
    }, POLL_MS)
  }

  async #demand(message: string): Promise<void> {
    const { hub } = this.#service
    if (hub === undefined) throw new Error('only the hub has demand')
    for (;;) if (!this.#publish(message)) await hub.ready()
  }
}
