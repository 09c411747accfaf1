/** What all clients of a swarm share: where they go, what they may expect there, chance, and time. */
import type { MessageFormat } from './format.ts'
import type { Pacer } from './pace.ts'
import type { Target } from './socket.ts'

export interface Grounds {
  readonly target: Target
  readonly format: MessageFormat
  readonly pacer: Pacer
  /** From 0 to 1, by the seed. */
  readonly random: () => number
  /** Calls back so many milliseconds after now, or after the end of the ramp where that is later; not when the swarm has ended. */
  readonly later: (ms: number, then: () => void) => void
}

/** What is to happen later: in the ramp it waits for its end, so that what is to happen to all at once does. */
export class Later {
  readonly #timers = new Set<NodeJS.Timeout>()
  #waiting: (() => void)[] = []
  #state: 'ramp' | 'after' | 'ended' = 'ramp'

  add(ms: number, then: () => void): void {
    if (this.#state === 'ended') return
    if (this.#state === 'ramp') {
      this.#waiting.push(() => this.add(ms, then))
      return
    }
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      then()
    }, ms)
    this.#timers.add(timer)
  }

  ramped(): void {
    this.#state = 'after'
    for (const start of this.#waiting) start()
    this.#waiting = []
  }

  stop(): void {
    this.#state = 'ended'
    for (const timer of this.#timers) clearTimeout(timer)
  }
}
