/**
 * `spillway serve`: a hub with the feeds that were asked for, until a signal or the end of its feeds. Says at start where it
 * is, what it serves and how much memory it can come to; everything later is a line on standard error.
 */
import { fstatSync } from 'node:fs'
import { openSource } from './config/open.ts'
import { type Checked, readConfiguration } from './config.ts'
import { Hub } from './hub.ts'
import type { Logger } from './options.ts'
import { type Serving, serve } from './server/server.ts'
import { mebibytes, memoryLines } from './tell.ts'

/** When all is closed and the process is still held, by what a .js file opened or a source does not let go of. */
const HELD_MS = 5_000

/** Runs until done. Returns the exit code. @throws SpillwayError for wrong input */
export async function serveCommand(args: readonly string[], version: string): Promise<number> {
  const piped = stdinIsGiven()
  const configuration = await readConfiguration(args, { environment: process.env, piped })
  // Whoever reads what we print may go (`2>&1 | head`, a full disk): that ends no client.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
  const hub = new Hub({ ...configuration.hub, logger: LOGGER })
  const serving = await open(hub, configuration)
  const { file, feeds } = configuration
  if (piped && file !== undefined && !feeds.some(({ source }) => source.kind === 'stdin')) {
    LOGGER.warn(`nobody reads what is piped in: no feed of ${file} has the source stdin (--feed NAME=stdin adds one)`)
  }
  // Before it says that it is there: who waits for that may send the signal at once.
  const signal = onSignals(hub, serving, configuration.serve.drainMs)
  process.stdout.write(banner(version, configuration.file, hub, serving))
  const ended = configuration.serve.exitWhenDone ? hub.finished() : new Promise<never>(() => {})
  await Promise.race([signal, ended])
  await serving.close({ drainMs: configuration.serve.drainMs })
  const failed = [...hub.feeds.values()].some(feed => feed.failures > 0)
  // stdin may hold the process open: what it still gives is nobody's any more.
  process.stdin.destroy()
  const code = configuration.serve.exitWhenDone && failed ? 1 : 0
  const held = () => {
    LOGGER.warn(`ended, though something that ${file ?? 'a source'} opened is still open`)
    process.exit(code)
  }
  setTimeout(held, HELD_MS).unref()
  return code
}

/** Feeds first, so that wrong input is told before a port is taken; sources run from then on, held by their feeds. */
async function open(hub: Hub, { feeds, serve: options }: Checked): Promise<Serving> {
  try {
    for (const plan of feeds) hub.feed(plan.name, { ...plan.options, source: openSource(plan) })
    return await serve(hub, options)
  } catch (error) {
    await hub.close({ drainMs: 0 })
    process.stdin.destroy()
    throw error
  }
}

/** Whether somebody pipes or redirects something in, so that `app | spillway serve` needs no flag. */
export function stdinIsGiven(): boolean {
  try {
    const stat = fstatSync(0)
    return stat.isFIFO() || stat.isFile() || stat.isSocket()
  } catch {
    return false
  }
}

/** The first signal drains, the second stops at once. */
function onSignals(hub: Hub, serving: Serving, drainMs: number): Promise<void> {
  return new Promise(resolve => {
    const onSignal = (name: NodeJS.Signals) => {
      if (hub.closing) {
        LOGGER.warn(`${name} again: stopping at once`)
        void serving.close({ drainMs: 0 })
        return
      }
      LOGGER.info(`${name}: closing ${hub.clients.size} clients over ${drainMs} ms; once more stops at once`)
      resolve()
    }
    process.on('SIGTERM', onSignal)
    process.on('SIGINT', onSignal)
  })
}

const LOGGER: Logger = {
  info: line => void process.stderr.write(`${line}\n`),
  warn: line => void process.stderr.write(`warning: ${line}\n`),
  error: line => void process.stderr.write(`error: ${line}\n`),
}

function banner(version: string, file: string | undefined, hub: Hub, { url }: Serving): string {
  const page = url.replace('127.0.0.1', 'localhost')
  const lines = [`spillway ${version}`, ...(file === undefined ? [] : [`  config  ${file}`]), `  page    ${page}`]
  for (const { name, settings } of hub.feeds.values()) {
    const capacity = mebibytes(settings.capacity.bytes)
    lines.push(
      `  feed    ${page.replace('http', 'ws')}feeds/${name}  (${settings.format}, ${settings.overflow}, ${capacity})`,
    )
  }
  const bound = memoryLines(hub.memoryBound(), hub.settings.maxClients)
  return `${[...lines, ...bound].join('\n')}\n`
}
