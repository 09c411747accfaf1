/**
 * A source attached to a feed: asked for, pumped, asked again if it fails and can be, until it is over; then its end or its failure is the
 * feed's. What a restart leaves alone: the log, its epoch and offsets, and what the stages of the pipeline know. Called by the
 * hub, once for each source.
 */
import { expected, SpillwayError } from '../errors.ts'
import type { Feed } from '../feed.ts'
import type { Item } from '../message.ts'
import type { Logger } from '../options.ts'
import { offer, type SourceStatus } from '../supply.ts'
import { wait, whenAborted } from './clock.ts'
import { checkWithoutWaiting, type SourceSettings } from './options.ts'
import { Pipeline } from './pipeline.ts'
import { letGo, pump } from './pump.ts'
import { Restarts } from './restart.ts'
import { canWait, checkOpened, isFunction, type Opened, type Source } from './source.ts'

/** Pumps until there is no more, then ends the feed: with 1000, or with 4500 if the source failed. Never rejects. */
export async function attachSource(settings: SourceSettings, feed: Feed, logger: Logger): Promise<void> {
  feed.source.claim('a source')
  feed.source.state = 'waiting'
  const pipeline = pipelineOf(settings, feed)
  try {
    await runAll(settings, feed, pipeline, logger)
    if (!feed.takesMore) return
    pipeline?.complete()
    feed.source.ended()
  } catch (error) {
    // Once nobody takes its messages, how a source fares is its own business.
    if (feed.takesMore) feed.source.failed(error)
  } finally {
    pipeline?.close()
    // Told to stop by its feed, it is over without a word.
    if (feed.ending === undefined || !isOver(feed.source)) feed.source.state = 'ended'
  }
}

function pipelineOf({ pipeline }: SourceSettings, feed: Feed): Pipeline | undefined {
  if (pipeline.length === 0) return undefined
  return new Pipeline(
    pipeline,
    publishing(feed, error => feed.source.refuse(error)),
  )
}

/** What becomes of what a pipeline gives. */
export function publishing(feed: Feed, refused: (error: SpillwayError) => void): (item: unknown) => void {
  const told = (error: SpillwayError) => {
    if (feed.takesMore) refused(error)
  }
  return item => void offer(feed, item as Item, told, 'what the pipeline gives')
}

/** Asks, pumps, and asks again. @throws what the source throws when it is not asked again */
async function runAll(
  settings: SourceSettings,
  feed: Feed,
  pipeline: Pipeline | undefined,
  logger: Logger,
): Promise<void> {
  const { source, rate, chunkBytes, through } = settings
  const restarts = settings.restart && new Restarts(settings.restart)
  const known: Known = { epoch: undefined }
  let begunAt = performance.now()
  const options = {
    rate,
    chunkBytes,
    through,
    pipeline,
    refused: (error: SpillwayError) => feed.source.refuse(error),
    began: () => {
      begunAt = performance.now()
      feed.source.state = 'running'
    },
    clings: () => logger.warn(`feed ${feed.name}: its source was told to stop and has not let go`),
  }
  for (;;) {
    let failure: { readonly error: unknown } | undefined
    try {
      if (!isFunction(source)) await pump(source, feed, options)
      else {
        const opened = await open(settings, feed, logger, known)
        if (opened !== undefined) await pump(opened, feed, options)
      }
    } catch (error) {
      // What would be the same the next time is not tried again.
      if (restarts === undefined || pipeline?.failed === true || isForGood(error)) throw error
      failure = { error }
    }
    if (!feed.takesMore || pipeline?.done === true) return
    const delayMs = restarts?.next(failure !== undefined, performance.now() - begunAt)
    if (delayMs === undefined) {
      if (failure === undefined) return
      throw failure.error
    }
    feed.source.restarting(Math.round(delayMs), failure)
    // A stage can break its contract meanwhile, too; the wait then ends with the feed.
    await Promise.race([wait(delayMs, feed.stopped), ...(pipeline === undefined ? [] : [pipeline.broken])])
    if (!feed.takesMore) return
    begunAt = performance.now()
  }
}

/** The epoch of the source when it was first asked: null if it had none. */
interface Known {
  epoch: string | null | undefined
}

/** Asks a function for its source; undefined if the feed has stopped meanwhile. What it then gives is let go of. */
async function open(settings: SourceSettings, feed: Feed, logger: Logger, known: Known): Promise<Opened | undefined> {
  const { source, rate } = settings
  if (!isFunction(source)) return source
  const { name, log, stopped } = feed
  const { format } = feed.settings
  const opening = { feed: name, format, logger, signal: stopped, epoch: log.epoch, head: log.head }
  const asked = Promise.resolve(source(opening))
  const { promise: stop, release } = whenAborted(stopped)
  let opened: unknown
  try {
    opened = await Promise.race([asked, stop])
  } finally {
    release()
  }
  if (!feed.takesMore) {
    asked.then(letGo, () => {})
    return undefined
  }
  try {
    checkOpened(opened)
    checkEpoch(opened as Source, known)
    if (!canWait(opened)) {
      checkWithoutWaiting(name, feed.settings, rate)
      feed.demand.cannotWait()
    }
  } catch (error) {
    letGo(opened)
    throw error
  }
  return opened
}

/** Offsets mean something within an epoch only: a source whose numbering has begun anew cannot go on in this log. */
function checkEpoch({ epoch }: Source, known: Known): void {
  known.epoch ??= epoch ?? null
  if (known.epoch === (epoch ?? null)) return
  const rule = `the one it had before (${known.epoch}), because its offsets go on in the same log`
  throw new SpillwayError('bad_source', expected('source.epoch', rule, epoch))
}

function isOver({ state }: SourceStatus): boolean {
  return state === 'ended' || state === 'failed'
}

function isForGood(error: unknown): boolean {
  return error instanceof SpillwayError && (error.code === 'bad_source' || error.code === 'cannot_wait')
}
