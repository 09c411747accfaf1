/**
 * `spillway serve`: a hub with the feeds that were asked for, until a signal or the end of its feeds. Says at start where it
 * is, what it serves and how much memory it can come to; everything later is a line on standard error.
 */
import { createReadStream, fstatSync } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { type Configuration, type FeedSource, readConfiguration } from './config.ts'
import { expected, reasonOf, SpillwayError } from './errors.ts'
import { Hub } from './hub.ts'
import type { Logger } from './options.ts'
import { type Serving, serve } from './server/server.ts'
import { host } from './sources/host.ts'
import type { SourceLike } from './sources/source.ts'
import { ticker } from './sources/ticker.ts'

const DEMONSTRATION: readonly FeedSource[] = [
  { name: 'ticks', source: 'ticker' },
  { name: 'host', source: 'host' },
]

/** Runs until done. Returns the exit code. @throws SpillwayError for wrong input */
export async function serveCommand(args: readonly string[], version: string): Promise<number> {
  const configuration = readConfiguration(args, process.env)
  const feeds = configuration.serve.feeds ?? (stdinIsGiven() ? [{ name: 'stdin', source: 'stdin' }] : DEMONSTRATION)
  checkTogether(configuration, feeds)
  // Whoever reads what we print may go (`2>&1 | head`, a full disk): that ends no client.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => {})
  const hub = new Hub({ ...configuration.hub, logger: LOGGER })
  const serving = await open(hub, configuration, feeds)
  process.stdout.write(banner(version, hub, serving))
  const signal = onSignals(hub, serving, configuration.serve.drainMs)
  const ended = configuration.serve.exitWhenDone ? hub.finished() : new Promise<never>(() => {})
  await Promise.race([signal, ended])
  await serving.close({ drainMs: configuration.serve.drainMs })
  const failed = [...hub.feeds.values()].some(feed => feed.failures > 0)
  // stdin may hold the process open: what it still gives is nobody's any more.
  process.stdin.destroy()
  return configuration.serve.exitWhenDone && failed ? 1 : 0
}

/** Feeds first, so that wrong input is told before a port is taken; sources run from then on, held by their feeds. */
async function open(hub: Hub, configuration: Configuration, feeds: readonly FeedSource[]): Promise<Serving> {
  try {
    for (const { name, source } of feeds) {
      const from = await sourceOf(source, configuration)
      hub.feed(name, { ...configuration.feed, ...configuration.source, source: from })
    }
    return await serve(hub, configuration.serve)
  } catch (error) {
    await hub.close({ drainMs: 0 })
    process.stdin.destroy()
    throw error
  }
}

async function sourceOf(source: FeedSource['source'], configuration: Configuration): Promise<SourceLike> {
  if (source === 'ticker') return ticker(configuration.ticker)
  if (source === 'host') return host()
  if (source === 'stdin') return process.stdin
  const refuse = (why: string): never => {
    throw new SpillwayError('bad_option', expected('file', `a file that can be read (${why})`, source.file))
  }
  const [stats] = await Promise.all([stat(source.file), access(source.file, constants.R_OK)]).catch(error =>
    refuse(reasonOf(error)),
  )
  // Opening a FIFO nobody writes into blocks a thread that Node waits for at the end: redirect it to stdin instead.
  if (!stats.isFile()) refuse('this is none')
  return createReadStream(source.file)
}

/** Options that mean nothing without another are refused, not ignored. */
function checkTogether({ feed, source, ticker: tick }: Configuration, feeds: readonly FeedSource[]): void {
  const refuse = (what: string, rule: string, got?: unknown): never => {
    throw new SpillwayError('bad_option', expected(what, rule, got))
  }
  if (source.chunkBytes !== undefined && feed.format !== 'binary') refuse('--chunk', '--binary beside it')
  if (Object.keys(tick).length > 0 && !feeds.some(({ source: from }) => from === 'ticker')) {
    refuse('--symbols, --tick-rate and --seed', 'a feed whose source is ticker')
  }
  if (feed.softForMs !== undefined && feed.softLag === undefined) refuse('--soft-for', '--soft-lag beside it')
  const fromStdin = feeds.filter(({ source: from }) => from === 'stdin').map(({ name }) => name)
  if (fromStdin.length > 1) refuse('--feed', 'one feed from stdin', fromStdin)
}

/** Whether somebody pipes or redirects something in, so that `app | spillway serve` needs no flag. */
function stdinIsGiven(): boolean {
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

function banner(version: string, hub: Hub, { url }: Serving): string {
  const page = url.replace('127.0.0.1', 'localhost')
  const lines = [`spillway ${version}`, `  page    ${page}`]
  for (const { name, settings } of hub.feeds.values()) {
    const capacity = mebibytes(settings.capacity.bytes)
    lines.push(
      `  feed    ${page.replace('http', 'ws')}feeds/${name}  (${settings.format}, ${settings.overflow}, ${capacity})`,
    )
  }
  const { process: base, logs, clients, pinned, total, kernel } = hub.memoryBound()
  const parts = `process ${mebibytes(base)}, logs ${mebibytes(logs)}, ${hub.settings.maxClients} clients ${mebibytes(clients)}`
  lines.push(`  memory  at most ${mebibytes(total)}: ${parts}, their unfinished writes ${mebibytes(pinned)}`)
  const inFlight =
    kernel === Number.POSITIVE_INFINITY ? 'in flight, without a bound' : `at most ${mebibytes(kernel)} in flight`
  lines.push(`  kernel  ${inFlight}`)
  return `${lines.join('\n')}\n`
}

function mebibytes(bytes: number): string {
  const amount = bytes / 2 ** 20
  return `${amount < 10 ? Number(amount.toFixed(2)) : Math.round(amount)} MiB`
}
