/**
 * The last minute of those who are slowest: a sample a second, in one typed array with a row for each of them. A row stays with its
 * client for as long as it is among the slowest, and then goes to one who has become so; that one's history begins there.
 * Ten thousand histories, of which nobody looks at most, would be megabytes and a pass of their own.
 */

export const HISTORY_SECONDS = 60

export class History<T> {
  readonly #samples: Float32Array
  readonly #rows = new Map<T, { readonly row: number; readonly since: number }>()
  readonly #free: number[]
  #turn = -1

  constructor(most: number) {
    this.#samples = new Float32Array(most * HISTORY_SECONDS)
    this.#free = Array.from({ length: most }, (_, row) => row)
  }

  /** Once a second: a sample for each of them; whoever is not among them any more is forgotten. */
  add(slowest: readonly { readonly item: T; readonly sample: number }[]): void {
    this.#turn++
    const staying = new Set(slowest.map(({ item }) => item))
    for (const [item, { row }] of this.#rows) {
      if (staying.has(item)) continue
      this.#rows.delete(item)
      this.#free.push(row)
    }
    for (const { item, sample } of slowest) {
      let place = this.#rows.get(item)
      if (place === undefined) {
        place = { row: this.#free.pop()!, since: this.#turn }
        this.#rows.set(item, place)
      }
      this.#samples[place.row * HISTORY_SECONDS + (this.#turn % HISTORY_SECONDS)] = sample
    }
  }

  /** The samples of one, the oldest first; none of whoever was not among the slowest. */
  of(item: T): number[] {
    const place = this.#rows.get(item)
    if (place === undefined) return []
    const first = Math.max(place.since, this.#turn - HISTORY_SECONDS + 1)
    return Array.from(
      { length: this.#turn - first + 1 },
      (_, i) => this.#samples[place.row * HISTORY_SECONDS + ((first + i) % HISTORY_SECONDS)]!,
    )
  }
}
