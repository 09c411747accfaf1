/**
 * The pump: the one loop between a source and a feed, and the one place that honours demand. It asks the source for the next
 * message only when the feed takes more; what it was given and the feed refuses (too large, no UTF-8) it reports and passes
 * over, so that one bad message does not take a feed down. Never loses a message that the feed would take.
 *
 *     next() ──▶ publish() ──true──▶ next() …
 *                    └──false──▶ await ready() ──▶ next() …
 */
import { setImmediate } from 'node:timers/promises'
import { type Observable, takeWhile, tap } from 'rxjs'
import { expected, SpillwayError } from '../errors.ts'
import type { Feed } from '../feed.ts'
import { type Item, toMessage } from '../message.ts'
import { offer } from '../supply.ts'
import { wait, whenAborted } from './clock.ts'
import type { Pipeline } from './pipeline.ts'
import { isReadable, readableSource } from './readable.ts'
import { isPush, type Opened, type Source } from './source.ts'
import type { NamedStage } from './stages.ts'
import { throughStages } from './through.ts'

export interface PumpOptions {
  /** Messages per second at the most; 0 = as fast as demand allows. */
  readonly rate: number
  /** Bytes of a message where a Readable is cut into chunks. */
  readonly chunkBytes: number
  /** Told of each message that was refused. */
  readonly refused: (error: SpillwayError) => void
  /** Stages between the source and the pump. */
  readonly through?: readonly NamedStage[]
  /** What messages pass on their way to the log; it outlives the pump. */
  readonly pipeline?: Pipeline | undefined
  /** Told when the source is asked for the first time. */
  readonly began?: () => void
  /** Told of a source that does not let go of what it holds. */
  readonly clings?: () => void
}

/** Behind its schedule by more, the pump forgives the rest, so that no burst follows a pause. */
const RATE_DEBT_MS = 100
/** What is refused or filtered makes no burst, and a source may have nothing else to give: after so many the event loop gets its turn. */
const BARREN_PER_TURN = 100
/** How long a source may take to let go before that is told. */
const LET_GO_MS = 5_000

/**
 * Runs until the source ends or the feed takes no more; then the source is told by `return()`, a Readable is destroyed, an
 * Observable unsubscribed, and nobody waits for how it takes that. @throws what the source throws
 */
export async function pump(source: Opened, feed: Feed, options: PumpOptions): Promise<void> {
  if (!feed.takesMore) return
  const over = new AbortController()
  const { pipeline } = options
  const { promise: stopped, release } = whenAborted(feed.stopped, ...(pipeline === undefined ? [] : [pipeline.broken]))
  try {
    const running = isPush(source)
      ? subscribe(source, feed, options, over.signal)
      : pull(source, feed, options, over.signal)
    // Whatever comes first: its end, the feed's, or that of a stage, which can break the contract while the source is at rest.
    await Promise.race([running, stopped])
    pipeline?.broken.throwIfAborted()
  } catch (error) {
    // Once nobody takes its messages, how a source fares is its own business.
    if (feed.takesMore) throw error
  } finally {
    release()
    over.abort()
  }
}

async function pull(
  given: Source | NodeJS.ReadableStream,
  feed: Feed,
  options: PumpOptions,
  over: AbortSignal,
): Promise<void> {
  const { rate, refused, pipeline, began, clings } = options
  const iterator = begin(given, feed, options)
  let stopping = false
  const stop = () => {
    if (!stopping) stopSource(given, iterator, clings)
    stopping = true
  }
  for (const signal of [feed.stopped, over]) signal.addEventListener('abort', stop, { once: true })
  let ended = false
  let barren = 0
  const told = (error: SpillwayError) => {
    barren++
    refused(error)
  }
  const filtered = () => {
    barren++
    feed.source.filtered++
  }
  try {
    const pace = pacer(rate, feed.stopped)
    await feed.ready()
    if (feed.takesMore) began?.()
    while (feed.takesMore && !over.aborted && pipeline?.done !== true) {
      const next = await iterator.next()
      if (typeof next !== 'object' || next === null) throw noResult(next)
      ended = next.done === true
      if (ended || !feed.takesMore || over.aborted) return
      if (!give(feed, next.value, told, pipeline, filtered)) await feed.ready()
      if (barren >= BARREN_PER_TURN) {
        barren = 0
        await setImmediate()
      }
      if (pace !== undefined) await pace()
    }
  } finally {
    for (const signal of [feed.stopped, over]) signal.removeEventListener('abort', stop)
    if (!ended) stop()
  }
}

/** @throws SpillwayError `bad_source`, `stage_failed`: then nobody will read the source, and it is let go of */
function begin(given: Source | NodeJS.ReadableStream, feed: Feed, options: PumpOptions): AsyncIterator<Item> {
  try {
    return iteratorOf(toSource(given, feed, options))
  } catch (error) {
    letGo(given)
    throw error
  }
}

/** @throws SpillwayError `bad_source` */
function iteratorOf(source: Source): AsyncIterator<Item> {
  const iterator = source[Symbol.asyncIterator]()
  if (typeof (iterator as Partial<AsyncIterator<Item>> | undefined)?.next === 'function') return iterator
  throw new SpillwayError('bad_source', expected('source[Symbol.asyncIterator]()', 'an iterator with next()', iterator))
}

function noResult(got: unknown): SpillwayError {
  return new SpillwayError('bad_source', expected('what next() of the source gives', '{ done, value }', got))
}

function toSource(
  given: Source | NodeJS.ReadableStream,
  feed: Feed,
  { chunkBytes, refused, through = [] }: PumpOptions,
): Source {
  // An error before the first next() would end the process; it comes out of next() all the same.
  if (isReadable(given)) given.on('error', () => {})
  const { format, maxMessageBytes } = feed.settings
  const options = { format, maxMessageBytes, chunkBytes, refused }
  if (through.length > 0) return throughStages(given, through, options)
  return isReadable(given) ? readableSource(given, options) : given
}

/** An Observable pushes: it is told nothing, and whoever reads too slowly is the policy's business. */
function subscribe(
  source: Observable<Item>,
  feed: Feed,
  { refused, pipeline, began }: PumpOptions,
  over: AbortSignal,
): Promise<void> {
  const filtered = () => {
    feed.source.filtered++
  }
  const goesOn = () => feed.takesMore && !over.aborted && pipeline?.done !== true
  began?.()
  return new Promise((resolve, reject) => {
    const subscription = source
      .pipe(
        // takeWhile and not unsubscribe(): a source that emits within subscribe() must be stopped before there is a subscription.
        takeWhile(goesOn),
        // tap and not the observer's next: what is thrown there, RxJS throws again in a timer, where nobody can catch it.
        tap(item => void give(feed, item, refused, pipeline, filtered)),
        // And again behind it: the pipeline may be done by what it was just given.
        takeWhile(goesOn),
      )
      .subscribe({ error: reject, complete: resolve })
    const stop = () => quietly(() => subscription.unsubscribe())
    if (!feed.takesMore) return stop()
    for (const signal of [feed.stopped, over]) {
      signal.addEventListener('abort', stop, { once: true })
      subscription.add(() => signal.removeEventListener('abort', stop))
    }
  })
}

/** Publishes one message, or what the pipeline makes of it. Returns whether the feed takes more now. */
function give(
  feed: Feed,
  item: Item,
  refused: PumpOptions['refused'],
  pipeline: Pipeline | undefined,
  filtered: () => void,
): boolean {
  if (pipeline === undefined) return offer(feed, item, refused)
  try {
    if (!pipeline.push(toMessage(item))) filtered()
  } catch (error) {
    if (!(error instanceof SpillwayError) || pipeline.failed) throw error
    refused(error)
  }
  return feed.demand.open
}

/** Waits after each message for as long as the rate asks; undefined where there is none. */
function pacer(rate: number, signal: AbortSignal): (() => Promise<void> | undefined) | undefined {
  if (rate === 0) return undefined
  let due = performance.now()
  return () => {
    const now = performance.now()
    due = Math.max(due, now - RATE_DEBT_MS) + 1_000 / rate
    return due - now < 2 ? undefined : wait(due - now, signal)
  }
}

/** Tells a source that no more is wanted. How it takes that is its own business; that it does not is told. */
function stopSource(given: unknown, iterator: AsyncIterator<unknown>, clings: (() => void) | undefined): void {
  if (isReadable(given)) quietly(() => (given as { destroy?(): unknown }).destroy?.())
  const timer = setTimeout(() => clings?.(), LET_GO_MS).unref()
  quietly(async () => {
    try {
      await iterator.return?.()
    } finally {
      clearTimeout(timer)
    }
  })
}

/** A source that nobody asks any more, or never has. */
export function letGo(given: unknown): void {
  if (isReadable(given)) {
    given.on('error', () => {})
    quietly(() => (given as { destroy?(): unknown }).destroy?.())
  } else quietly(() => (given as Partial<AsyncGenerator> | undefined)?.return?.(undefined))
}

/** Whatever it throws, now or later, is nobody's any more. */
function quietly(act: () => unknown): void {
  new Promise(resolve => resolve(act())).catch(() => {})
}
