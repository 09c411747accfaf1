/**
 * A histogram in plain numbers: how often a value fell between two bounds. prom-client's own costs 200–500 ns a value, which is more
 * than most of what is measured here; this one costs a few comparisons, and is read at scrape.
 */
export class Histogram {
  /** Upper bounds, ascending; beyond the last is one bucket more. */
  readonly bounds: readonly number[]
  /** How many values fell into each bucket, each counted once. */
  readonly counts: Float64Array
  sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.counts = new Float64Array(bounds.length + 1)
  }

  /** The same value, so many times: what is the same for many is told once. */
  add(value: number, times = 1): void {
    const { bounds } = this
    let bucket = 0
    while (bucket < bounds.length && value > bounds[bucket]!) bucket++
    this.counts[bucket]! += times
    this.sum += value * times
  }
}
