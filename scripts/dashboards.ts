/**
 * Writes grafana/dashboards/*.json from the descriptions in scripts/dashboards/. Run by `npm run dashboards`; test/grafana fails
 * when a file is not what this would write, so change the descriptions, not the files.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { overview } from './dashboards/overview.ts'
import type { Dashboard } from './dashboards/schema.ts'
import { slowClients } from './dashboards/slow-clients.ts'

export const FOLDER = join(import.meta.dirname, '../grafana/dashboards')

/** Every dashboard by its file name. */
export const DASHBOARDS: Readonly<Record<string, Dashboard>> = {
  'overview.json': overview,
  'slow-clients.json': slowClients,
}

export const written = (dashboard: Dashboard): string => `${JSON.stringify(dashboard, null, 2)}\n`

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  mkdirSync(FOLDER, { recursive: true })
  for (const [name, dashboard] of Object.entries(DASHBOARDS)) writeFileSync(join(FOLDER, name), written(dashboard))
}
