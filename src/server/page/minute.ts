/**
 * The last minute of every feed, kept in the page: the hub tells what is, and a line needs what was. One entry for each
 * feed of the last report, none for one that has gone. Filled at each poll by page.ts, read by cards, panel and demonstration.
 */
import { Rate } from './rate.ts'
import type { FeedReport } from './report.ts'
import { Trend } from './trend.ts'

const POINTS = 60
/** Half of the time between two polls, so that each gives a point and a burst of them does not give two. */
const EVERY_MS = 700

export class Minute {
  readonly published = new Trend(EVERY_MS, POINTS)
  readonly delivered = new Trend(EVERY_MS, POINTS)
  readonly dataAge = new Trend(EVERY_MS, POINTS)
  /** Of the slowest reader; no point where none has a limit. */
  readonly headroom = new Trend(EVERY_MS, POINTS)
  readonly #bytes = new Rate()
  #estimate = 0

  add(feed: FeedReport, now: number): void {
    this.published.add(feed.publishedPerSecond, now)
    this.delivered.add(feed.deliveredPerSecond, now)
    this.dataAge.add(feed.dataAge.p99, now)
    if (feed.headroom !== null) this.headroom.add(feed.headroom.bytes, now)
    this.#bytes.mark(feed.publishedBytes, now)
    this.#estimate = feed.published === 0 ? 0 : (feed.publishedPerSecond * feed.publishedBytes) / feed.published
  }

  /** Published, over the last seconds; before the second poll, as if all messages were alike. */
  get bytesPerSecond(): number {
    return this.#bytes.perSecond ?? this.#estimate
  }
}

export class Minutes {
  readonly #of = new Map<string, Minute>()

  add(feeds: readonly FeedReport[], now: number): void {
    const gone = new Set(this.#of.keys())
    for (const feed of feeds) {
      gone.delete(feed.name)
      const minute = this.#of.get(feed.name) ?? new Minute()
      this.#of.set(feed.name, minute)
      minute.add(feed, now)
    }
    for (const name of gone) this.#of.delete(name)
  }

  of(feed: string): Minute | undefined {
    return this.#of.get(feed)
  }
}
