/**
 * The clients of one behaviour, and what was counted of them. Plain numbers on the way, millions a second; figures.ts makes
 * figures of them.
 */
import type { Behaviour } from './behaviour.ts'
import type { Client } from './client.ts'
import { Delays } from './delays.ts'

/** What somebody asks for: so many clients that behave like this. */
export interface PopulationPlan {
  readonly name: string
  readonly behaviour: string
  readonly count: number
  /** Of its behaviour: milliseconds, bytes, numbers and words. */
  readonly params: Readonly<Record<string, number | string>>
}

export class Population {
  readonly plan: PopulationPlan
  readonly behaviour: Behaviour
  readonly clients: Client[] = []
  /** Since the beginning: messages read to their end, and bytes behind the handshake. */
  messages = 0
  bytes = 0
  pongs = 0
  gaps = 0
  missed = 0
  repeats = 0
  reconnects = 0
  /** From the request to its answer. */
  readonly handshake = new Delays()
  /** From publishing to having read, of all messages that count. */
  readonly latency = new Delays()
  /** The least of them: below zero, the clocks of both sides are apart. */
  leastLatency = Number.POSITIVE_INFINITY
  /** The same since the last look. */
  recent = new Delays()
  /** Of each client's newest message, once a second. */
  readonly age = new Delays()
  /** The same at the last look. */
  recentAge = new Delays()
  /** How connections ended that the server ended: by close code, 1006 where none came. */
  readonly closes = new Map<number, number>()
  /** Answers to the handshake that were no upgrade, by HTTP status. */
  readonly refusals = new Map<number, number>()
  readonly errors = new Map<string, number>()

  /** What was read while figures counted. */
  readMessages = 0
  readBytes = 0
  /** How many were still connected when all were looked at, closed by the server, closed for being slow. */
  connected = 0
  closed = 0
  evicted = 0

  constructor(plan: PopulationPlan, behaviour: Behaviour) {
    this.plan = plan
    this.behaviour = behaviour
  }

  /** Figures count from here. */
  begin(): void {
    this.readMessages = -this.messages
    this.readBytes = -this.bytes
    this.recent = new Delays()
  }

  /** To here. */
  end(): void {
    this.readMessages += this.messages
    this.readBytes += this.bytes
  }

  /** What has become of its clients, now that each has been looked at. */
  judge(): void {
    this.connected = this.having(({ connected }) => connected)
    this.closed = this.having(({ wasClosed }) => wasClosed)
    this.evicted = this.having(({ wasEvicted }) => wasEvicted)
  }

  /** How many of its clients are like this. */
  having(what: (client: Client) => boolean): number {
    let n = 0
    for (const client of this.clients) if (what(client)) n++
    return n
  }
}

export function count<K>(counts: Map<K, number>, key: K): void {
  counts.set(key, (counts.get(key) ?? 0) + 1)
}

export function sum(counts: ReadonlyMap<unknown, number>): number {
  return [...counts.values()].reduce((total, n) => total + n, 0)
}
