/**
 * The healthy reader of the demonstration: a plain WebSocket that takes all it is given, beside the slow ones and of the
 * same feed, so that a visitor sees that it has nothing to suffer from them. Tells how many messages it gets and how old
 * they are when they come: the worst of the last second.
 */
import { behindMs, noteQuick, timeIn } from './behind.ts'
import { listen } from './listen.ts'
import { Rate } from './rate.ts'

export class HealthyReader {
  state = 'connecting'
  messages = 0
  readonly #rate = new Rate()
  #worstMs: number | undefined
  #lastMs: number | undefined

  run(address: string, signal: AbortSignal): void {
    const onPayload = (payload: string | ArrayBuffer): void => {
      this.messages++
      const time = timeIn(payload)
      if (time === undefined) return
      noteQuick(time)
      this.#worstMs = Math.max(this.#worstMs ?? 0, behindMs(time))
    }
    listen(address, { onPayload, onState: ({ text }) => (this.state = text) }, signal)
  }

  /** Messages per second, and the age of the oldest since this was last asked (or the one before, if none came). */
  look(now: number): { readonly perSecond: number | undefined; readonly ageMs: number | undefined } {
    this.#rate.mark(this.messages, now)
    this.#lastMs = this.#worstMs ?? this.#lastMs
    this.#worstMs = undefined
    return { perSecond: this.#rate.perSecond, ageMs: this.#lastMs }
  }
}
