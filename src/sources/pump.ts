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
import { SpillwayError } from '../errors.ts'
import type { Feed } from '../feed.ts'
import { wait } from './clock.ts'
import { isReadable, readableSource } from './readable.ts'
import { type Item, isPush, type Source, type SourceLike, toMessage } from './source.ts'

export interface PumpOptions {
  /** Messages per second at the most; 0 = as fast as demand allows. */
  readonly rate: number
  /** Bytes of a message where a Readable is cut into chunks. */
  readonly chunkBytes: number
  /** Told of each message that was refused. */
  readonly refused: (error: SpillwayError) => void
}

/** Behind its schedule by more, the pump forgives the rest, so that no burst follows a pause. */
const RATE_DEBT_MS = 100
/** Refusals make no burst, and a source may have nothing else to give: after so many the event loop gets its turn. */
const REFUSALS_PER_TURN = 100

/**
 * Runs until the source ends or the feed takes no more; then the source is told by `return()`, a Readable is destroyed, an
 * Observable unsubscribed, and nobody waits for how it takes that. @throws what the source throws
 */
export async function pump(source: SourceLike, feed: Feed, options: PumpOptions): Promise<void> {
  if (!feed.takesMore) return
  const { promise: stopped, release } = whenAborted(feed.stopped)
  try {
    await Promise.race([isPush(source) ? subscribe(source, feed, options) : pull(source, feed, options), stopped])
  } catch (error) {
    // Once nobody takes its messages, how a source fares is its own business.
    if (feed.takesMore) throw error
  } finally {
    release()
  }
}

async function pull(given: Source | NodeJS.ReadableStream, feed: Feed, options: PumpOptions): Promise<void> {
  const { rate, refused } = options
  const iterator = toSource(given, feed, options)[Symbol.asyncIterator]()
  const stop = () => stopSource(given, iterator)
  feed.stopped.addEventListener('abort', stop, { once: true })
  let ended = false
  let refusals = 0
  const told = (error: SpillwayError) => {
    refusals++
    refused(error)
  }
  try {
    const pace = pacer(rate, feed.stopped)
    await feed.ready()
    while (feed.takesMore) {
      const next = await iterator.next()
      ended = next.done === true
      if (ended || !feed.takesMore) return
      if (!offer(feed, next.value, told)) await feed.ready()
      if (refusals === REFUSALS_PER_TURN) {
        refusals = 0
        await setImmediate()
      }
      if (pace !== undefined) await pace()
    }
  } finally {
    feed.stopped.removeEventListener('abort', stop)
    if (!ended) stop()
  }
}

function toSource(given: Source | NodeJS.ReadableStream, feed: Feed, { chunkBytes, refused }: PumpOptions): Source {
  if (!isReadable(given)) return given as Source
  // An error before the first next() would end the process; it comes out of next() all the same.
  given.on('error', () => {})
  const { format, maxMessageBytes } = feed.settings
  return readableSource(given, { format, maxMessageBytes, chunkBytes, refused })
}

/** An Observable pushes: it is told nothing, and whoever reads too slowly is the policy's business. */
function subscribe(source: Observable<Item>, feed: Feed, { refused }: PumpOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    const subscription = source
      .pipe(
        // takeWhile and not unsubscribe(): a source that emits within subscribe() must be stopped before there is a subscription.
        takeWhile(() => feed.takesMore),
        // tap and not the observer's next: what is thrown there, RxJS throws again in a timer, where nobody can catch it.
        tap(item => void offer(feed, item, refused)),
      )
      .subscribe({ error: reject, complete: resolve })
    const stop = () => quietly(() => subscription.unsubscribe())
    if (!feed.takesMore) return stop()
    feed.stopped.addEventListener('abort', stop, { once: true })
    subscription.add(() => feed.stopped.removeEventListener('abort', stop))
  })
}

/** Publishes one message; a refusal is told, and the next may come. Returns whether the feed takes more now. */
function offer(feed: Feed, item: Item, refused: PumpOptions['refused']): boolean {
  try {
    return feed.publish(toMessage(item))
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error
    refused(error)
    return feed.demand.open
  }
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

/** Tells a source that no more is wanted. How it takes that is its own business. */
function stopSource(given: unknown, iterator: AsyncIterator<unknown>): void {
  if (isReadable(given)) quietly(() => (given as { destroy?(): unknown }).destroy?.())
  quietly(() => iterator.return?.())
}

/** Whatever it throws, now or later, is nobody's any more. */
function quietly(act: () => unknown): void {
  new Promise(resolve => resolve(act())).catch(() => {})
}

function whenAborted(signal: AbortSignal): { readonly promise: Promise<void>; readonly release: () => void } {
  let release = () => {}
  const promise = new Promise<void>(resolve => {
    const listener = () => resolve()
    signal.addEventListener('abort', listener, { once: true })
    release = () => signal.removeEventListener('abort', listener)
  })
  return { promise, release }
}
