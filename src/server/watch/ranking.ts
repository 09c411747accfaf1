/**
 * The first few of many by a figure, the largest first, in one pass and without sorting the many: ten thousand clients are looked at
 * once a second, and fifty of them are kept. Of equals, those that were offered first come first, so that a list of equals stays as
 * it is from one look to the next.
 */
export interface Ranked<T> {
  readonly item: T
  readonly figure: number
}

export class Ranking<T> {
  readonly #most: number
  readonly #ranked: Ranked<T>[] = []

  constructor(most: number) {
    this.#most = most
  }

  get ranked(): readonly Ranked<T>[] {
    return this.#ranked
  }

  offer(item: T, figure: number): void {
    const ranked = this.#ranked
    if (ranked.length === this.#most) {
      if (this.#most === 0 || figure <= ranked[ranked.length - 1]!.figure) return
      ranked.pop()
    }
    let [from, to] = [0, ranked.length]
    while (from < to) {
      const middle = (from + to) >> 1
      if (ranked[middle]!.figure >= figure) from = middle + 1
      else to = middle
    }
    ranked.splice(from, 0, { item, figure })
  }
}
