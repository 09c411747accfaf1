/** How clients left, counted as they go: by whom, with which code, and whether the close was answered. Read at scrape. */
import type { HubEvent, Initiator, Outcome } from '../events.ts'
import { CLOSE } from '../protocol.ts'

/**
 * The codes that are told one by one; what else there is counts as `other`. 1001: the page was left; 1005: a close without a code;
 * 1006: no close at all, or, from a client, bytes that are no WebSocket.
 */
export const CLOSE_CODES: Readonly<Record<Initiator, readonly number[]>> = {
  hub: [CLOSE.ended, CLOSE.restart, CLOSE.tooSlow, CLOSE.stalled, CLOSE.internal],
  client: [1000, 1001, 1005, 1006],
  network: [1006],
}

export class Closes {
  readonly outcomes: Record<Outcome, number> = { clean: 0, terminated: 0 }
  readonly #codes: Readonly<Record<Initiator, Map<number, number>>> = {
    hub: new Map(),
    client: new Map(),
    network: new Map(),
  }

  add({ code, initiator, outcome }: Extract<HubEvent, { readonly type: 'client-left' }>): void {
    this.outcomes[outcome]++
    const codes = this.#codes[initiator]
    const known = CLOSE_CODES[initiator].includes(code) ? code : 0
    codes.set(known, (codes.get(known) ?? 0) + 1)
  }

  /** How often it was this code; without one, how often any that is not told by itself. */
  count(initiator: Initiator, code = 0): number {
    return this.#codes[initiator].get(code) ?? 0
  }
}
