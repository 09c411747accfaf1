/**
 * Clients that never answer a ping. They break RFC 6455 §5.5.2 and harm nobody: they are not evicted for it, shown as what they
 * are, and limited. Nothing tells a client that reads and keeps quiet from one that does not read at all, until more is written to
 * it than kernels hold. So they are tried, one after the other, out of one allowance for all of them:
 *
 *     waiting ──its turn──▶ tried ──more than kernels hold is gone──▶ drains: its socket is all that limits, and the next is tried
 *                             └─ its socket takes no more ──▶ it does not read: what it was given stays with it, and the next is tried
 *                                                             if there is enough left
 *
 * Turned by the wheel.
 */
import type { Client } from './client.ts'

/** How long the first ping may go unanswered until a client counts as one that never answers. */
export const UNANSWERED_MS = 5_000
/** More than the kernels of both sides hold by default for a connection: 4 MiB to send and 6 MiB to receive at the most, on loopback 4 MB together. */
const KERNEL_BYTES = 6 * 1024 * 1024
/** What is given to all of them beyond their windows, in bytes: two that do not read leave too little for a third. */
const ALLOWANCE_BYTES = 2 * KERNEL_BYTES
/** And of the budget over all clients at the most so much. */
const SHARE = 1 / 4
/** Given at once, and how often: no faster than a page that is only slow to answer could bear. */
const STEP_BYTES = 64 * 1024
const STEP_MS = 200

export class Unconfirmed {
  /** What each of them was given. */
  readonly #given = new Map<Client, number>()
  #left: number
  #tried: Client | undefined
  #steppedAt = 0

  /** `budget` is what may be granted to all clients. */
  constructor(budget: number) {
    this.#left = Math.min(ALLOWANCE_BYTES, budget * SHARE)
  }

  get size(): number {
    return this.#given.size
  }

  add(client: Client): void {
    this.#given.set(client, 0)
  }

  /** It has answered after all, or is gone. */
  remove(client: Client): void {
    this.#left += this.#given.get(client) ?? 0
    this.#given.delete(client)
    if (this.#tried === client) this.#tried = undefined
  }

  /** On each turn of the wheel: the one that is tried gets a step, if it waits for one. */
  turn(now: number): void {
    for (const client of this.#given.keys()) if (!client.unconfirmed) this.remove(client)
    if (this.#tried?.reader.state !== 'full') this.#tried = this.#next()
    if (this.#tried === undefined || now - this.#steppedAt < STEP_MS) return
    this.#steppedAt = now
    const given = this.#given.get(this.#tried) ?? 0
    // Full with so much given: its socket has taken more than it and the kernels on the way can hold.
    if (given < KERNEL_BYTES) this.#give(this.#tried, this.#tried.extend(STEP_BYTES, now))
    else {
      this.#give(this.#tried, -given)
      this.#tried.extend(Number.POSITIVE_INFINITY, now)
      this.#tried = undefined
    }
  }

  /** The one that has waited longest, if there is enough left to try it. */
  #next(): Client | undefined {
    for (const [client, given] of this.#given) {
      if (client.reader.state === 'full' && this.#left + given >= KERNEL_BYTES) return client
    }
    return undefined
  }

  #give(client: Client, bytes: number): void {
    this.#left -= bytes
    this.#given.set(client, this.#given.get(client)! + bytes)
  }
}
