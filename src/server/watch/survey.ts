/**
 * A look at every client: what `/feeds` and the admin port tell of feeds, and who is slowest. With ten thousand clients it takes some
 * milliseconds, so it is made in pieces, between which messages pass; and the watch makes it, and lends it to all who ask.
 */
import type { Totals } from '../../accounts.ts'
import type { Client } from '../../clients/client.ts'
import type { Feed } from '../../feed.ts'
import type { Hub } from '../../hub.ts'
import type { ReaderState } from '../../reader.ts'
import { eachInPieces, Pieces } from '../pieces.ts'
import { type Spread, spread } from '../stats.ts'
import { type Band, bandOf, noBands } from './bands.ts'
import { type Headroom, headroomOf } from './headroom.ts'
import { type Ranked, Ranking } from './ranking.ts'

/** The slowest clients that are kept in mind. */
export const SLOWEST = 50
/** Data that is younger is as good as new: whoever waits for it is not slow. */
const SLOW_MS = 100

export interface FeedSurvey {
  readonly readers: number
  readonly published: number
  readonly publishedBytes: number
  readonly totals: Totals
  readonly states: Readonly<Record<ReaderState, number>>
  /** Readers in each band; they add up to all readers. */
  readonly bands: Readonly<Record<Band, number>>
  /** Of the readers, in seconds. */
  readonly dataAge: Spread
  /** Queued messages of the reader that has most of them. */
  readonly queuedMessages: number
  /** Of the reader that has least; undefined without one that could get into trouble. */
  readonly headroom: Headroom | undefined
}

export interface Survey {
  /** When it was made, in `performance.now()` milliseconds. */
  readonly at: number
  readonly feeds: ReadonlyMap<Feed, FeedSurvey>
  /** The slowest, by how old the data is that they wait for, in milliseconds. */
  readonly slowest: readonly Ranked<Client>[]
  /** Clients that have never answered a ping. */
  readonly unconfirmed: number
  /** In flight to all clients besides those. */
  readonly inFlightBytes: number
}

export async function survey({ feeds, clients }: Pick<Hub, 'feeds' | 'clients'>): Promise<Survey> {
  const tallies = new Map([...feeds.values()].map(feed => [feed, new Tally(feed)]))
  const slowest = new Ranking<Client>(SLOWEST)
  let unconfirmed = 0
  let inFlightBytes = 0
  const look = (client: Client, now: number) => {
    const { reader } = client
    const ageMs = client.dataAgeMs(now)
    tallies.get(reader.feed)?.add(client, ageMs, now)
    slowest.offer(client, Math.max(SLOW_MS, ageMs))
    if (client.unconfirmed) unconfirmed++
    else inFlightBytes += reader.cursor.inFlightBytes
  }
  const pieces = new Pieces()
  await eachInPieces(clients, look, pieces)
  const told = new Map<Feed, FeedSurvey>()
  for (const [feed, tally] of tallies) {
    told.set(feed, tally.told())
    await pieces.next()
  }
  return { at: performance.now(), feeds: told, slowest: slowest.ranked, unconfirmed, inFlightBytes }
}

/** What a pass adds up of one feed. */
class Tally {
  readonly #states: Record<ReaderState, number> = { live: 0, catching: 0, blocked: 0, full: 0, sampled: 0, closed: 0 }
  readonly #bands = noBands()
  readonly #feed: Feed
  readonly #ages: number[] = []
  #queuedMessages = 0
  #headroom: Headroom | undefined

  constructor(feed: Feed) {
    this.#feed = feed
  }

  add({ reader }: Client, ageMs: number, now: number): void {
    const seconds = ageMs / 1_000
    this.#states[reader.state]++
    this.#ages.push(seconds)
    this.#bands[bandOf(seconds)]++
    const queued = reader.end.count - reader.cursor.at.count
    if (queued > this.#queuedMessages) this.#queuedMessages = queued
    const headroom = headroomOf(reader, now)
    if (headroom !== undefined && headroom.ratio < (this.#headroom?.ratio ?? Number.POSITIVE_INFINITY))
      this.#headroom = headroom
  }

  told(): FeedSurvey {
    const { log } = this.#feed
    return {
      readers: this.#ages.length,
      published: log.count,
      publishedBytes: log.bytes,
      totals: this.#feed.totals(),
      states: this.#states,
      bands: this.#bands,
      dataAge: spread(this.#ages),
      queuedMessages: this.#queuedMessages,
      headroom: this.#headroom,
    }
  }
}
