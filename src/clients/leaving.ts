/**
 * How a client leaves: politely first, then for good; and what is told of it then. Made when it begins: most clients stay.
 *
 *     open ──ending──▶ finishing ──everything taken──▶ ┐
 *       └──────────────────close()───────────────────▶ closing ──close frame answered──▶ gone (clean)
 *                                                         └──evictGraceMs──▶ terminate ──▶ gone (terminated)
 */
import type { EvictCause, Initiator, Outcome } from '../events.ts'
import type { Ending } from '../feed.ts'
import { closeReason } from '../protocol.ts'
import type { Channel } from './wire.ts'

/** How a client left, as far as its socket tells. */
export interface Left extends Ending {
  readonly outcome: Outcome
  readonly initiator: Initiator
  readonly cause: EvictCause | undefined
}

export class Leaving {
  /** With what it is closed once it has taken everything. */
  ending: Ending | undefined
  /** For what it is evicted. */
  cause: EvictCause | undefined

  readonly #channel: Channel
  readonly #graceMs: number
  #closing: Ending | undefined
  #grace: NodeJS.Timeout | undefined
  #terminated = false
  #broke = false

  constructor(channel: Channel, graceMs: number) {
    this.#channel = channel
    this.#graceMs = graceMs
  }

  /** Whether the hub has sent a close frame. */
  get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Sends a close frame; the socket is ended when it is answered, or after the grace. */
  close(code: number, reason: string): void {
    this.#closing = { code, reason: closeReason(reason) }
    this.#channel.close(code, this.#closing.reason)
    this.giveGrace()
  }

  /** Somebody has begun to close: the socket is ended after the grace at the latest. */
  giveGrace(): void {
    this.#grace ??= setTimeout(() => this.terminate(), this.#graceMs).unref()
  }

  /** Ends the socket at once. */
  terminate(): void {
    this.#terminated = true
    this.#channel.terminate()
  }

  /** Always followed by the socket's close, with 1006 even where the connection was not lost but the client sent what is no WebSocket. */
  failed(error: Error): void {
    this.#broke = (error as NodeJS.ErrnoException).code?.startsWith('WS_ERR_') === true
  }

  /** The socket is gone, and this is what its WebSocket says about it. */
  gone(code: number, reason: Buffer): Left {
    clearTimeout(this.#grace)
    const initiator = this.closing ? 'hub' : code === 1006 && !this.#broke ? 'network' : 'client'
    return {
      ...(this.#closing ?? { code, reason: reason.toString() }),
      outcome: code === 1006 || this.#terminated ? 'terminated' : 'clean',
      initiator,
      cause: this.cause,
    }
  }
}
