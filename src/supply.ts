/**
 * Where a feed's messages come from, as far as the feed has to know: one producer at a time, a source or a writable; what it does, how
 * often it was asked again, what it gave that came to nothing; and how its end and its failure become the feed's. Owned by a
 * feed as `feed.source`; written by whoever is attached.
 */
import { expected, reasonOf, SpillwayError } from './errors.ts'
import type { Notify, SourceState } from './events.ts'
import type { Ending, Feed } from './feed.ts'
import { type Item, toMessage } from './message.ts'
import type { Logger } from './options.ts'
import { CLOSE } from './protocol.ts'
import { Refusals } from './refusals.ts'

/** What a feed's messages come from: a source, or a writable. */
export interface SourceStatus {
  /** Undefined where there is none, and somebody calls `publish()`. */
  readonly state: SourceState | undefined
  /** How often it was asked again. */
  readonly restarts: number
  /** Messages it gave that the feed's pipeline did not pass on. */
  readonly filtered: number
  /** Messages it gave that broke a rule, and were not published. */
  readonly refused: number
  /** Why it failed last, on one line, cut where it is long; it stays when the source is asked again. Undefined: it never has. */
  readonly error: string | undefined
}

/** Of what a source says of its failure; a parser may quote a whole document. */
const MOST_REASON = 300

type Producer = 'a source' | 'a writable'

export class Supply implements SourceStatus {
  state: SourceState | undefined
  restarts = 0
  filtered = 0
  error: string | undefined

  readonly #feed: Pick<Feed, 'name' | 'log' | 'takesMore'> & { end(ending?: Ending): void }
  readonly #notify: Notify
  readonly #logger: Logger
  readonly #refusals: Refusals
  #producer: Producer | undefined

  constructor(feed: Feed, notify: Notify, logger: Logger) {
    this.#feed = feed
    this.#notify = notify
    this.#logger = logger
    const refused = { event: 'messages-refused', feed: feed.name }
    this.#refusals = new Refusals(line => logger.warn(`feed ${feed.name}: ${line}`, refused))
  }

  /** A feed has one producer. Returns what lets go of it. @throws SpillwayError `feed_taken`, `feed_ended` */
  claim(producer: Producer): () => void {
    if (!this.#feed.takesMore) throw feedEnded(this.#feed.name)
    if (this.#producer !== undefined) {
      const rule = 'a feed that nobody else writes to'
      throw new SpillwayError('feed_taken', expected(`feed ${this.#feed.name}`, rule, `one that has ${this.#producer}`))
    }
    this.#producer = producer
    return () => {
      this.#producer = undefined
    }
  }

  /** Messages that were refused. */
  get refused(): number {
    return this.#refusals.count
  }

  /** Counts a message that the feed does not take, and tells of it once a second at the most. */
  refuse(error: SpillwayError): void {
    this.#refusals.add(error)
  }

  /** It has been asked, and may give messages. */
  running(): void {
    this.state = 'running'
    this.#notify({ type: 'source-running', feed: this.#feed.name, restarts: this.restarts })
  }

  /** It is over, and is asked again after so many milliseconds; with a `failure`, because of that. */
  restarting(delayMs: number, failure: { readonly error: unknown } | undefined): void {
    const { name } = this.#feed
    const again = `asked again in ${delayMs} ms`
    const reason = failure === undefined ? 'ended' : this.#hasFailed(failure.error)
    const fields = { event: 'source-restarting', feed: name, delayMs, reason, restarts: this.restarts + 1 }
    if (failure !== undefined) this.#logger.warn(`feed ${name}: its source failed: ${reason}; ${again}`, fields)
    else this.#logger.info(`feed ${name}: its source has ended; ${again}`, fields)
    this.state = 'restarting'
    this.restarts++
    this.#notify({ type: 'source-restarting', feed: name, delayMs, reason })
  }

  /** There is no more: the feed ends with 1000. */
  ended(): void {
    const { name, log } = this.#feed
    const fields = { event: 'source-ended', feed: name, messages: log.count }
    this.#logger.info(`feed ${name}: its source has ended after ${log.count} messages`, fields)
    this.state = 'ended'
    this.#feed.end()
  }

  /** It has failed for good: the feed ends with 4500 and the reason. */
  failed(error: unknown): void {
    const { name: feed } = this.#feed
    const reason = this.#hasFailed(error)
    this.#logger.error(`feed ${feed}: its source failed: ${reason}`, { event: 'source-failed', feed, reason })
    this.state = 'failed'
    this.#feed.end({ code: CLOSE.internal, reason: `source failed: ${reason}` })
  }

  /** What was written has failed, and the feed goes on without it. */
  brokeOff(error: unknown): void {
    const reason = this.#hasFailed(error)
    const { name: feed } = this.#feed
    this.#logger.warn(`feed ${feed}: what was written to it broke off: ${reason}`, {
      event: 'source-failed',
      feed,
      reason,
    })
    this.state = 'failed'
  }

  #hasFailed(error: unknown): string {
    const reason = reasonOf(error).replace(/\s+/g, ' ').trim()
    this.error = reason.length > MOST_REASON ? `${reason.slice(0, MOST_REASON - 1)}…` : reason
    return this.error
  }
}

/** Publishes what a producer gave; what the feed refuses is told, and the next may come. Returns whether the feed takes more now. */
export function offer(feed: Feed, item: Item, refused: (error: SpillwayError) => void, what?: string): boolean {
  try {
    return feed.publish(toMessage(item, what))
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error
    refused(error)
    return feed.demand.open
  }
}

/** What whoever comes too late is told. */
export function feedEnded(name: string): SpillwayError {
  return new SpillwayError('feed_ended', `feed ${name} has ended and takes no more messages`)
}
