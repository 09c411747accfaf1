/**
 * What may be in flight to all clients together, in bytes: `maxInFlightBytes`. Each client has its minimum for certain; what is
 * beyond is granted as long as there is some left, and taken back from the biggest first.
 */

/** Beyond this share of what can be granted, the biggest windows are cut. */
const TIGHT = 0.9
/** Each second while it is tight the ceiling over all windows falls to this share of the biggest, and rises again by that one when it is not. */
const FALL = 3 / 4
const RISE = 5 / 4

export class Budget {
  readonly #most: number
  #granted = 0
  #ceiling = Number.POSITIVE_INFINITY

  /** `most` is what there is beyond the minimum of every possible client; Infinity = no bound. */
  constructor(most: number) {
    this.#most = most
  }

  get tight(): boolean {
    return this.#granted > this.#most * TIGHT
  }

  /** No window grows above this: else those who came first would take back what was cut from them before others ask. */
  get ceiling(): number {
    return this.#ceiling
  }

  /** Once a second, with the size of the biggest window. */
  sweep(biggest: number): void {
    if (this.tight) this.#ceiling = biggest * FALL
    else if (this.#ceiling > 2 * biggest) this.#ceiling = Number.POSITIVE_INFINITY
    else this.#ceiling = Math.max(this.#ceiling, biggest) * RISE
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
