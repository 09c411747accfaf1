/** How results look: one grid, for a terminal and for Markdown. Ratios first; every figure with its spread. */
import { type Kind, peerOf } from './peers/index.ts'
import type { Figure, Ratio, Row, Spread, Table, Unit, Value } from './results.ts'

export interface Grid {
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Above this share of its core the load may be what limits. */
export const BUSY = 0.8
const NOTHING = '–'

const count = (n: number): string => {
  const text = n < 100 && !Number.isInteger(n) ? n.toFixed(1) : String(Math.round(n))
  return text.replace(/\B(?=(\d{3})+(?!\d))/g, ',')
}
const sized = (n: number, unit: string): string => `${n.toFixed(Math.abs(n) < 10 ? 1 : 0)} ${unit}`

const UNITS: Readonly<Record<Unit, (n: number) => string>> = {
  'a second': n => (n >= 999_500 ? `${(n / 1e6).toFixed(1)} M` : n >= 1_000 ? sized(n / 1_000, 'k') : count(n)),
  share: n => `${(n * 100).toFixed(n < 0.1 ? 1 : 0)} %`,
  µs: n => `${n.toFixed(n < 10 ? 2 : n < 100 ? 1 : 0)} µs`,
  ns: n => `${n.toFixed(0)} ns`,
  ms: n => (n >= 999.5 ? `${(n / 1_000).toFixed(n < 9_950 ? 2 : 1)} s` : `${n.toFixed(n < 99.5 ? 1 : 0)} ms`),
  bytes: n => {
    const size = Math.abs(n)
    if (size < 1_024) return `${n.toFixed(0)} B`
    return size < 2 ** 20 ? sized(n / 1_024, 'KiB') : sized(n / 2 ** 20, 'MiB')
  },
  count,
  'MB/s': n => `${n.toFixed(2)} MB/s`,
}

export const valueText = (value: Value, unit: Unit): string => (value === null ? NOTHING : UNITS[unit](value))

export const ratioNumber = (n: number): string =>
  n >= 9.95 ? n.toFixed(0) : n >= 0.995 || n < 1e-6 ? n.toFixed(2) : n.toPrecision(2)

/** Median, and where there were several runs what lay between the least and the most. */
function withSpread(of: Spread, several: boolean, text: (n: number) => string, after = ''): string {
  if (of.median === null || of.least === null || of.most === null) return NOTHING
  const [least, most] = [text(of.least), text(of.most)]
  return `${text(of.median)}${after}${several && least !== most ? ` (${least}–${most})` : ''}`
}

export const figureText = (figure: Figure): string =>
  withSpread(figure, figure.runs.length > 1, n => valueText(n, figure.unit))

export const ratioText = (ratio: Ratio, spread = true): string =>
  withSpread(ratio, spread && ratio.pairs > 1, ratioNumber, ' ×')

/** A row for each figure of each variant, a column for each peer: the first kind's figure by that of the peer. */
export function ratioGrid({ ratios, first }: Table): Grid | undefined {
  const kinds = [...new Set(ratios.map(({ to }) => to))]
  if (kinds.length === 0) return undefined
  const lines = new Map<string, Map<Kind, Ratio>>()
  for (const ratio of ratios) {
    const key = `${ratio.variant}: ${ratio.figure}`
    lines.set(key, (lines.get(key) ?? new Map<Kind, Ratio>()).set(ratio.to, ratio))
  }
  return {
    head: [`${titleOf(first)} by`, 'better is', ...kinds.map(titleOf)],
    rows: [...lines].map(([key, of]) => [
      key,
      [...of.values()][0]!.better,
      ...kinds.map(kind => {
        const ratio = of.get(kind)
        return ratio === undefined ? NOTHING : ratioText(ratio)
      }),
    ]),
  }
}

/** One grid for all rows that show the same figures. */
export function figureGrids({ rows }: Table): readonly Grid[] {
  const groups = new Map<string, Row[]>()
  for (const row of rows) {
    const key = row.figures.map(({ name }) => name).join()
    groups.set(key, [...(groups.get(key) ?? []), row])
  }
  return [...groups.values()].map(of => {
    // A column that says nothing of anybody is left out.
    const shown = of[0]!.figures.map((_, i) => i).filter(i => of.some(row => row.figures[i]!.median !== null))
    const peopled = of.some(({ clients }) => clients > 0)
    return {
      head: ['', '', ...shown.map(i => of[0]!.figures[i]!.name), ...(peopled ? ['connected', 'load CPU'] : [])],
      rows: of.map(row => [
        row.variant,
        titleOf(row.kind),
        ...shown.map(i => figureText(row.figures[i]!)),
        ...(peopled ? [connectedText(row), loadText(row)] : []),
      ]),
    }
  })
}

function connectedText({ connected, clients }: Row): string {
  return connected === clients ? count(clients) : `${valueText(connected, 'count')} of ${count(clients)}`
}

function loadText({ loadCpu }: Row): string {
  return `${valueText(loadCpu, 'share')}${(loadCpu ?? 0) > BUSY ? ' †' : ''}`
}

export const titleOf = (kind: Kind): string => peerOf(kind).title

export function markdown({ head, rows }: Grid): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}

export function terminal({ head, rows }: Grid): string {
  const widths = head.map((cell, i) => Math.max(...[cell, ...rows.map(row => row[i] ?? '')].map(text => text.length)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => cell.padEnd(widths[i]!))
      .join('  ')
      .trimEnd()
  return [line(head), line(widths.map(width => '─'.repeat(width))), ...rows.map(line)].join('\n')
}

/** All that there is to say of a workload, grid by grid. */
export function grids(table: Table): readonly Grid[] {
  const ratios = ratioGrid(table)
  return [...(ratios === undefined ? [] : [ratios]), ...figureGrids(table)]
}
