/** What a dashboard asks, with Grafana's variables filled in as Grafana would; and a look at its JSON by the compiler. */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Dashboard, Panel, Row } from '../../scripts/dashboards/schema.ts'

const root = join(import.meta.dirname, '../..')

export interface Question {
  /** The panel or annotation that asks. */
  readonly from: string
  readonly title: string
  readonly expr: string
  /** How its answers are called; labels in double braces. */
  readonly legend: string
  /** Whether it is asked for one moment, and not over time. */
  readonly once: boolean
}

export function panelsOf({ panels }: Dashboard): Panel[] {
  return panels.filter((panel: Panel | Row): panel is Panel => panel.type !== 'row')
}

/** Everything a dashboard asks of Prometheus, as it is written. */
export function asked(dashboard: Dashboard): Question[] {
  const panels = panelsOf(dashboard).flatMap(({ title, targets }) =>
    targets.map(({ refId, expr, legendFormat = '', instant = false }) => ({
      from: `${dashboard.title}, ${title}, ${refId}`,
      title,
      expr,
      legend: legendFormat,
      once: instant,
    })),
  )
  const annotations = dashboard.annotations.list.flatMap(({ name, target, textFormat = '' }) =>
    target === undefined
      ? []
      : [{ from: `${dashboard.title}, mark ${name}`, title: name, expr: target.expr, legend: textFormat, once: false }],
  )
  return [...panels, ...annotations]
}

/** As Grafana asks it: everything chosen, with the windows it would take for scrapes so many seconds apart. */
export function filledIn(expr: string, seconds: { readonly rate: number; readonly range: number }): string {
  return expr
    .replaceAll('$__rate_interval', `${seconds.rate}s`)
    .replaceAll('$__range', `${seconds.range}s`)
    .replaceAll('"$instance"', '".+"')
    .replaceAll('"$feed"', '".+"')
}

/**
 * What the compiler has to say of a dashboard's JSON against Grafana's own types: nothing, if it is one. A value that is written
 * down is held to them more strictly than one that was computed: a key that is not known is an error.
 */
export function compiled(name: string, json: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-dashboard-'))
  try {
    const file = join(folder, `${name}.mts`)
    const schema = JSON.stringify(join(root, 'scripts/dashboards/schema.ts'))
    writeFileSync(file, `import type { Dashboard } from ${schema}\nexport const dashboard: Dashboard = ${json}\n`)
    const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')
    const options = '--noEmit --strict --exactOptionalPropertyTypes --skipLibCheck --module NodeNext'
    const args = [compiler, ...options.split(' '), '--allowImportingTsExtensions', file]
    const { status, stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' })
    return status === 0 ? '' : stdout
  } finally {
    rmSync(folder, { recursive: true })
  }
}
