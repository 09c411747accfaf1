/**
 * Readers that are catching up, in rotation: a slice each, round after round, under a budget in time and bytes a turn. The flush
 * has two of them.
 */
import type { Reader } from '../reader.ts'

const BUDGET_MS = 2
const BUDGET_BYTES = 8 * 1024 * 1024
/** Readers served between two looks at the clock. */
const STRIDE = 8

export class Rotation {
  /** Those of this round from `#next` on, and those who have had their slice and wait for the next round. */
  #round: Reader[] = []
  #next = 0
  #waiting: Reader[] = []

  push(reader: Reader): void {
    this.#waiting.push(reader)
  }

  get empty(): boolean {
    return this.#next === this.#round.length && this.#waiting.length === 0
  }

  clear(): void {
    this.#round = []
    this.#next = 0
    this.#waiting = []
  }

  /** `serve` gives a reader its slice and returns the bytes of it. */
  turn(serve: (reader: Reader, now: number) => number): void {
    const started = performance.now()
    let now = started
    let bytes = 0
    let served = 0
    while (bytes < BUDGET_BYTES && now - started < BUDGET_MS) {
      if (this.#next === this.#round.length) {
        if (this.#waiting.length === 0) break
        this.#round = this.#waiting
        this.#waiting = []
        this.#next = 0
      }
      bytes += serve(this.#round[this.#next++]!, now)
      if (++served % STRIDE === 0) now = performance.now()
    }
    if (this.#next < this.#round.length) return
    this.#round = []
    this.#next = 0
  }
}
