/**
 * What may be in flight to all clients together, in bytes: `maxInFlightBytes`. Each client has its minimum for certain; what is
 * beyond is granted as long as there is some left, and taken back from the biggest first.
 */

/** Beyond this share of what can be granted, the biggest windows are cut. */
const TIGHT = 0.9

export class Budget {
  readonly #most: number
  #granted = 0

  /** `most` is what there is beyond the minimum of every possible client; Infinity = no bound. */
  constructor(most: number) {
    this.#most = most
  }

  /** Granted beyond the minimums, in bytes. */
  get granted(): number {
    return this.#granted
  }

  get tight(): boolean {
    return this.#granted > this.#most * TIGHT
  }

  /** Asks for so many bytes more, and gets as many as there are. */
  take(bytes: number): number {
    const given = Math.max(0, Math.min(bytes, this.#most - this.#granted))
    this.#granted += given
    return given
  }

  giveBack(bytes: number): void {
    this.#granted -= bytes
  }
}
