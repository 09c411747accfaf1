/**
 * How old messages were when they were read, in milliseconds. A histogram: every message counts, millions a second, and it
 * stays as small as it is. Each bucket is 2 % wider than the one before, which is the error of every figure read from it.
 */
const SMALLEST_MS = 0.01
const GROWTH = Math.log(1.02)
const BUCKETS = 1_024

export class Delays {
  readonly buckets: number[]

  constructor(buckets: readonly number[] = []) {
    this.buckets = Array.from({ length: BUCKETS }, (_, i) => buckets[i] ?? 0)
  }

  add(ms: number): void {
    const bucket = ms > SMALLEST_MS ? Math.floor(Math.log(ms / SMALLEST_MS) / GROWTH) : 0
    this.buckets[Math.min(bucket, BUCKETS - 1)]!++
  }

  /** Takes in what was counted elsewhere. */
  merge(buckets: readonly number[]): void {
    for (let i = 0; i < BUCKETS; i++) this.buckets[i]! += buckets[i] ?? 0
  }

  get samples(): number {
    return this.buckets.reduce((sum, n) => sum + n, 0)
  }

  /** The delay that this share of messages did not exceed; NaN if there were none. */
  at(share: number): number {
    let left = Math.max(1, Math.ceil(share * this.samples))
    for (let i = 0; i < BUCKETS; i++) {
      left -= this.buckets[i]!
      if (left <= 0) return SMALLEST_MS * Math.exp((i + 1) * GROWTH)
    }
    return Number.NaN
  }
}
