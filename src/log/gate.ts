/**
 * The gate: the slowest confirmed cursor among those a `pause` feed waits for. Pure; asked by `feed`.
 *
 * Asking must not cost a look at every holder, so the answer is cached (as the LMAX Disruptor caches its gating sequence):
 * cursors only move forward, so an old answer is never too high, and holders are looked at again only when the old answer
 * would stop the source. The look begins where the last one ended and stops at the first holder that is still at the cached
 * place; so a holder that stays behind costs one look however often one asks, and a thousand that leave a place one by one
 * cost a look or two each, not a thousand. (A full round it is for each step of the slowest where no two are at one place.)
 */
import type { Position } from './position.ts'

/** What can hold a gate: anything with a place up to which everything has been taken. */
export interface Holder {
  readonly confirmed: Position
}

export class Gate<H extends Holder> {
  readonly #holders: H[] = []
  #slowest: H | undefined
  #place: Position | undefined
  #next = 0

  /** The holder that was the slowest when last looked. */
  get slowest(): H | undefined {
    return this.#slowest
  }

  /** Messages before the gate, at least; Infinity if nobody holds it. */
  get count(): number {
    return this.#place?.count ?? Number.POSITIVE_INFINITY
  }

  hold(holder: H): void {
    this.#holders.push(holder)
    if (this.#place === undefined || holder.confirmed.bytes < this.#place.bytes) this.#cache(holder)
  }

  release(holder: H): void {
    const index = this.#holders.indexOf(holder)
    if (index < 0) return
    this.#holders[index] = this.#holders[this.#holders.length - 1]!
    this.#holders.pop()
    if (holder === this.#slowest) this.look()
  }

  /** Bytes from the gate to the head (given in bytes since the beginning); looks at the holders only if the cached answer is more than `enough`. */
  distance(head: number, enough: number): number {
    if (this.#place === undefined) return 0
    if (head - this.#place.bytes > enough) this.look()
    return head - this.#place.bytes
  }

  /** Finds the slowest holder anew. */
  look(): void {
    const holders = this.#holders
    const known = this.#place?.bytes ?? 0
    let slowest: H | undefined
    for (let n = 0; n < holders.length; n++) {
      const holder = holders[this.#next % holders.length]!
      if (slowest === undefined || holder.confirmed.bytes < slowest.confirmed.bytes) slowest = holder
      if (holder.confirmed.bytes <= known) break
      this.#next = (this.#next + 1) % holders.length
    }
    this.#cache(slowest)
  }

  #cache(holder: H | undefined): void {
    this.#slowest = holder
    this.#place = holder?.confirmed
  }
}
