/**
 * The last values of one figure, for a sparkline: a value is kept now and then, however often it changes, so that the
 * line covers a span that a person can read and costs the same at any rate. Bounded; used by the table and the tiles.
 */
import type { Point } from './draw.ts'

const POINTS = 90
/** A young line spreads over the width with this many points; then it grows denser until it moves. */
const FIRST = 10

export class Trend {
  readonly #everyMs: number
  readonly #values: number[] = []
  #at = -Infinity

  constructor(everyMs: number) {
    this.#everyMs = everyMs
  }

  /** Offers the value of now; true if it was kept, and the line is to be drawn anew. */
  add(value: number, now: number): boolean {
    if (now - this.#at < this.#everyMs) return false
    this.#at = now
    this.#values.push(value)
    if (this.#values.length > POINTS) this.#values.shift()
    return true
  }

  /** From left to right, the newest at the right edge. */
  points(): Point[] {
    const width = Math.max(FIRST, this.#values.length)
    const from = width - this.#values.length
    return this.#values.map((y, i) => ({ x: (from + i) / (width - 1), y }))
  }
}
