/**
 * A client: one socket, and for now one reader. It carries runs to the socket, knows when the socket has not taken one
 * whole, finds out that the peer is gone, and closes: politely first, then for good.
 *
 *     open ──close()──▶ closing ──close frame answered──▶ gone (clean)
 *                          └──evictGraceMs──▶ terminate ──▶ gone (terminated)
 *
 * Whole frames written straight to the socket interleave correctly with ws's own control frames while per-message deflate
 * is off; nothing may follow a close frame (RFC 6455 §5.5.1), hence the look at `readyState` before each write.
 */
import type { ClientInfo, EvictCause, Notify, Outcome } from '../events.ts'
import type { Feed } from '../feed.ts'
import type { Run } from '../log/segment.ts'
import { CLOSE, closeReason } from '../protocol.ts'
import type { Joining, Reader, Sink } from '../reader.ts'

/** What a client needs of the socket under the WebSocket: Node's net.Socket or tls.TLSSocket. */
export interface Wire {
  readonly bytesRead: number
  readonly writableLength: number
  /** A destroyed socket swallows what is written to it and says nothing: it must not count as taken. */
  readonly destroyed: boolean
  /** The error it failed with, set before it counts as destroyed. */
  readonly errored: Error | null
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean
}

/** What a client needs of the WebSocket on it: ws's `WebSocket`, with `autoPong` off. */
export interface Channel {
  readonly readyState: number
  close(code: number, reason: string): void
  terminate(): void
  ping(): void
  pong(data: Buffer, mask: boolean, done: () => void): void
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown
  on(event: 'ping', listener: (data: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What all clients of a hub share. */
export interface ClientHost {
  readonly evictGraceMs: number
  readonly notify: Notify
  /** The client's socket is gone. */
  gone(client: Client): void
}

const OPEN = 1
const NOTHING = new Uint8Array(0)

export class Client implements Sink {
  readonly info: ClientInfo
  readonly reader: Reader

  readonly #host: ClientHost
  readonly #wire: Wire
  readonly #channel: Channel
  #closing: { readonly code: number; readonly reason: string } | undefined
  #grace: NodeJS.Timeout | undefined
  #terminated = false
  #bytesRead: number
  #aliveAt = performance.now()
  /** When the outstanding ping was sent; 0 if none is. */
  #pingAt = 0
  #ponging = false
  #lastPing: Buffer | undefined

  constructor(host: ClientHost, wire: Wire, channel: Channel, info: ClientInfo, feed: Feed, joining: Joining) {
    this.info = info
    this.#host = host
    this.#wire = wire
    this.#channel = channel
    this.#bytesRead = wire.bytesRead
    channel.on('close', (code, reason) => this.#closed(code, reason))
    channel.on('error', () => {}) // always followed by 'close', which tells the code
    channel.on('ping', data => this.#answer(data))
    this.reader = feed.join(this, joining)
  }

  /** Bytes in user space that the kernel has not taken: what `bufferedAmount` shows. */
  get bufferedBytes(): number {
    return this.#wire.writableLength
  }

  /** Whether it has everything there is, and the socket too. */
  get served(): boolean {
    const { cursor, feed } = this.reader
    return cursor.inFlight === undefined && cursor.at.count >= feed.log.count
  }

  write(reader: Reader, run: Run): void {
    if (this.#channel.readyState !== OPEN || this.#wire.destroyed) {
      reader.feed.close(reader)
      return
    }
    this.#wire.write(run.bytes)
    if (this.#wire.errored !== null) {
      reader.feed.close(reader)
      return
    }
    reader.cursor.at = run.to
    if (this.#wire.writableLength > 0) this.#hold(reader, run)
  }

  /** Closes for being slow: the close frame stands behind what is in flight, so a stuck client is terminated after the grace. */
  evict(reader: Reader, cause: EvictCause, detail: string): void {
    if (this.#closing !== undefined) return
    const code = cause === 'stall' ? CLOSE.stalled : CLOSE.tooSlow
    const event = { client: this.info, feed: reader.feed.name, cause, detail }
    this.close(code, `${cause === 'stall' ? 'stalled' : 'too slow'}: ${detail}`)
    this.#host.notify({ type: 'client-evicted', ...event, account: reader.account() })
    if (cause === 'pinned') this.#terminate()
  }

  finish(reader: Reader): void {
    const { code, reason } = reader.feed.ending ?? { code: CLOSE.ended, reason: 'feed ended' }
    this.close(code, reason)
  }

  /** Sends a close frame and nothing after it; the socket is ended when it is answered, or after the grace. */
  close(code: number, reason: string): void {
    if (this.#closing !== undefined) return
    this.#closing = { code, reason: closeReason(reason) }
    this.#channel.close(code, this.#closing.reason)
    this.#giveGrace()
  }

  /** Ends the socket at once. */
  terminate(): void {
    this.close(CLOSE.restart, 'stopped')
    this.#terminate()
  }

  /**
   * Once a second: a peer that has begun to close gets the grace to finish, or one that sends FIN and reads no more would
   * stay for ever. With a timeout, one that shows no sign of life is pinged, and evicted when the ping stays unanswered for
   * `stallTimeoutMs`. Any inbound byte and any progress of a stuck socket is a sign of life, not only the pong: a pong
   * behind megabytes is minutes late.
   */
  sweep(stallTimeoutMs: number, now: number): void {
    const { bytesRead } = this.#wire
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead
      this.#aliveAt = now
      this.#pingAt = 0
    }
    if (this.#channel.readyState !== OPEN) {
      if (this.#grace === undefined) this.#giveGrace()
      return
    }
    if (stallTimeoutMs === 0) return
    const silentMs = now - Math.max(this.#aliveAt, this.reader.progressedAt)
    if (this.#pingAt === 0) {
      if (silentMs < stallTimeoutMs / 3) return
      this.#pingAt = now
      this.#channel.ping()
    } else if (silentMs > stallTimeoutMs && now - this.#pingAt > stallTimeoutMs) {
      this.reader.feed.evict(this.reader, 'stall', `no sign of life for ${Math.round(silentMs)} ms`)
    }
  }

  /** The socket did not take it all. A zero-length write behind it tells when it has; it also fails when the socket is destroyed. */
  #hold(reader: Reader, run: Run): void {
    reader.feed.blocked(reader, run)
    this.#wire.write(NOTHING, error => reader.feed.unblocked(reader, !error, performance.now()))
  }

  /**
   * One pong at a time, and after it one for the last ping that came meanwhile, as RFC 6455 §5.5.3 allows: a client that pings
   * and does not read must not grow our memory.
   */
  #answer(data: Buffer): void {
    if (this.#ponging) {
      this.#lastPing = Buffer.from(data)
      return
    }
    if (this.#channel.readyState !== OPEN) return
    this.#ponging = true
    this.#channel.pong(data, false, () => {
      this.#ponging = false
      const last = this.#lastPing
      this.#lastPing = undefined
      if (last !== undefined) this.#answer(last)
    })
  }

  #giveGrace(): void {
    this.reader.feed.close(this.reader)
    this.#grace = setTimeout(() => this.#terminate(), this.#host.evictGraceMs)
    this.#grace.unref()
  }

  #terminate(): void {
    this.#terminated = true
    this.#channel.terminate()
  }

  #closed(code: number, reason: Buffer): void {
    clearTimeout(this.#grace)
    const { reader } = this
    const outcome: Outcome = code === 1006 || this.#terminated ? 'terminated' : 'clean'
    const told = this.#closing ?? { code, reason: reason.toString() }
    reader.feed.leave(reader)
    this.#host.gone(this)
    this.#host.notify({
      type: 'client-left',
      client: this.info,
      feed: reader.feed.name,
      code: told.code,
      reason: told.reason,
      outcome,
      account: reader.account(true),
    })
  }
}
