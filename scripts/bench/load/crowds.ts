/** Clients that come and go: one after the other as fast as it goes, or all at once. */
import { wallClock } from '../../swarm/clock.ts'
import { Delays } from '../../swarm/delays.ts'
import { type ClientPlan, FAST, LoadClient } from './client.ts'

const LEAVE_MS = 5_000

export class Visits {
  /** Clients that came, got a message, and left. */
  done = 0
  failed = 0
  /** From connecting to having a message. */
  delays = new Delays()

  forget(): void {
    this.done = 0
    this.failed = 0
    this.delays = new Delays()
  }

  /** So many clients at a time, without end. */
  start(plan: ClientPlan, lanes: number): void {
    for (let i = 0; i < lanes; i++) void this.#lane(plan)
  }

  async #lane(plan: ClientPlan): Promise<void> {
    for (;;) {
      try {
        await this.#visit(plan)
        this.done++
      } catch {
        this.failed++
        await new Promise(resolve => setTimeout(resolve, 100)) // not a loop that takes the whole core
      }
    }
  }

  async #visit(plan: ClientPlan): Promise<void> {
    const started = performance.now()
    let heard = () => {}
    const message = new Promise<void>(resolve => {
      heard = resolve
    })
    const client = await LoadClient.join({ ...plan, timed: true, heard: () => heard() }, FAST)
    await message
    this.delays.add(performance.now() - started)
    await client.leave(LEAVE_MS)
  }
}

/** How far those are who came at once. */
export interface Returned {
  readonly clients: number
  readonly joined: number
  /** Have read a message that was published after they had set out. */
  readonly caughtUp: number
  /** Were turned away or given up on; nobody tries a second time. */
  readonly refused: number
  /** From setting out until the last of them had joined, and caught up; null as long as somebody has not. */
  readonly joinedMs: number | null
  readonly caughtUpMs: number | null
  /** Messages they have read. */
  readonly messages: number
}

/** All set out in the same moment; the kernel's queue and the server decide who waits. */
export class Return {
  readonly #plan: ClientPlan
  readonly #clients: number
  readonly #started = performance.now()
  #joined = 0
  #caughtUp = 0
  #refused = 0
  #joinedMs = 0
  #caughtUpMs = 0

  constructor(plan: ClientPlan, clients: number) {
    this.#plan = plan
    this.#clients = clients
    for (let i = 0; i < clients; i++) this.#come().catch(() => this.#refused++)
  }

  get state(): Returned {
    return {
      clients: this.#clients,
      joined: this.#joined,
      caughtUp: this.#caughtUp,
      refused: this.#refused,
      joinedMs: this.#joined === this.#clients ? this.#joinedMs : null,
      caughtUpMs: this.#caughtUp === this.#clients ? this.#caughtUpMs : null,
      messages: this.#plan.tally.messages,
    }
  }

  async #come(): Promise<void> {
    const setOut = wallClock() * 1_000
    let waiting = true
    const heard = (micros: number) => {
      if (!waiting || micros < setOut) return
      waiting = false
      this.#caughtUp++
      this.#caughtUpMs = performance.now() - this.#started
    }
    await LoadClient.join({ ...this.#plan, timed: true, heard }, FAST)
    this.#joined++
    this.#joinedMs = performance.now() - this.#started
  }
}
