/** All that a benchmark has shown, as it is kept in JSON. docs/benchmarks.json is one, and the documents are written from it. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison } from './compare.ts'
import type { Machine } from './machine.ts'
import type { Table } from './results.ts'
import type { Size } from './workload.ts'

export interface Report {
  readonly command: string
  readonly size: Size
  readonly minutes: number
  readonly machine: Machine
  /** A second run of the same, if there was one. */
  readonly second?: Comparison
  readonly tables: readonly Table[]
}

const DOCS = join(import.meta.dirname, '../../docs')
export const KEPT = join(DOCS, 'benchmarks.json')
export const PAGE = join(DOCS, 'benchmarks.md')

export function kept(): Report | undefined {
  return existsSync(KEPT) ? (JSON.parse(readFileSync(KEPT, 'utf8')) as Report) : undefined
}

/** A line for each entry: a change of a figure is a change of a line. */
export function json(report: Report): string {
  const { tables, ...head } = report
  const lines = (entries: readonly unknown[]) => entries.map(entry => `\n        ${JSON.stringify(entry)}`).join(',')
  const shown = tables.map(({ ratios, rows, ...rest }) => {
    const start = JSON.stringify(rest).slice(1, -1)
    return `    {${start},\n      "ratios": [${lines(ratios)}],\n      "rows": [${lines(rows)}]}`
  })
  return `{${JSON.stringify(head).slice(1, -1)},\n  "tables": [\n${shown.join(',\n')}\n  ]}\n`
}
