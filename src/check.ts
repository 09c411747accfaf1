/**
 * `spillway check`: what `spillway serve` would run with, given the same flags, variables and file, and where each value came
 * from; or everything that is wrong with it. It opens no port and starts no source.
 */
import { effectiveParts, type Row } from './config/effective.ts'
import { pathName } from './config/file.ts'
import { type Checked, readConfiguration } from './config.ts'
import { hubSettings } from './options.ts'
import { stdinIsGiven } from './serve.ts'
import { memoryLines } from './tell.ts'

/** Prints it. Returns the exit code. @throws SpillwayError for wrong input, a line for each fault */
export async function checkCommand(args: readonly string[]): Promise<number> {
  const checked = await readConfiguration(args, { environment: process.env, piped: stdinIsGiven() })
  // Whoever reads it may have read enough: `| head`.
  process.stdout.on('error', () => {})
  process.stdout.write(effective(checked))
  return 0
}

/** One long value need not push every origin off the screen. */
const MOST_COLUMNS = 32

/** Everything that holds, by part. */
export function effective(checked: Checked): string {
  const { file, hub, memory } = checked
  const parts = effectiveParts(checked)
  const widest = (text: (row: Row) => string) =>
    Math.min(MOST_COLUMNS, Math.max(...parts.flatMap(({ rows }) => rows.map(row => text(row).length))))
  const [options, values] = [widest(({ option }) => option), widest(({ text }) => text)]
  const texts = parts.map(({ part, rows }) => {
    const title = typeof part === 'string' ? part : pathName(['feeds', part.feed])
    const lines = rows.map(({ option, text, from }) => `  ${option.padEnd(options)}  ${text.padEnd(values)}  ${from}\n`)
    return `${title}\n${lines.join('')}`
  })
  const bound = memoryLines(memory, hubSettings(hub).maxClients)
  return `configuration file: ${file ?? 'none'}\n\n${texts.join('\n')}\n${bound.map(line => `${line.trimStart()}\n`).join('')}nothing is wrong\n`
}
