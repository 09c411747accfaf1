/**
 * What a scrape finds in the readers: one pass over all of them, whatever is asked about them; with ten thousand, a pass for each
 * metric would stop the event loop for as long as all else together. The memory is used again at the next scrape.
 *
 * It runs in one go, and what has to add up (where messages went, and how many were published) is read within it: so the account
 * balances at every scrape, however much comes and goes meanwhile.
 */
import type { Client } from '../../clients/client.ts'
import type { Feed } from '../../feed.ts'
import type { Hub } from '../../hub.ts'
import type { ReaderState } from '../../reader.ts'
import { Sample } from '../stats.ts'
import { headroomOf } from '../watch/headroom.ts'
import { BANDS } from '../watch/survey.ts'

/** What became of messages, over all readers that ever were, and what was published to them. */
export interface Sums {
  published: number
  delivered: number
  deliveredBytes: number
  skipped: number
  unknown: number
  undelivered: number
  inFlight: number
  queued: number
  /** In flight to clients that answer. */
  inFlightBytes: number
}

/** The readers of one feed. */
export class FeedFigures {
  readonly feed: Feed
  readonly states: Record<ReaderState, number> = { live: 0, catching: 0, blocked: 0, full: 0, sampled: 0, closed: 0 }
  /** Readers in each of `BANDS`. */
  readonly bands = BANDS.map(() => 0)
  readonly queued = { messages: new Sample(), bytes: new Sample(), seconds: new Sample() }
  readonly lag = { messages: new Sample(), bytes: new Sample() }
  readonly inFlightBytes = new Sample()
  readonly dataAge = new Sample()
  readonly sums: Sums
  /** Of the reader that has least of it left; of a feed without readers, all there is. */
  readonly headroom = { bytes: 0, ratio: 1 }

  constructor(feed: Feed) {
    this.feed = feed
    this.sums = this.#begin()
  }

  clear(): void {
    for (const state of Object.keys(this.states) as ReaderState[]) this.states[state] = 0
    this.bands.fill(0)
    const { queued, lag } = this
    for (const sample of [...Object.values(queued), ...Object.values(lag), this.inFlightBytes, this.dataAge])
      sample.clear()
    Object.assign(this.sums, this.#begin())
    this.headroom.bytes = this.feed.settings.lag.max.bytes
    this.headroom.ratio = 1
  }

  add(client: Client, now: number): void {
    const { reader } = client
    const { cursor, feed } = reader
    const { at, confirmed, inFlightBytes, inFlightMessages } = cursor
    const end = reader.until ?? feed.log.end
    const queued = end.count - at.count
    const age = client.dataAgeMs(now) / 1_000
    this.states[reader.state]++
    let band = 0
    while (age > BANDS[band]![1]) band++
    this.bands[band]!++
    this.dataAge.add(age)
    this.queued.messages.add(queued)
    this.queued.bytes.add(end.bytes - at.bytes)
    this.queued.seconds.add(queued === 0 ? 0 : feed.queued(reader, now).seconds)
    this.lag.messages.add(end.count - confirmed.count)
    this.lag.bytes.add(end.bytes - confirmed.bytes)
    this.inFlightBytes.add(inFlightBytes)
    const { sums, headroom } = this
    sums.delivered += cursor.taken
    sums.deliveredBytes += cursor.takenBytes
    sums.skipped += cursor.skipped
    sums.inFlight += inFlightMessages
    sums.queued += queued
    if (!client.unconfirmed) sums.inFlightBytes += inFlightBytes
    const left = headroomOf(reader, now)
    if (left === undefined) return
    if (left.bytes < headroom.bytes) headroom.bytes = left.bytes
    if (left.ratio < headroom.ratio) headroom.ratio = left.ratio
  }

  /** What is told of those that have left. */
  #begin(): Sums {
    return { published: this.feed.publishedToReaders, ...this.feed.left, inFlight: 0, queued: 0, inFlightBytes: 0 }
  }
}

export class Figures {
  readonly feeds = new Map<Feed, FeedFigures>()
  /** Of all clients, in bytes. */
  readonly buffered = new Sample()
  readonly windows = new Sample()
  unconfirmed = 0

  take(hub: Hub): void {
    const now = performance.now()
    this.buffered.clear()
    this.windows.clear()
    this.unconfirmed = 0
    for (const feed of hub.feeds.values()) this.#of(feed).clear()
    for (const client of hub.clients) {
      this.#of(client.reader.feed).add(client, now)
      this.buffered.add(client.bufferedBytes)
      this.windows.add(client.window?.limit ?? Number.POSITIVE_INFINITY)
      if (client.unconfirmed) this.unconfirmed++
    }
  }

  #of(feed: Feed): FeedFigures {
    const known = this.feeds.get(feed)
    if (known !== undefined) return known
    const figures = new FeedFigures(feed)
    this.feeds.set(feed, figures)
    return figures
  }
}
