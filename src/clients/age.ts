/**
 * The age of a client, where connections have one (`maxConnectionAgeMs`). Looked at once a second.
 *
 *     there ──old enough──▶ waiting ──nothing queued, or a tenth of the age later──▶ sent no more ──everything taken──▶ told to come back
 *
 * One that is always behind is sent no more after that tenth, and may resume; but never one that holds the gate: its feed has promised
 * it everything.
 */
import type { Ending } from '../feed.ts'
import { CLOSE } from '../protocol.ts'
import type { Client, ClientHost } from './client.ts'

/** The share of its age by which a client goes earlier or later, and by which it may stay longer for what it is owed. */
const JITTER = 1 / 10
const RETIRED: Ending = { code: CLOSE.restart, reason: 'the connection has reached its age; retry=1s' }

export class Age {
  readonly #host: ClientHost
  /** When it is old enough to go. */
  readonly #retiresAt: number
  /** When it has to go, though it has not taken everything; undefined until it is sent no more. */
  #retiresBy: number | undefined

  constructor(host: ClientHost, now: number) {
    this.#host = host
    this.#retiresAt = now + host.maxConnectionAgeMs * (1 + JITTER * (2 * Math.random() - 1))
  }

  look(client: Client, now: number): void {
    if (now < this.#retiresAt) return
    const { reader } = client
    const { maxConnectionAgeMs, evictGraceMs, stallTimeoutMs } = this.#host
    if (this.#retiresBy === undefined) {
      if (client.leaving) return // its feed has ended, or it is closed
      // What a live one has not been sent yet waits for us, and from a source that is always ready there is some whenever we look.
      if (reader.state === 'live' && !client.allWritten) reader.feed.flush()
      const tenth = maxConnectionAgeMs * JITTER
      const waits = reader.gating || now - this.#retiresAt < tenth
      if (waits && !client.allWritten && reader.state !== 'sampled') return
      reader.feed.readers.close(reader)
      this.#retiresBy = now + Math.max(tenth, evictGraceMs)
      client.finishWith(RETIRED)
    }
    // No limit applies to it any more. One that held the gate takes what it was sent for as long as it is not stalled.
    const borne = reader.gating && client.silentMs(now) < stallTimeoutMs
    if (now >= this.#retiresBy && !borne) client.close(RETIRED.code, RETIRED.reason)
  }
}
