/**
 * Where the buffers of a log come from and go back to, and what unfinished writes keep from going back. Owned by a log.
 *
 * What must stay true:
 * - A buffer returns to the pool only when it is trimmed and nobody pins it: Node may still read from it.
 * - What is pinned beyond the log is counted. Past the allowance runs are copies, so that a stuck write costs one slice and not one
 *   segment.
 */
import { type Block, Segment } from './segment.ts'
import { POOL_SEGMENTS } from './sizes.ts'

export class Pool {
  readonly #segmentBytes: number
  readonly #allowance: number
  readonly #buffers: Buffer[] = []
  #pinned = 0

  constructor(segmentBytes: number, allowance: number) {
    this.#segmentBytes = segmentBytes
    this.#allowance = allowance
  }

  /** Memory outside the log, kept only because unfinished writes refer to it, in bytes. */
  get pinned(): number {
    return this.#pinned
  }

  /** Whether the allowance is used up: what is written from now on must not refer to segments. */
  get exhausted(): boolean {
    return this.#pinned > this.#allowance
  }

  /** A buffer for a segment; a message larger than one gets a buffer of its own. */
  take(bytes: number): Buffer {
    return (
      (bytes <= this.#segmentBytes && this.#buffers.pop()) ||
      Buffer.allocUnsafeSlow(Math.max(bytes, this.#segmentBytes))
    )
  }

  /** The log has trimmed this segment. */
  retire(segment: Segment): void {
    segment.detached = true
    if (segment.pins > 0) this.#pinned += segment.size
    else this.#recycle(segment)
  }

  /** An unfinished write refers to this block from now on. */
  pin(block: Block): void {
    if (block.pins++ === 0 && block.detached) this.#pinned += block.size
  }

  /** The write is over. */
  unpin(block: Block): void {
    if (--block.pins > 0 || !block.detached) return
    this.#pinned -= block.size
    if (block instanceof Segment) this.#recycle(block)
  }

  #recycle(segment: Segment): void {
    if (segment.size === this.#segmentBytes && this.#buffers.length < POOL_SEGMENTS) this.#buffers.push(segment.buffer)
  }
}
