/** A client on a slow link: a token bucket over what it reads. */
import type { Socket } from 'node:net'
import type { Manner } from './client.ts'

/** What it reads at once: small, so that a read takes little more than it may. */
const STEP = Buffer.allocUnsafe(512)
/** The same while it may read all it can. What it reads too much at a change of pace, it makes up for. */
const STRIDE = Buffer.allocUnsafe(8 * 1024)
const TICK_MS = 10

/** It holds 50 ms at the most: a link does not save up what was not sent. */
export class Pace implements Manner {
  socket: Socket | undefined
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #tokens = Number.POSITIVE_INFINITY

  readonly buffer = () => (this.#tokens === Number.POSITIVE_INFINITY ? STRIDE : STEP)

  readonly read = (length: number): boolean => {
    this.#tokens -= length
    return this.#tokens > 0
  }

  set(bytesPerSecond: number | null): void {
    this.#bytesPerSecond = bytesPerSecond ?? Number.POSITIVE_INFINITY
    this.#tokens = bytesPerSecond === null ? Number.POSITIVE_INFINITY : 0
    if (bytesPerSecond === null) this.socket?.resume()
    else this.socket?.pause()
  }

  tick(ms: number): void {
    if (this.#tokens === Number.POSITIVE_INFINITY) return
    this.#tokens = Math.min(this.#tokens + (this.#bytesPerSecond * ms) / 1_000, this.#bytesPerSecond / 20)
    if (this.#tokens > 0) this.socket?.resume()
  }
}

export function startPaces(paces: readonly Pace[]): void {
  let tickedAt = performance.now()
  setInterval(() => {
    const now = performance.now()
    for (const pace of paces) pace.tick(now - tickedAt)
    tickedAt = now
  }, TICK_MS)
}
