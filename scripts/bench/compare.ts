/** Whether a second run says what the first one said: of each ratio, whether the spreads of both have something in common. */
import { titleOf } from './render.ts'
import type { Ratio, Table } from './results.ts'

export interface Comparison {
  readonly date: string
  readonly commit: string
  readonly minutes: number
  /** Ratios that both have. */
  readonly ratios: number
  /** Those of which the spreads have nothing in common, and by how much the second median is larger or smaller. */
  readonly apart: readonly Apart[]
}

export interface Apart {
  readonly what: string
  readonly first: number
  readonly second: number
}

export function compare(
  first: readonly Table[],
  second: readonly Table[],
): { readonly ratios: number; readonly apart: readonly Apart[] } {
  const key = ({ workload, variant, figure, to }: Ratio) => `${workload}, ${variant}: ${figure}, by ${titleOf(to)}`
  const seconds = new Map(second.flatMap(table => table.ratios).map(ratio => [key(ratio), ratio]))
  const apart: Apart[] = []
  let ratios = 0
  for (const one of first.flatMap(table => table.ratios)) {
    const other = seconds.get(key(one))
    if (other === undefined || one.median === null || other.median === null) continue
    ratios++
    if (!overlap(one, other)) apart.push({ what: key(one), first: one.median, second: other.median })
  }
  return { ratios, apart }
}

const overlap = (one: Ratio, other: Ratio): boolean => one.least! <= other.most! && other.least! <= one.most!
