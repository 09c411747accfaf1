/**
 * A rate from a total that only grows, read now and then: the hub counts with plain numbers, and dividing is done here,
 * where it is looked at. Keeps the last minute. A total that falls (a new epoch, another hub) starts it again. Called by
 * the cards (messages published, at each poll) and by the live view (messages received).
 */
import type { Point } from './draw.ts'

const HISTORY_MS = 60_000
/** A young line spreads over the width with this much of a minute, and grows denser from there. */
const FIRST_MS = 10_000
/** Rates are means over this long: over a single second, one message a second would flicker between 0, 1 and 2. */
const MEAN_MS = 4_000

interface Mark {
  readonly at: number
  readonly total: number
  readonly perSecond: number | undefined
}

export class Rate {
  #marks: Mark[] = []

  /** Notes that the total was `total` at `at` (milliseconds of a clock that does not jump). */
  mark(total: number, at: number): void {
    const last = this.#marks.at(-1)
    if (last !== undefined && total < last.total) this.#marks = []
    this.#marks = this.#marks.filter(mark => at - mark.at <= HISTORY_MS)
    const since = this.#marks.find(mark => at - mark.at <= MEAN_MS) ?? this.#marks.at(-1)
    const elapsed = since === undefined ? 0 : at - since.at
    const perSecond = since === undefined || elapsed <= 0 ? undefined : ((total - since.total) * 1_000) / elapsed
    this.#marks.push({ at, total, perSecond })
  }

  /** Per second, over the last seconds; undefined before the second mark. */
  get perSecond(): number | undefined {
    return this.#marks.at(-1)?.perSecond
  }

  /** The last minute from left to right, for a sparkline; what there is of it in the first one. */
  history(): Point[] {
    const now = this.#marks.at(-1)?.at ?? 0
    const span = Math.max(FIRST_MS, now - (this.#marks[0]?.at ?? 0))
    return this.#marks.flatMap(({ at, perSecond }) =>
      perSecond === undefined ? [] : [{ x: 1 - (now - at) / span, y: perSecond }],
    )
  }
}
