/** What a set of figures looks like at a glance. Called at scrape, and by the watch. */

export const STATS = ['p50', 'p90', 'p99', 'max'] as const

export type Spread = Readonly<Record<(typeof STATS)[number], number>>

const NOTHING: Spread = { p50: 0, p90: 0, p99: 0, max: 0 }

/** Quantiles by nearest rank; all 0 where there is nothing. */
export function spread(values: readonly number[]): Spread {
  return spreadOf(Float64Array.from(values).sort())
}

function spreadOf(sorted: Float64Array): Spread {
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}

/**
 * Figures that are collected again and again, none of them negative: the memory of the last time is used the next time. Most are
 * of healthy readers, and all zero; those are not even sorted.
 */
export class Sample {
  #values = new Float64Array(64)
  #count = 0
  #sum = 0

  add(value: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(2 * this.#count)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = value
    this.#sum += value
  }

  clear(): void {
    this.#count = 0
    this.#sum = 0
  }

  get sum(): number {
    return this.#sum
  }

  get min(): number {
    let least = Number.POSITIVE_INFINITY
    for (let i = 0; i < this.#count; i++) if (this.#values[i]! < least) least = this.#values[i]!
    return this.#count === 0 ? 0 : least
  }

  get spread(): Spread {
    return this.#sum === 0 ? NOTHING : spreadOf(this.#values.subarray(0, this.#count).sort())
  }
}
