/**
 * Work that may take many milliseconds and must not be felt: done in pieces, with a turn of the event loop between them in which
 * messages pass. It says how much of the event loop it took, without the turns in between.
 */
import { setImmediate } from 'node:timers/promises'

/** A delivery may be held up for so long by a piece. */
const PIECE_MS = 1
/** Items between two looks at the clock. */
const STEP = 64

export class Pieces {
  #done = 0
  #since = performance.now()

  /** Asked between two steps: lets the event loop turn if it is time. */
  async next(): Promise<void> {
    const took = performance.now() - this.#since
    if (took < PIECE_MS) return
    this.#done += took
    await setImmediate()
    this.#since = performance.now()
  }

  /** How much of the event loop it has taken so far. */
  get tookMs(): number {
    return this.#done + performance.now() - this.#since
  }
}

/** Calls `look` with each of them and the time, in pieces. */
export async function eachInPieces<T>(
  items: Iterable<T>,
  look: (item: T, now: number) => void,
  pieces = new Pieces(),
): Promise<void> {
  let looked = 0
  let now = 0
  for (const item of items) {
    if (looked++ % STEP === 0) {
      await pieces.next()
      now = performance.now()
    }
    look(item, now)
  }
}
