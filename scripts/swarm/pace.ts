/**
 * Reading at a rate: a token bucket in front of a socket, refilled on one timer for all. A paced client stops reading when its
 * tokens are gone, so that the kernel's buffers fill and the server sees a slow link.
 */

const TICK_MS = 10
/** What it reads at once: a fiftieth of a second's worth, so that a read takes little more than it may. */
const READS_PER_SECOND = 50
const LEAST_READ = 256
const MOST_READ = 64 * 1024
/** The bucket holds 50 ms at the most: a link does not save up what was not sent. */
const HELD_SECONDS = 0.05

export class Pace {
  /** Every read goes in here, so that it takes no more. */
  readonly buffer: Buffer
  readonly #bytesPerSecond: number
  readonly #goOn: () => void
  #tokens: number

  constructor(bytesPerSecond: number, goOn: () => void) {
    this.#bytesPerSecond = bytesPerSecond
    this.#goOn = goOn
    this.#tokens = bytesPerSecond * HELD_SECONDS
    const most = Math.floor(bytesPerSecond / READS_PER_SECOND)
    this.buffer = Buffer.allocUnsafe(Math.min(Math.max(most, LEAST_READ), MOST_READ))
  }

  /** So much was read; returns whether there is something left to read with. */
  spend(bytes: number): boolean {
    this.#tokens -= bytes
    return this.#tokens > 0
  }

  refill(ms: number): void {
    const empty = this.#tokens <= 0
    this.#tokens = Math.min(this.#tokens + (this.#bytesPerSecond * ms) / 1_000, this.#bytesPerSecond * HELD_SECONDS)
    if (empty && this.#tokens > 0) this.#goOn()
  }
}

/** The timer. It runs only while somebody is paced. */
export class Pacer {
  readonly #paces = new Set<Pace>()
  #timer: NodeJS.Timeout | undefined
  #last = 0

  add(pace: Pace): void {
    this.#paces.add(pace)
    if (this.#timer !== undefined) return
    this.#last = performance.now()
    this.#timer = setInterval(() => this.#tick(), TICK_MS)
  }

  delete(pace: Pace): void {
    this.#paces.delete(pace)
    if (this.#paces.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tick(): void {
    const now = performance.now()
    for (const pace of this.#paces) pace.refill(now - this.#last)
    this.#last = now
  }
}
