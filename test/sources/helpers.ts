/**
 * What the tests of the sources share: hubs without a port whose log lines and events are kept, feeds whose demand a test
 * holds in its hand, and the messages of a feed as its log has them. Not a test.
 */
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { SpillwayError } from '../../src/errors.ts'
import type { HubEvent } from '../../src/events.ts'
import { type Carrier, Feed } from '../../src/feed.ts'
import { Hub, type SourceOptions } from '../../src/hub.ts'
import { type FeedOptions, feedSettings, SILENT } from '../../src/options.ts'
import { publishing } from '../../src/sources/attach.ts'
import { Pipeline } from '../../src/sources/pipeline.ts'
import { pump } from '../../src/sources/pump.ts'
import { canWait, type Item, isFunction, type Opened, type SourceLike } from '../../src/sources/source.ts'
import { namedOperators, namedStages } from '../../src/sources/stages.ts'
import { framesFrom } from '../log/helpers.ts'
import { onTestFinished } from '../support/together.ts'
import { until } from '../support/until.ts'

/** How long something must not have moved to be called still. */
const STILL_MS = 100
/** What would wait waits for ever, or ten seconds: a slow machine may take some. */
const PROMPT_MS = 5_000

export interface Watched {
  readonly hub: Hub
  /** What the hub logged, each line behind its level. */
  readonly lines: string[]
  /** What happened, besides that sources run. */
  readonly events: HubEvent[]
}

/** A hub that is gone when the test is over. */
export function openHub(): Watched {
  const lines: string[] = []
  const events: HubEvent[] = []
  const write = (level: string) => (line: string) => void lines.push(`${level}: ${line}`)
  const hub = new Hub({ logger: { info: write('info'), warn: write('warn'), error: write('error') } })
  hub.events$.subscribe(event => {
    if (event.type !== 'source-running') events.push(event)
  })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  return { hub, lines, events }
}

export interface HoldOptions {
  readonly feed?: FeedOptions & Pick<SourceOptions, 'chunkBytes' | 'through' | 'pipeline'>
  readonly rate?: number
}

export interface Held {
  readonly feed: Feed
  /** Resolves or rejects as the pump does. */
  readonly pumping: Promise<void>
  /** Whether the pump is still at it. */
  readonly running: () => boolean
  readonly refused: SpillwayError[]
  /** What is published is flushed, as far as the feed can tell: its demand opens again. */
  flush(): void
  /** The feed takes no more: its signal aborts, and nothing else. */
  stop(): void
}

/** A source pumped into a feed that nobody flushes but the test: once it says stop, it means it. */
export function hold(source: SourceLike, { feed: options = {}, rate = 0 }: HoldOptions = {}): Held {
  const { chunkBytes = 1024, through = [], pipeline = [], ...feedOptions } = options
  const { feed, refused, flush, stop } = heldFeed(feedOptions, canWait(source))
  const operators = namedOperators(pipeline, 'pipeline')
  const publish = publishing(feed, error => void refused.push(error))
  const chain = operators.length > 0 ? new Pipeline(operators, publish) : undefined
  let running = true
  const { log, stopped: signal } = feed
  const opened = isFunction(source)
    ? (source({
        feed: 'held',
        format: feed.settings.format,
        logger: SILENT,
        signal,
        epoch: log.epoch,
        head: log.head,
      }) as Opened)
    : source
  const pumping = pump(opened, feed, {
    rate,
    chunkBytes,
    through: namedStages(through, 'through'),
    pipeline: chain,
    refused: error => void refused.push(error),
  }).finally(() => {
    running = false
  })
  pumping.catch(() => {}) // whoever cares awaits it
  return { feed, pumping, running: () => running, refused, flush, stop }
}

/** The same for what writes into a feed by itself. */
export function holdWriting(write: (feed: Feed) => Promise<unknown>, options: FeedOptions = {}): Held {
  const { feed, refused, flush, stop } = heldFeed(options, true)
  feed.source.refuse = error => void refused.push(error)
  let running = true
  const pumping = write(feed).then(
    () => {
      running = false
    },
    error => {
      running = false
      // As the pump does: once nobody takes its messages, how a source fares is its own business.
      if (feed.ending?.code === 4500) throw error
    },
  )
  pumping.catch(() => {})
  return { feed, pumping, running: () => running, refused, flush, stop }
}

function heldFeed(options: FeedOptions, waits: boolean) {
  const carrier: Carrier = { dirty() {}, flushNow() {}, catchUp() {} }
  const feed = new Feed('held', feedSettings(options), waits, carrier, () => {})
  const refused: SpillwayError[] = []
  const stop = () => feed.stop()
  onTestFinished(stop)
  const flush = () => feed.demand.flushed(performance.now())
  return { feed, refused, flush, stop }
}

/** Every message that the log of a feed still has. */
export function payloadsOf(feed: Feed): string[] {
  return framesFrom(feed.log, feed.log.tail).map(({ payload }) => payload.toString())
}

/** Resolves with a figure once it has stood still for a while. */
export async function still(what: string, figure: () => number): Promise<number> {
  let seen = figure()
  let since = performance.now()
  await until(`${what} to stand still`, () => {
    const now = figure()
    if (now !== seen) since = performance.now()
    seen = now
    return performance.now() - since > STILL_MS
  })
  return seen
}

/** Lets the event loop turn so many times. */
export async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await setImmediate()
}

/** Waits for what must not take long, because nothing in it is waited for. */
export async function promptly(what: string, promise: Promise<unknown>): Promise<void> {
  let done = false
  const finish = () => {
    done = true
  }
  await Promise.race([promise.then(finish), until(`${what} to be done`, () => done, PROMPT_MS)])
}

/** What collects garbage at once, for tests of what is kept. */
export function collector(): () => void {
  setFlagsFromString('--expose-gc')
  return runInNewContext('gc') as () => void
}

/** Errors that nobody caught while the test runs; Node would end the process. */
export function uncaughtErrors(): readonly Error[] {
  const errors: Error[] = []
  const keep = (error: Error) => void errors.push(error)
  process.on('uncaughtException', keep)
  onTestFinished(() => void process.off('uncaughtException', keep))
  return errors
}

/** "Endless" for sources that a broken pump would never let go of: the test must come to its end and fail. */
export const ENDLESS = 400_000

/** A generator of a payload that is always ready, and when it was asked. */
export function ready(payload: Item = 'x', count = ENDLESS) {
  const askedAt: number[] = []
  let finished = false
  async function* give(): AsyncGenerator<Item, void> {
    try {
      while (askedAt.length < count) {
        askedAt.push(performance.now())
        yield payload
      }
    } finally {
      finished = true
    }
  }
  return { source: give(), askedAt, finished: () => finished }
}

/** Something that is waited for until it is let happen. */
export function gate() {
  let open = () => {}
  const opened = new Promise<void>(resolve => {
    open = resolve
  })
  return { opened, open }
}
