/**
 * A source attached to a feed: asked for, pumped, asked again if it fails and can be, until it is over; then its end or its failure is the
 * feed's. What a restart leaves alone: the log, its epoch and offsets, and what the stages of the pipeline know. Called by the
 * hub, once for each source.
 */
import { expected, reasonOf, SpillwayError } from '../errors.ts'
import type { Feed } from '../feed.ts'
import { type Item, toMessage } from '../message.ts'
import type { Logger } from '../options.ts'
import { CLOSE } from '../protocol.ts'
import { wait } from './clock.ts'
import { checkWithoutWaiting, type SourceSettings } from './options.ts'
import { Pipeline } from './pipeline.ts'
import { letGo, pump } from './pump.ts'
import { Restarts } from './restart.ts'
import { canWait, checkOpened, isFunction, type Opened, type Source } from './source.ts'

/** Pumps until there is no more, then ends the feed: with 1000, or with 4500 if the source failed. Never rejects. */
export async function attachSource(settings: SourceSettings, feed: Feed, logger: Logger): Promise<void> {
  feed.claim('a source')
  feed.source.state = 'waiting'
  const pipeline = pipelineOf(settings, feed)
  try {
    await runAll(settings, feed, pipeline, logger)
    if (!feed.takesMore) return
    pipeline?.complete()
    logger.info(`feed ${feed.name}: its source has ended after ${feed.log.count} messages`)
    feed.source.state = 'ended'
    feed.end()
  } catch (error) {
    // Once nobody takes its messages, how a source fares is its own business.
    if (!feed.takesMore) return
    logger.error(`feed ${feed.name}: its source failed: ${reasonOf(error)}`)
    feed.source.state = 'failed'
    feed.end({ code: CLOSE.internal, reason: `source failed: ${reasonOf(error)}` })
  } finally {
    pipeline?.close()
    if (feed.source.state !== 'failed') feed.source.state = 'ended'
  }
}

function pipelineOf({ pipeline }: SourceSettings, feed: Feed): Pipeline | undefined {
  if (pipeline.length === 0) return undefined
  return new Pipeline(pipeline, item => {
    try {
      feed.publish(toMessage(item as Item, 'what the pipeline gives'))
    } catch (error) {
      if (!(error instanceof SpillwayError)) throw error
      if (feed.takesMore) feed.refuse(error)
    }
  })
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
  let begunAt = performance.now()
  const options = {
    rate,
    chunkBytes,
    through,
    pipeline,
    refused: (error: SpillwayError) => feed.refuse(error),
    began: () => {
      begunAt = performance.now()
      feed.source.state = 'running'
    },
    clings: () => logger.warn(`feed ${feed.name}: its source was told to stop and has not let go`),
  }
  for (;;) {
    let reason: string | undefined
    let failure: unknown
    try {
      if (!isFunction(source)) await pump(source, feed, options)
      else {
        const opened = await open(settings, feed, logger)
        if (opened !== undefined) await pump(opened, feed, options)
      }
    } catch (error) {
      // What would be the same the next time is not tried again.
      if (restarts === undefined || pipeline?.failed === true || isForGood(error)) throw error
      failure = error
      reason = reasonOf(error)
    }
    if (!feed.takesMore || pipeline?.done === true) return
    const delayMs = restarts?.next(reason !== undefined, performance.now() - begunAt)
    if (delayMs === undefined) {
      if (reason === undefined) return
      throw failure
    }
    const ms = Math.round(delayMs)
    if (reason === undefined) logger.info(`feed ${feed.name}: its source has ended; asked again in ${ms} ms`)
    else logger.warn(`feed ${feed.name}: its source failed: ${reason}; asked again in ${ms} ms`)
    feed.restarting(ms, reason ?? 'ended')
    await wait(delayMs, feed.stopped)
    if (!feed.takesMore) return
    begunAt = performance.now()
  }
}

/** Asks a function for its source; undefined if the feed has stopped meanwhile. What it then gives is let go of. */
async function open(settings: SourceSettings, feed: Feed, logger: Logger): Promise<Opened | undefined> {
  const { source, rate } = settings
  if (!isFunction(source)) return source
  const { name, log, stopped } = feed
  const asked = Promise.resolve(source({ feed: name, logger, signal: stopped, epoch: log.epoch, head: log.head }))
  const opened = await Promise.race([asked, aborted(stopped)])
  if (opened === undefined) {
    if (!feed.takesMore)
      asked.then(
        late => letGo(late),
        () => {},
      )
    if (!feed.takesMore) return undefined
  }
  try {
    checkOpened(opened)
    checkEpoch(opened as Source, feed)
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
function checkEpoch({ epoch }: Source, feed: Feed): void {
  if (epoch === undefined || epoch === feed.log.epoch) return
  const rule = `that of its feed, ${feed.log.epoch} (the option epoch, or epoch of the function)`
  throw new SpillwayError('bad_source', expected('source.epoch', rule, epoch))
}

function isForGood(error: unknown): boolean {
  return error instanceof SpillwayError && (error.code === 'bad_source' || error.code === 'cannot_wait')
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise(resolve => signal.addEventListener('abort', () => resolve(undefined), { once: true }))
}
