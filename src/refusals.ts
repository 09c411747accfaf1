/** Counts the messages that a feed refused, and tells the first of each second: a source can give a million bad lines. */
import type { SpillwayError } from './errors.ts'

const TOLD_MS = 1_000

export class Refusals {
  count = 0
  readonly #tell: (line: string) => void
  #toldAt = Number.NEGATIVE_INFINITY
  #untold = 0

  constructor(tell: (line: string) => void) {
    this.#tell = tell
  }

  add(error: SpillwayError): void {
    this.count++
    const now = performance.now()
    if (now - this.#toldAt < TOLD_MS) {
      this.#untold++
      return
    }
    this.#tell(`refused a message: ${error.message}${this.#untold > 0 ? ` (and ${this.#untold} more)` : ''}`)
    this.#toldAt = now
    this.#untold = 0
  }
}
