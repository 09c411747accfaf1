/**
 * A rate from a total that only grows, read now and then: the hub counts with plain numbers, and dividing is done here,
 * where it is looked at. A total that falls (a new epoch, another hub) starts it again. Called for bytes published, at each
 * poll, and for messages received, by the live view and the demonstration.
 */

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
    let last = this.#marks.at(-1)
    if (last !== undefined && total < last.total) {
      this.#marks = []
      last = undefined
    }
    this.#marks = this.#marks.filter(mark => at - mark.at <= MEAN_MS)
    const since = this.#marks[0] ?? last
    const elapsed = since === undefined ? 0 : at - since.at
    const perSecond = since === undefined || elapsed <= 0 ? undefined : ((total - since.total) * 1_000) / elapsed
    this.#marks.push({ at, total, perSecond })
  }

  /** Per second, over the last seconds; undefined before the second mark. */
  get perSecond(): number | undefined {
    return this.#marks.at(-1)?.perSecond
  }
}
