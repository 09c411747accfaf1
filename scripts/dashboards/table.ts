/**
 * A table: a row for each value of a label, as things are now, a column for each question. Grafana gets an answer for each
 * column; they are merged by the label, and named.
 */
import { DATASOURCE, field, type Levels, queries } from './panel.ts'
import type { Drawing, Transformation } from './schema.ts'

const NOW = { range: false, instant: true, format: 'table' } as const

/** A column of a table: a question whose answers have one value for each row. */
export interface Column {
  readonly name: string
  readonly ask: string
  readonly unit: string
  readonly levels?: Levels
}

export interface Table {
  readonly title: string
  readonly about: string
  /** The label that names a row, and where a click on it leads. */
  readonly row: string
  readonly link: { readonly title: string; readonly url: string }
  /** Labels of the first column's answers that are columns of their own. */
  readonly besides: readonly string[]
  readonly columns: readonly Column[]
  readonly sortedBy: string
}

/** A row for each value of a label, as things are now. */
export function table({ title, about, row, link, besides, columns, sortedBy }: Table): Drawing<'table'> {
  const targets = queries(
    columns.map(({ ask }) => [ask, ''] as const),
    NOW,
  )
  const names = targets.map(({ refId }, i) => [`Value #${refId}`, columns[i]!.name] as const)
  const transformations: Transformation[] = [
    { id: 'merge', options: {} },
    {
      id: 'organize',
      options: {
        excludeByName: { Time: true },
        indexByName: Object.fromEntries(
          [row, ...besides, ...names.map(([value]) => value)].map((name, i) => [name, i]),
        ),
        renameByName: Object.fromEntries(names),
      },
    },
  ]
  const rowLink = { matcher: { id: 'byName', options: row }, properties: [{ id: 'links', value: [link] }] }
  const each = columns.map(column => ({
    matcher: { id: 'byName', options: column.name },
    properties: [
      { id: 'unit', value: column.unit },
      ...(column.levels === undefined
        ? []
        : [
            { id: 'thresholds', value: { mode: 'absolute', steps: column.levels } },
            { id: 'custom.cellOptions', value: { type: 'color-text' } },
          ]),
    ],
  }))
  return {
    type: 'table',
    title,
    description: about,
    datasource: DATASOURCE,
    targets,
    transformations,
    options: { frameIndex: 0, showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: sortedBy, desc: true }] },
    fieldConfig: {
      defaults: { ...field({ unit: 'short' }), color: { mode: 'thresholds' }, custom: { align: 'auto' } },
      overrides: [rowLink, ...each],
    },
  }
}
