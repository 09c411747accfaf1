/**
 * `spillway check`: what `spillway serve` would run with, given the same flags, variables and file, and where each value came
 * from; or everything that is wrong with it. It opens no port and starts no source.
 */
import { existsSync } from 'node:fs'
import { pathName } from './config/file.ts'
import type { Given } from './config/given.ts'
import { sourceText } from './config/spec.ts'
import { writeValue } from './config/values.ts'
import { type Checked, type FeedPlan, readConfiguration } from './config.ts'
import { hubSettings } from './options.ts'
import { stdinIsGiven } from './serve.ts'
import { SETTINGS, type Setting } from './settings.ts'
import { memoryLines } from './tell.ts'

/** Prints it. Returns the exit code. @throws SpillwayError for wrong input, a line for each fault */
export async function checkCommand(args: readonly string[]): Promise<number> {
  const checked = await readConfiguration(args, { environment: process.env, piped: stdinIsGiven() })
  // Whoever reads it may have read enough: `| head`.
  process.stdout.on('error', () => {})
  await new Promise<unknown>(resolve => process.stdout.write(effective(checked), resolve))
  return 0
}

/** One long value need not push every origin off the screen. */
const MOST_COLUMNS = 32

/** A line for each value: option, value, where it came from. */
type Row = readonly [string, string, string]

/** Everything that holds, by part. */
export function effective(checked: Checked): string {
  const { file, given, feeds, hub, memory } = checked
  const parts: (readonly [string, readonly Row[]])[] = [
    ['serve', rows(SETTINGS, 'serve', given)],
    ['hub', rows(SETTINGS, 'hub', given)],
    ...feeds.map(plan => [pathName(['feeds', plan.name]), feedRows(plan)] as const),
  ]
  const [options, values] = [0, 1].map(column =>
    Math.min(MOST_COLUMNS, Math.max(...parts.flatMap(([, rows]) => rows.map(row => row[column]!.length)))),
  ) as [number, number]
  const texts = parts.map(
    ([title, rows]) =>
      `${title}\n${rows.map(([option, value, from]) => `  ${option.padEnd(options)}  ${value.padEnd(values)}  ${from}\n`).join('')}`,
  )
  const bound = memoryLines(memory, hubSettings(hub).maxClients)
  return `configuration file: ${file ?? 'none'}\n\n${texts.join('\n')}\n${bound.map(line => `${line.trimStart()}\n`).join('')}nothing is wrong\n`
}

function feedRows({ source, from, replaced, given, code }: FeedPlan): readonly Row[] {
  const instead = replaced === undefined ? from : `${from}, instead of ${sourceText(replaced)}`
  const table = (SETTINGS as readonly Setting[]).filter(({ sources }) => sources?.includes(source.kind) ?? true)
  const stages = Object.entries(code).map(
    ([key, value]): Row => [key, `${Array.isArray(value) ? value.length : 1} of its own`, from.replace(/:\d+$/, '')],
  )
  const missing = 'path' in source && !existsSync(source.path) ? ' (not there yet)' : ''
  return [
    ['source', `${sourceText(source)}${missing}`, instead],
    ...rows(table, 'feed', given),
    ...rows(table, 'source', given),
    ...stages,
  ]
}

function rows(table: readonly Setting[], part: Setting['into'][0], given: ReadonlyMap<string, Given>): readonly Row[] {
  return table
    .filter(({ into, means }) => into[0] === part && means === undefined)
    .map(setting => {
      const value = given.get(setting.flag)
      const otherwise = setting.default === '' ? 'off' : setting.default
      return [setting.into[1], value === undefined ? otherwise : written(setting, value), value?.from ?? 'default']
    })
}

function written({ kind }: Setting, { value }: Given): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : writeValue(kind, value)
}
