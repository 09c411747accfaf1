/** What a set of figures looks like at a glance. Called at scrape. */

export const STATS = ['p50', 'p90', 'p99', 'max'] as const

export type Spread = Readonly<Record<(typeof STATS)[number], number>>

/** Quantiles by nearest rank; all 0 where there is nothing. */
export function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: at(1) }
}
