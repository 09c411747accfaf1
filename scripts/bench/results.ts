/**
 * The one shape that all results have, and the arithmetic on it: medians, spread, and ratios of the hub to each peer, taken
 * within each pair of runs and not between medians, because what disturbs a machine disturbs neighbours alike.
 */
import type { Kind } from './peers/index.ts'

/** What a value is; how it is written is `render`'s business. `share` is 1 for all. */
export type Unit = 'a second' | 'share' | 'µs' | 'ns' | 'ms' | 'bytes' | 'count' | 'MB/s'

/** A value of one run. NaN where there was nothing to measure. */
export interface Measure {
  readonly name: string
  readonly unit: Unit
  readonly value: number
  /** Ratios are told of those of which it is clear which is better. */
  readonly better?: 'more' | 'less'
}

/** What one run has shown. */
export interface Measured {
  readonly measures: readonly Measure[]
  /** At the end, and how many there should have been. */
  readonly connected: number
  readonly clients: number
  /** Share of its core that the load took, at the most. */
  readonly loadCpu: number
}

export interface Sample extends Measured {
  readonly variant: string
  readonly kind: Kind
  readonly pair: number
}

/** Null in place of a number that there is not: JSON knows no NaN. */
export type Value = number | null

/** Of all runs, or of all pairs. */
export interface Spread {
  readonly median: Value
  readonly least: Value
  readonly most: Value
}

export interface Figure extends Spread {
  readonly name: string
  readonly unit: Unit
  readonly runs: readonly Value[]
}

export interface Row {
  readonly workload: string
  readonly variant: string
  readonly kind: Kind
  readonly figures: readonly Figure[]
  /** In the run with the fewest. */
  readonly connected: Value
  readonly clients: number
  /** In the run with the most. */
  readonly loadCpu: Value
}

export interface Ratio extends Spread {
  readonly workload: string
  readonly variant: string
  readonly figure: string
  /** The first kind's figure by that of this one. */
  readonly to: Kind
  readonly better: 'more' | 'less'
  readonly pairs: number
}

export interface Table {
  readonly workload: string
  readonly about: string
  /** What was asked for, as options of the command line. */
  readonly settings: Readonly<Record<string, unknown>>
  /** Whose figures the ratios divide. */
  readonly first: Kind
  readonly ratios: readonly Ratio[]
  readonly rows: readonly Row[]
  /** Runs that failed: who, and with what. */
  readonly failures: readonly string[]
}

/** The middle one, or the mean of the two in the middle; NaN of nothing. */
export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN
  return (lower + upper) / 2
}

/** Median and spread; a run that has no value is left out, and if none has one there is none. */
export function spread(numbers: readonly number[]): Spread {
  const known = numbers.filter(Number.isFinite)
  if (known.length === 0) return { median: null, least: null, most: null }
  return { median: median(known), least: Math.min(...known), most: Math.max(...known) }
}

export const orNull = (value: number): Value => (Number.isFinite(value) ? value : null)

export function rowsOf(workload: string, samples: readonly Sample[]): readonly Row[] {
  return [...groupBy(samples).values()].map(of => {
    const [{ variant, kind, clients, measures }] = of as [Sample, ...Sample[]]
    const figures = measures.map(({ name, unit }): Figure => {
      const runs = of.map(sample => valueIn(sample, name))
      return { name, unit, ...spread(runs), runs: runs.map(orNull) }
    })
    const connected = orNull(Math.min(...of.map(sample => sample.connected)))
    const loadCpu = orNull(Math.max(...of.map(sample => sample.loadCpu)))
    return { workload, variant, kind, figures, connected, clients, loadCpu }
  })
}

/** In the order in which variants and kinds first came. */
function groupBy(samples: readonly Sample[]): ReadonlyMap<string, readonly Sample[]> {
  const groups = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = JSON.stringify([sample.variant, sample.kind])
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  return groups
}

export function ratiosOf(workload: string, first: Kind, samples: readonly Sample[]): readonly Ratio[] {
  const ratios: Ratio[] = []
  const firsts = samples.filter(({ kind }) => kind === first)
  for (const variant of new Set(samples.map(sample => sample.variant))) {
    const own = firsts.filter(sample => sample.variant === variant)
    const others = samples.filter(sample => sample.variant === variant && sample.kind !== first)
    for (const { name: figure, better } of own[0]?.measures ?? []) {
      if (better === undefined) continue
      for (const to of new Set(others.map(({ kind }) => kind))) {
        const quotients = own.flatMap(sample => {
          const other = others.find(({ kind, pair }) => kind === to && pair === sample.pair)
          return other === undefined ? [] : [valueIn(sample, figure) / valueIn(other, figure)]
        })
        const pairs = quotients.filter(Number.isFinite).length
        ratios.push({ workload, variant, figure, to, better, ...spread(quotients), pairs })
      }
    }
  }
  return ratios
}

function valueIn(sample: Sample, name: string): number {
  return sample.measures.find(measure => measure.name === name)?.value ?? Number.NaN
}
