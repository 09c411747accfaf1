/**
 * What a client that pings is answered: one pong at a time, and after it one for the last ping that came meanwhile, as RFC 6455
 * §5.5.3 allows. A client that pings and does not read must not grow our memory. Made when the first ping comes: few clients send any.
 */
import { type Channel, OPEN } from './wire.ts'

export class Pongs {
  readonly #channel: Channel
  #underWay = false
  #lastPing: Buffer | undefined

  constructor(channel: Channel) {
    this.#channel = channel
  }

  answer(ping: Buffer): void {
    if (this.#underWay) {
      this.#lastPing = Buffer.from(ping)
      return
    }
    if (this.#channel.readyState !== OPEN) return
    this.#underWay = true
    this.#channel.pong(ping, false, () => {
      this.#underWay = false
      const last = this.#lastPing
      this.#lastPing = undefined
      if (last !== undefined) this.answer(last)
    })
  }
}
