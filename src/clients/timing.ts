/**
 * What the flush measures of itself. The clock is read a few times a turn, however many clients there are, and a run that goes to
 * a thousand readers is counted once with its thousand; so a delivery gets no dearer by being measured.
 */
import type { Feed } from '../feed.ts'
import type { Run } from '../log/segment.ts'
import { Histogram } from './histogram.ts'

/** Seconds. */
export const FLUSH_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1] as const
export const MESSAGES_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const
export const WRITE_DELAY_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const

export class Timing {
  /** How long turns of the flush took. */
  readonly turns = new Histogram(FLUSH_BUCKETS)
  /** Messages in the runs that were handed to clients: what one write carries. */
  readonly messages = new Histogram(MESSAGES_BUCKETS)
  /** From the publishing of the oldest message of a turn until all live readers had it: one sample for each feed and turn. */
  readonly delays = new Histogram(WRITE_DELAY_BUCKETS)

  /** A run went to so many clients. */
  wrote({ from, to }: Run, clients: number): void {
    this.messages.add(to.count - from.count, clients)
  }

  /** All live readers of the feed have been sent everything. */
  flushed(feed: Feed): void {
    if (feed.unflushedSince === 0) return
    if (feed.readers.live.length > 0) this.delays.add((performance.now() - feed.unflushedSince) / 1_000)
    feed.unflushedSince = 0
  }
}
