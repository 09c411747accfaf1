/**
 * The clients that have left, the last so many of them, with why and with their final account: what an operator asks for who comes
 * when it is over. A ring, so it takes the same memory however many leave.
 */
import type { HubEvent } from '../../events.ts'

type Left = Extract<HubEvent, { readonly type: 'client-left' }>

/** A client that has left. */
export interface Closed extends Omit<Left, 'type'> {
  /** From 1 on, in the order in which they left. */
  readonly seq: number
  /** When it left, in milliseconds since the Unix epoch. */
  readonly at: number
}

export class ClosedRing {
  readonly #most: number
  readonly #entries: Closed[] = []
  #count = 0

  constructor(most: number) {
    this.#most = most
  }

  /** How many have left since the watch began. */
  get count(): number {
    return this.#count
  }

  add({ type: _, ...left }: Left, at: number): void {
    this.#entries[this.#count % this.#most] = { seq: ++this.#count, at, ...left }
  }

  /** The newest first, those that `wanted` says, at most so many. */
  newest(most: number, wanted: (closed: Closed) => boolean = () => true): Closed[] {
    const found: Closed[] = []
    const kept = Math.min(this.#count, this.#most)
    for (let back = 1; back <= kept && found.length < most; back++) {
      const closed = this.#entries[(this.#count - back) % this.#most]!
      if (wanted(closed)) found.push(closed)
    }
    return found
  }
}
