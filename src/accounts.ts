/**
 * What became of the messages of a feed, over all readers that ever were. Owned by a feed, told by its readers, asked at scrape.
 *
 * A reader that has left took its account with it: nothing published to it since is in any of these sums, so they add up at any moment.
 */
import type { Log } from './log/log.ts'
import type { Reader } from './reader.ts'

/** What became of messages, in messages; of those that were taken in bytes too. */
export interface Totals {
  delivered: number
  deliveredBytes: number
  skipped: number
  unknown: number
  undelivered: number
}

export class Accounts {
  /** What became of messages to readers that are gone. */
  readonly left: Totals = { delivered: 0, deliveredBytes: 0, skipped: 0, unknown: 0, undelivered: 0 }

  readonly #log: Log
  /** Readers that are sent what is published, and the sums of the places where readers began, and where the hub stopped sending. */
  #served = 0
  #begun = 0
  #stoppedAt = 0

  constructor(log: Log) {
    this.#log = log
  }

  joined({ cursor }: Reader): void {
    this.#served++
    this.#begun += cursor.joined.count
  }

  /** A reader is sent no more. */
  stopped(): void {
    this.#served--
    this.#stoppedAt += this.#log.count
  }

  /** A reader's client is gone: what was in flight is unknown, what was queued undelivered. */
  leave(reader: Reader): void {
    const { taken, skipped, unknown, undelivered } = reader.account(true)
    this.left.delivered += taken
    this.left.deliveredBytes += reader.cursor.takenBytes
    this.left.skipped += skipped
    this.left.unknown += unknown
    this.left.undelivered += undelivered
  }

  /**
   * Messages published while a reader was there, over all readers. Counted as they come and go, and not from their cursors: what
   * became of messages has to add up to it.
   */
  get published(): number {
    return this.#stoppedAt - this.#begun + this.#served * this.#log.count
  }

  /** Sums over the readers that are gone and those that are here. */
  totals(readers: Iterable<Reader>): Totals {
    const totals = { ...this.left }
    for (const { cursor } of readers) {
      totals.delivered += cursor.taken
      totals.deliveredBytes += cursor.takenBytes
      totals.skipped += cursor.skipped
    }
    return totals
  }
}
