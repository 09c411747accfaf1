/** What the windows of all clients share: the terms they go by, the pings and bytes they have in common, and those that never answer. */
import type { Feed } from '../feed.ts'
import { POLICIES } from '../log/overflow.ts'
import type { HubSettings } from '../options.ts'
import type { Reader } from '../reader.ts'
import { Budget } from './budget.ts'
import type { Client } from './client.ts'
import { Pings } from './pings.ts'
import { UNANSWERED_MS, Unconfirmed } from './unconfirmed.ts'
import { Window, type WindowTerms } from './window.ts'

/**
 * Of a reader that may hold the gate, so much of the low mark goes unasked at the most: the gate opens at the low mark, so what nobody
 * asked about must be less.
 */
const GATE_SHARE = 1 / 2
/** Newcomers that may be written to like everybody: so many take a millisecond. */
const CROWD = 64

export class Windows {
  readonly pings: Pings
  readonly unconfirmed: Unconfirmed

  readonly #settings: HubSettings
  readonly #budget: Budget
  /** What most windows go by, and by feed what those do whose reader may hold the gate: shared, or each client would pay for its own. */
  readonly #terms: WindowTerms
  readonly #gated = new WeakMap<Feed, WindowTerms>()

  constructor(settings: HubSettings) {
    const { maxInFlightBytes, maxClients, minWindowBytes, maxWindowBytes, tailPingMs, targetDelayMs } = settings
    this.#settings = settings
    const askWithinBytes = Number.POSITIVE_INFINITY
    this.#terms = { targetDelayMs, minBytes: minWindowBytes, maxBytes: maxWindowBytes, askWithinBytes }
    this.pings = new Pings(tailPingMs)
    const beyond = maxInFlightBytes === 0 ? Number.POSITIVE_INFINITY : maxInFlightBytes - maxClients * minWindowBytes
    this.#budget = new Budget(beyond)
    this.unconfirmed = new Unconfirmed(beyond)
  }

  /** Whether so many have not answered yet that writing each message to all of them would be felt by the others. */
  get crowded(): boolean {
    return this.pings.newcomers > CROWD
  }

  open(client: Client, { overflow, feed, cursor }: Reader): Window {
    const terms = POLICIES[overflow].gates ? this.#gateTerms(feed) : this.#terms
    return new Window(client, cursor, terms, this.#budget, this.pings, performance.now())
  }

  /** Once a second: a client that has not answered its first ping for long counts as one that never answers. */
  giveUpIfSilent(client: Client, now: number): void {
    const { window } = client
    if (window?.state !== 'starting' || window.askedSince === undefined) return
    const { stallTimeoutMs } = this.#settings
    const patience = stallTimeoutMs === 0 ? UNANSWERED_MS : Math.min(UNANSWERED_MS, stallTimeoutMs / 2)
    if (now - window.askedSince > patience) this.#giveUp(client)
  }

  close(client: Client): void {
    client.window?.close()
    this.unconfirmed.remove(client)
  }

  /** Every 50 ms. */
  turn(now: number): void {
    this.pings.look(now)
    this.unconfirmed.turn(now)
  }

  /** Once a second: windows that are not needed decay, and where the budget is tight the biggest are cut. */
  sweep(clients: Iterable<Client>, now: number): void {
    this.#budget.sweep(biggest(clients))
    const { tight } = this.#budget
    let streaming = 0
    for (const { window } of clients) if (window?.sweep(now, tight)) streaming++
    this.pings.share(streaming)
  }

  #gateTerms(feed: Feed): WindowTerms {
    const known = this.#gated.get(feed)
    if (known !== undefined) return known
    const terms: WindowTerms = {
      ...this.#terms,
      // Asked each time, because the low mark of a feed may change.
      get askWithinBytes() {
        return feed.settings.lowBytes * GATE_SHARE
      },
    }
    this.#gated.set(feed, terms)
    return terms
  }

  #giveUp(client: Client): void {
    client.window!.giveUp()
    client.reader.held = true // by us, until it has been tried
    client.reader.feed.readers.letGo(client.reader)
    this.unconfirmed.add(client)
    client.goOn()
  }
}

function biggest(clients: Iterable<Client>): number {
  let most = 0
  for (const { window } of clients) {
    if (window !== undefined && window.state !== 'unconfirmed' && window.limit > most) most = window.limit
  }
  return most
}
