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
import { checkWaiting, type SourceSettings } from './options.ts'
import { type Holdings, Pipeline, type PipelineHost } from './pipeline.ts'
import { letGo, pump } from './pump.ts'
import { isReadable } from './readable.ts'
import { Restarts } from './restart.ts'
import { canWait, checkOpened, isFunction, type Opened, type Source } from './source.ts'

/**
 * Pumps until there is no more, then ends the feed: with 1000, or with 4500 if the source failed. What it returns never rejects. A
 * function is asked before this returns, so that whoever attaches one that gives the wrong thing is told, and not a feed's readers.
 * @throws SpillwayError `bad_source`, `cannot_wait`, `bad_option` where a function gives at once what does not fit
 */
export function attachSource(settings: SourceSettings, feed: Feed, logger: Logger, holdings?: Holdings): Promise<void> {
  feed.source.claim('a source')
  feed.source.state = 'waiting'
  const first = ask(settings, feed, logger)
  if ('given' in first && !isPromise(first.given)) {
    checkGiven(first.given, settings, feed)
    if (!isFunction(settings.source)) takeBegun(settings.source)
  }
  return run(settings, feed, first, logger, holdings)
}

async function run(
  settings: SourceSettings,
  feed: Feed,
  first: Asked,
  logger: Logger,
  holdings: Holdings = { logBytes: () => feed.log.held, clients: () => feed.readers.size },
): Promise<void> {
  const host = { ...holdings, warn: (line: string) => logger.warn(`feed ${feed.name}: ${line}`) }
  const pipeline = pipelineOf(settings, feed, host)
  try {
    await runAll(settings, feed, pipeline, first, logger)
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

function pipelineOf({ pipeline }: SourceSettings, feed: Feed, host: PipelineHost): Pipeline | undefined {
  if (pipeline.length === 0) return undefined
  return new Pipeline(
    pipeline,
    publishing(feed, error => feed.source.refuse(error)),
    host,
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
  first: Asked,
  logger: Logger,
): Promise<void> {
  const { source, rate, chunkBytes, through } = settings
  const restarts = settings.restart && new Restarts(settings.restart)
  const known: Known = { epoch: undefined }
  let asked: Asked | undefined = first
  let begunAt = performance.now()
  const options = {
    rate,
    chunkBytes,
    through,
    pipeline,
    refused: (error: SpillwayError) => feed.source.refuse(error),
    began: () => {
      begunAt = performance.now()
      feed.source.running()
    },
    clings: () => logger.warn(`feed ${feed.name}: its source was told to stop and has not let go`),
  }
  for (;;) {
    let failure: { readonly error: unknown } | undefined
    try {
      // Without a turn of the event loop where there is nothing to wait for: an Observable has its subscriber at once.
      const opened = isFunction(source)
        ? await open(asked ?? ask(settings, feed, logger), settings, feed, known)
        : source
      if (opened !== undefined) await pump(opened, feed, options)
    } catch (error) {
      // What would be the same the next time is not tried again.
      if (restarts === undefined || pipeline?.failed === true || isForGood(error)) throw error
      failure = { error }
    }
    asked = undefined
    if (!feed.takesMore || pipeline?.done === true) return
    const delayMs = restarts?.next(failure !== undefined, performance.now() - begunAt)
    if (delayMs === undefined) {
      if (failure === undefined) return
      throw failure.error
    }
    feed.source.restarting(Math.round(delayMs), failure)
    // A stage can break its contract meanwhile, too.
    await wait(delayMs, ...(pipeline === undefined ? [feed.stopped] : [feed.stopped, pipeline.broken]))
    pipeline?.broken.throwIfAborted()
    if (!feed.takesMore) return
    begunAt = performance.now()
  }
}

/** The epoch of the source when it was first asked: null if it had none. */
interface Known {
  epoch: string | null | undefined
}

/** What came of asking a function: what it gave, a promise perhaps, or what it threw. */
type Asked = { readonly given: unknown } | { readonly thrown: unknown }

/** Asks a function for its source; what is none is one already. */
function ask({ source }: SourceSettings, feed: Feed, logger: Logger): Asked {
  if (!isFunction(source)) return { given: source }
  const { name, log, stopped } = feed
  const { format } = feed.settings
  try {
    return { given: source({ feed: name, format, logger, signal: stopped, epoch: log.epoch, head: log.head }) }
  } catch (thrown) {
    return { thrown }
  }
}

/** The source that was asked for; undefined if the feed has stopped meanwhile. What is then given is let go of. */
async function open(asked: Asked, settings: SourceSettings, feed: Feed, known: Known): Promise<Opened | undefined> {
  if ('thrown' in asked) throw asked.thrown
  const given = Promise.resolve(asked.given)
  const { promise: stop, release } = whenAborted(feed.stopped)
  let opened: unknown
  try {
    opened = await Promise.race([given, stop])
  } finally {
    release()
  }
  if (!feed.takesMore) {
    given.then(letGo, () => {})
    return undefined
  }
  checkGiven(opened, settings, feed)
  try {
    checkEpoch(opened as Source, known)
  } catch (error) {
    letGo(opened)
    throw error
  }
  // Not let go of where it is refused: it is another's, or has been.
  takeBegun(opened)
  if (!canWait(opened)) feed.demand.cannotWait()
  return opened
}

/** Sources that can be read once, and are. */
const begun = new WeakSet<object>()

/** What has begun, a Readable or a generator, serves one run of one feed: two would have some of its messages each. @throws SpillwayError `bad_source` */
function takeBegun(source: Opened): void {
  if (!isReadable(source) && typeof (source as Partial<AsyncIterator<unknown>>).next !== 'function') return
  if (begun.has(source)) {
    const what = isReadable(source) ? 'a Readable' : 'an iterator'
    const rule = 'one that no feed has read from (a function that makes one can be asked again)'
    throw new SpillwayError('bad_source', expected('source', rule, `${what} that one has`))
  }
  begun.add(source)
}

/** Whether what a function gave will do; if not, it is let go of. @throws SpillwayError `bad_source`, `cannot_wait`, `bad_option` */
function checkGiven(given: unknown, settings: SourceSettings, feed: Feed): asserts given is Opened {
  try {
    checkOpened(given)
    checkWaiting(given, feed.name, feed.settings, settings)
  } catch (error) {
    letGo(given)
    throw error
  }
}

function isPromise(given: unknown): given is PromiseLike<unknown> {
  return typeof (given as Partial<PromiseLike<unknown>> | undefined | null)?.then === 'function'
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

const FOR_GOOD: ReadonlySet<string> = new Set(['bad_source', 'cannot_wait', 'bad_option'])

function isForGood(error: unknown): boolean {
  return error instanceof SpillwayError && FOR_GOOD.has(error.code)
}
