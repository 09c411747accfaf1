/**
 * The gate's clock: how long the reader that holds the gate may keep the source waiting without getting on, or while it gets on too
 * slowly, until it is evicted for it, or one dead laptop would stop everybody. Owned by demand, turned by the wheel.
 */
import type { FeedSettings } from './options.ts'
import type { Reader } from './reader.ts'

/** A reader that may not hold the gate any longer. */
export interface Overdue {
  readonly reader: Reader
  readonly cause: 'pause' | 'gate-rate'
  readonly detail: string
}

export class GateClock {
  #askedAt = performance.now()
  /** For whom the source has waited, for how long, and where that reader was when it began. */
  #held: { readonly reader: Reader; readonly bytes: number; waitedMs: number } | undefined

  /** `holder` is for whom the source waits, and has since `since`; undefined if it does not wait, or not for a reader. */
  overdue(
    holder: Reader | undefined,
    since: number,
    { maxPauseMs, minGateBytesPerSec }: FeedSettings,
    now: number,
  ): Overdue | undefined {
    const sinceLast = now - this.#askedAt
    this.#askedAt = now
    // One that has taken all that it was given waits for us, not we for it.
    if (holder === undefined || maxPauseMs === 0 || holder.confirmed === holder.cursor.at) return undefined
    const idleMs = now - Math.max(holder.progressedAt, since)
    if (idleMs > maxPauseMs) {
      const detail = `no progress for ${Math.round(idleMs)} ms while the source waits`
      return { reader: holder, cause: 'pause', detail }
    }
    // The rate is what it took for each second that the source has waited for it, over `maxPauseMs` of waiting.
    const { bytes } = holder.confirmed
    if (this.#held?.reader !== holder) this.#held = { reader: holder, bytes, waitedMs: 0 }
    this.#held.waitedMs += sinceLast
    if (this.#held.waitedMs < maxPauseMs) return undefined
    const rate = Math.round(((bytes - this.#held.bytes) / this.#held.waitedMs) * 1_000)
    this.#held = undefined
    if (rate >= minGateBytesPerSec) return undefined
    const detail = `${rate} B/s while the source waits, at least ${minGateBytesPerSec} asked`
    return { reader: holder, cause: 'gate-rate', detail }
  }
}
