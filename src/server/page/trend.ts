/**
 * The last values of one figure, for a sparkline: a value is kept now and then, however often it changes, so that the
 * line covers a span that a person can read and costs the same at any rate. Bounded; used wherever there is a line to draw.
 */
import type { Point } from './draw.ts'

/** A young line spreads over the width with this many points; then it grows denser until it moves. */
const FIRST = 10

export class Trend {
  readonly #everyMs: number
  readonly #most: number
  readonly #values: number[] = []
  #at = -Infinity

  constructor(everyMs: number, most = 90) {
    this.#everyMs = everyMs
    this.#most = most
  }

  /** Offers the value of now; true if it was kept, and the line is to be drawn anew. */
  add(value: number, now: number): boolean {
    if (now - this.#at < this.#everyMs) return false
    this.#at = now
    this.#values.push(value)
    if (this.#values.length > this.#most) this.#values.shift()
    return true
  }

  points(): Point[] {
    return pointsOf(this.#values, FIRST)
  }
}

/** Values from left to right, the newest at the right edge; fewer than `width` do not fill it. */
export function pointsOf(values: readonly number[], width: number): Point[] {
  const steps = Math.max(width, values.length) - 1
  const from = steps + 1 - values.length
  return values.map((y, i) => ({ x: (from + i) / steps, y }))
}
