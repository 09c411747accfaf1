/**
 * What a scrape finds in the readers, whatever is asked about them: with ten thousand, a pass over them for each metric would stop
 * the event loop for longer than all else together. The memory is used again at the next scrape.
 *
 * What has to add up is read in one go, feed by feed: where messages went, and how many were published to whom. So the account balances
 * at every scrape, however much comes and goes meanwhile. The rest, how far behind each of them is, is looked at in pieces; it is of
 * the clients that were there when the scrape began, and those that have left in between are counted as closed.
 */
import type { Client } from '../../clients/client.ts'
import type { Feed } from '../../feed.ts'
import type { Hub } from '../../hub.ts'
import type { Reader, ReaderState } from '../../reader.ts'
import { eachInPieces, type Pieces } from '../pieces.ts'
import { Sample } from '../stats.ts'
import { type Band, bandOf, noBands } from '../watch/bands.ts'
import { headroomOf } from '../watch/headroom.ts'

/** What became of messages, over all readers that ever were, and what was published to them. */
interface Account {
  published: number
  delivered: number
  deliveredBytes: number
  skipped: number
  unknown: number
  undelivered: number
  inFlight: number
  queued: number
}

/** The readers of one feed. */
export class FeedFigures {
  readonly feed: Feed
  account: Account
  readonly states: Record<ReaderState, number> = { live: 0, catching: 0, blocked: 0, full: 0, sampled: 0, closed: 0 }
  bands: Record<Band, number> = noBands()
  readonly queued = { messages: new Sample(), bytes: new Sample(), seconds: new Sample() }
  readonly lag = { messages: new Sample(), bytes: new Sample() }
  readonly inFlightBytes = new Sample()
  /** Of all readers whose clients answer. */
  confirmableBytes = 0
  readonly dataAge = new Sample()
  /** Of the reader that has least of it left; of a feed without readers, all there is. */
  readonly headroom = { bytes: 0, ratio: 1 }

  constructor(feed: Feed) {
    this.feed = feed
    this.account = begun(feed)
  }

  clear(): void {
    const { feed, states, queued, lag, headroom } = this
    this.account = begun(feed)
    for (const state of Object.keys(states) as ReaderState[]) states[state] = 0
    this.bands = noBands()
    for (const sample of [queued.messages, queued.bytes, queued.seconds, lag.messages, lag.bytes]) sample.clear()
    this.inFlightBytes.clear()
    this.confirmableBytes = 0
    this.dataAge.clear()
    headroom.bytes = Math.min(feed.settings.lag.max.bytes, feed.settings.capacity.bytes)
    headroom.ratio = 1
  }

  /** What the cursor tells: a few numbers that lie together. */
  count({ cursor, end }: Reader): void {
    const { at, confirmed, inFlightBytes } = cursor
    const { account, queued, lag } = this
    const waiting = end.count - at.count
    account.delivered += cursor.taken
    account.deliveredBytes += cursor.takenBytes
    account.skipped += cursor.skipped
    account.inFlight += cursor.inFlightMessages
    account.queued += waiting
    queued.messages.add(waiting)
    queued.bytes.add(end.bytes - at.bytes)
    lag.messages.add(end.count - confirmed.count)
    lag.bytes.add(end.bytes - confirmed.bytes)
    this.inFlightBytes.add(inFlightBytes)
  }

  /** What needs a look at the window and the log. */
  look(client: Client, now: number): void {
    const { reader } = client
    const age = client.dataAgeMs(now) / 1_000
    this.states[reader.state]++
    this.bands[bandOf(age)]++
    this.dataAge.add(age)
    this.queued.seconds.add(reader.cursor.at === reader.feed.log.end ? 0 : reader.queued(now).seconds)
    if (!client.unconfirmed) this.confirmableBytes += reader.cursor.inFlightBytes
    const left = headroomOf(reader, now)
    if (left === undefined) return
    const { headroom } = this
    if (left.bytes < headroom.bytes) headroom.bytes = left.bytes
    if (left.ratio < headroom.ratio) headroom.ratio = left.ratio
  }
}

export class Figures {
  readonly feeds = new Map<Feed, FeedFigures>()
  /** As many as the readers of all feeds, whoever comes and goes meanwhile. */
  clients = 0
  /** Of all clients, in bytes. */
  readonly buffered = new Sample()
  readonly windows = new Sample()
  unconfirmed = 0

  /** Looks at all readers: at those of one feed in one go, as far as they have to add up, and then at all in pieces. */
  async take(hub: Hub, pieces: Pieces): Promise<void> {
    const clients = [...hub.clients]
    this.clients = clients.length
    for (const feed of hub.feeds.values()) {
      const figures = this.#of(feed)
      figures.clear()
      for (const reader of feed.readers) figures.count(reader)
      await pieces.next()
    }
    this.buffered.clear()
    this.windows.clear()
    this.unconfirmed = 0
    await eachInPieces(clients, (client, now) => this.#look(client, now), pieces)
  }

  #look(client: Client, now: number): void {
    this.#of(client.reader.feed).look(client, now)
    this.buffered.add(client.bufferedBytes)
    this.windows.add(client.window?.limit ?? Number.POSITIVE_INFINITY)
    if (client.unconfirmed) this.unconfirmed++
  }

  #of(feed: Feed): FeedFigures {
    const known = this.feeds.get(feed)
    if (known !== undefined) return known
    const figures = new FeedFigures(feed)
    this.feeds.set(feed, figures)
    return figures
  }
}

/** What is told of those that have left, and what was published to all. */
function begun({ accounts: { published, left } }: Feed): Account {
  return { published, ...left, inFlight: 0, queued: 0 }
}
