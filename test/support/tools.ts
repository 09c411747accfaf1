/**
 * Programs that some tests need beside Node. Where one is missing, its tests are skipped and say so aloud; in CI, where it is
 * installed, a missing one is a failure, so that a test cannot be skipped for ever unnoticed.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Each tool under the names it goes by on different systems. `CHROMIUM=/path` in the environment comes first. */
const TOOLS = {
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
  nginx: ['nginx'],
  haproxy: ['haproxy'],
  promtool: ['promtool'],
} as const satisfies Record<string, readonly string[]>

export type Tool = keyof typeof TOOLS

/**
 * The path of a tool, undefined if it is not installed: `test.skipIf(needs('chromium') === undefined)`.
 * @throws if it is missing in CI
 */
export function needs(tool: Tool): string | undefined {
  const variable = tool.toUpperCase().replaceAll('-', '_')
  const given = process.env[variable]
  const path = given === undefined ? TOOLS[tool].map(onPath).find(found => found !== undefined) : runnable(given)
  if (path !== undefined) return path
  const where =
    given === undefined ? `none of ${TOOLS[tool].join(', ')} is in the PATH` : `${variable}=${given} cannot be run`
  if (process.env['CI'] === 'true') throw new Error(`${tool} is missing in CI: ${where}`)
  console.warn(`\n!!! SKIPPED: tests that need ${tool}: ${where}; install it, or set ${variable}=/path/to/it\n`)
  return undefined
}

function onPath(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.map(folder => runnable(join(folder, name))).find(path => path !== undefined)
}

function runnable(path: string): string | undefined {
  try {
    accessSync(path, constants.X_OK)
    return path
  } catch {
    return undefined
  }
}
