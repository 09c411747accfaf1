/**
 * A client: one socket, and for now one reader. It carries runs to the socket as far as its window goes, asks by pings what was
 * taken, knows when the socket has not taken a run whole, finds out that the peer is gone, and closes: politely first, then for good.
 *
 *     open ──finish()──▶ finishing ──everything taken──▶ ┐
 *       └──────────────────close()────────────────────▶ closing ──close frame answered──▶ gone (clean)
 *                                                          └──evictGraceMs──▶ terminate ──▶ gone (terminated)
 *
 * Whole frames written straight to the socket interleave correctly with ws's own control frames while per-message deflate
 * is off; nothing may follow a close frame (RFC 6455 §5.5.1), hence the look at `readyState` before each write.
 *
 * Longer than 250 lines: what writes, what asks and what closes share the socket's state.
 */
import type { ClientInfo, EvictCause, Initiator, Notify, Outcome } from '../events.ts'
import type { Ending, Feed } from '../feed.ts'
import type { Witness } from '../log/cursor.ts'
import type { Run } from '../log/segment.ts'
import { CLOSE, closeReason } from '../protocol.ts'
import type { Joining, Reader, Sink } from '../reader.ts'
import { figuresOf } from './figures.ts'
import { UNANSWERED_MS } from './unconfirmed.ts'
import type { Asker, Window } from './window.ts'
import type { Windows } from './windows.ts'

/** What a client needs of the socket under the WebSocket: Node's net.Socket or tls.TLSSocket. */
export interface Wire {
  readonly bytesRead: number
  readonly writableLength: number
  /** A destroyed socket swallows what is written to it and says nothing: it must not count as taken. */
  readonly destroyed: boolean
  /** The error it failed with, set before it counts as destroyed. */
  readonly errored: Error | null
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean
  /** Holds back what is written until `uncork`, and then writes it as one. */
  cork(): void
  uncork(): void
}

/** What a client needs of the WebSocket on it: ws's `WebSocket`, with `autoPong` off. */
export interface Channel {
  readonly readyState: number
  close(code: number, reason: string): void
  terminate(): void
  ping(): void
  pong(data: Buffer, mask: boolean, done: () => void): void
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown
  on(event: 'ping' | 'pong', listener: (data: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** What all clients of a hub share. */
export interface ClientHost {
  readonly evictGraceMs: number
  readonly stallTimeoutMs: number
  /** How long they may stay, about; 0 = for ever. */
  readonly maxConnectionAgeMs: number
  /** What their windows go by; undefined = the window is off, and what a socket took counts as taken. */
  readonly windows: Windows | undefined
  readonly notify: Notify
  /** The client's socket is gone. */
  gone(client: Client): void
}

const OPEN = 1
const NOTHING = new Uint8Array(0)
const PING_HEADER = 0x8908 // FIN and opcode 9, a payload of 8 bytes, no mask (RFC 6455 §5.2)
const PING_BYTES = 10
/** How many stall timeouts a client is borne that never answers, and waits to be tried. */
const DOUBT = 10
/** How soon before the stall timeout ends a silent client is asked whether it is there. */
const ASK_AFTER = 1 / 3
/** The share of its age by which a client goes earlier or later, and by which it may stay longer for what it is owed. */
const JITTER = 1 / 10
const RETIRED: Ending = { code: CLOSE.restart, reason: 'the connection has reached its age; retry=1s' }

export class Client implements Sink, Asker {
  readonly info: ClientInfo
  readonly witness: Witness
  readonly reader: Reader
  /** What may be in flight to it; undefined if the window is off. */
  readonly window: Window | undefined

  readonly #host: ClientHost
  readonly #wire: Wire
  readonly #channel: Channel
  #finishing: Ending | undefined
  #closing: Ending | undefined
  #cause: EvictCause | undefined
  #grace: NodeJS.Timeout | undefined
  #terminated = false
  #broke = false
  #bytesRead: number
  #aliveAt = performance.now()
  #lastPing: Buffer | undefined
  #ponging = false
  /** When the outstanding ping of a client without a window was sent. */
  #pingAt: number | undefined
  /** When it is old enough to go. */
  readonly #retiresAt: number
  /** When it has to go, though it has not taken everything; undefined until it is sent no more. */
  #retiresBy: number | undefined

  constructor(host: ClientHost, wire: Wire, channel: Channel, info: ClientInfo, feed: Feed, joining: Joining) {
    this.info = info
    this.witness = host.windows === undefined ? 'socket' : 'client'
    this.#host = host
    this.#wire = wire
    this.#channel = channel
    this.#bytesRead = wire.bytesRead
    const { maxConnectionAgeMs: age } = host
    this.#retiresAt =
      age === 0 ? Number.POSITIVE_INFINITY : this.#aliveAt + age * (1 + JITTER * (2 * Math.random() - 1))
    channel.on('close', (code, reason) => this.#closed(code, reason))
    // Always followed by 'close', with 1006 even where the connection was not lost but the client sent what is no WebSocket.
    channel.on('error', error => {
      this.#broke = (error as NodeJS.ErrnoException).code?.startsWith('WS_ERR_') === true
    })
    channel.on('ping', data => this.#answer(data))
    this.reader = feed.readers.join(this, joining)
    if (host.windows === undefined) return
    this.window = host.windows.open(this, this.reader)
    this.reader.held = true
    channel.on('pong', data => this.#ponged(data))
    // The first ping goes ahead of everything: it tells the delay of the way, and whether anybody answers.
    this.ask(performance.now())
  }

  /** Bytes in user space that the kernel has not taken: what `bufferedAmount` shows. */
  get bufferedBytes(): number {
    return this.#wire.writableLength
  }

  /** It has never answered a ping, and was asked long ago. */
  get unconfirmed(): boolean {
    return this.window?.state === 'unconfirmed'
  }

  /** Since when its oldest ping has gone unanswered. */
  get askedSince(): number | undefined {
    return this.window?.askedSince ?? this.#pingAt
  }

  /** Whether it has everything that it is to get, as far as can be known. */
  get served(): boolean {
    if (!this.#allWritten) return false
    return this.unconfirmed || this.reader.cursor.inFlightMessages === 0
  }

  /** For how long nothing has come from it, nor its socket got on. */
  silentMs(now: number): number {
    return now - Math.max(this.#aliveAt, this.reader.progressedAt)
  }

  /** For how long it has owed an answer and shown no sign of life, as far as it is held against it: what the stall timeout goes by. */
  stalledMs(now: number): number {
    const { askedSince } = this
    return askedSince === undefined ? 0 : Math.min(this.silentMs(now), now - askedSince) / this.#benefit
  }

  /**
   * How old the data is that it is waiting for, in milliseconds: at least as old as what the oldest unanswered ping stands behind; if
   * none is out, as the oldest that is queued. What was written and not asked about is in flight, but not late.
   */
  dataAgeMs(now: number): number {
    const asked = this.unconfirmed ? undefined : this.window?.outstanding[0]
    if (asked !== undefined && asked.bytes > this.reader.cursor.takenBytes) return now - asked.publishedAt
    return this.reader.queued(now).seconds * 1_000
  }

  write(reader: Reader, run: Run): void {
    const { cursor } = reader
    if (this.window !== undefined && run.to.bytes - cursor.unwrittenBytes >= this.window.edge) {
      this.#measured(reader, run, this.window)
    } else this.#send(reader, run)
  }

  /** Asks what was taken: a ping behind everything that was written. */
  ask(now: number): void {
    const { window, reader } = this
    if (window === undefined || !this.#writable) return
    const frame = Buffer.allocUnsafe(PING_BYTES)
    const ping = window.asked(reader.feed.log.timeAt(reader.cursor.at) ?? now, now)
    frame.writeUInt16BE(PING_HEADER, 0)
    frame.writeInt32BE(ping.counter, 2)
    frame.writeInt32BE(ping.random, 6)
    this.#wire.write(frame)
  }

  /** It has not answered yet, and there is room. */
  goOn(): void {
    this.reader.feed.readers.goOn(this.reader)
  }

  /** Its answer is late. */
  late(): void {
    this.reader.held = false
    this.reader.feed.readers.late(this.reader)
  }

  /** The source waits for it: what is written and not asked about is asked now. */
  hurry(): void {
    if (this.window?.outstanding.length === 0) this.#askAll()
  }

  /** It may be sent so much more, though it never answers. Returns how much more that is, as far as the budget goes. */
  extend(bytes: number, now: number): number {
    const more = this.window!.extend(bytes)
    if (bytes === Number.POSITIVE_INFINITY) this.reader.held = false
    if (more > 0) this.reader.feed.readers.roomFor(this.reader, now)
    return more
  }

  /** Closes for being slow: the close frame stands behind what is in flight, so a stuck client is terminated after the grace. */
  evict(reader: Reader, cause: EvictCause, detail: string): void {
    if (this.#closing !== undefined) return
    const code = cause === 'stall' ? CLOSE.stalled : CLOSE.tooSlow
    const figures = figuresOf(this, reader, cause, this.#host.stallTimeoutMs)
    const event = { client: this.info, feed: reader.feed.name, cause, detail, figures }
    this.#cause = cause
    this.close(code, cause === 'operator' ? detail : `${cause === 'stall' ? 'stalled' : 'too slow'}: ${detail}`)
    this.#host.notify({ type: 'client-evicted', ...event, account: reader.account() })
    if (cause === 'pinned') this.#terminate()
  }

  /**
   * Everything is written, and the feed has ended: closes once everything is taken. A client may need longer for what is in flight
   * than the grace; if it takes none of it, the stall timeout ends it, and without one there is no waiting.
   */
  finish(reader: Reader): void {
    const ending = reader.feed.ending ?? { code: CLOSE.ended, reason: 'feed ended' }
    this.#finishing = ending
    this.#askAll()
    if (this.#host.stallTimeoutMs === 0) this.close(ending.code, ending.reason)
    else this.#closeIfServed()
  }

  /** Sends a close frame and nothing after it; the socket is ended when it is answered, or after the grace. */
  close(code: number, reason: string): void {
    if (this.#closing !== undefined) return
    this.#askAll() // the answer still counts, though the client is closing
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
   * stay for ever. With a timeout, one that shows no sign of life is asked for one, and evicted when its oldest ping stays unanswered
   * for `stallTimeoutMs`. Any inbound byte and any progress of a stuck socket is a sign of life, not only the pong: a pong
   * behind megabytes is minutes late. One that never answers is evicted only when nothing shows either that its socket moves.
   */
  sweep(now: number): void {
    const { stallTimeoutMs } = this.#host
    const { bytesRead } = this.#wire
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead
      this.#aliveAt = now
      this.#pingAt = undefined
    }
    if (this.#channel.readyState !== OPEN) {
      if (this.#grace === undefined) this.#giveGrace()
      return
    }
    this.#tellUnconfirmed(now)
    this.#closeIfServed()
    if (now >= this.#retiresAt) this.#retire(now)
    if (stallTimeoutMs === 0 || this.#closing !== undefined) return
    const silentMs = this.silentMs(now)
    if (this.askedSince === undefined) {
      if (silentMs < stallTimeoutMs * ASK_AFTER) return
      if (this.window !== undefined) this.ask(now)
      else {
        this.#pingAt = now
        this.#channel.ping()
      }
    } else if (this.stalledMs(now) > stallTimeoutMs) {
      this.reader.feed.evict(this.reader, 'stall', `no sign of life for ${Math.round(silentMs)} ms`)
    }
  }

  /**
   * How much longer one is borne that never answers: as long as its socket takes all that it is given, nothing says that it does not
   * read. It may wait only because others are tried before it; but not for ever, or those that do not read would collect.
   */
  get #benefit(): number {
    const { state } = this.reader
    if (!this.unconfirmed || state === 'blocked') return 1
    return state === 'full' ? DOUBT : Number.POSITIVE_INFINITY
  }

  /**
   * It is old enough: as soon as nothing is queued for it, it is sent no more, and told to come back once it has taken what it was
   * sent. One that is always behind is sent no more after a tenth of the age, and may resume; but never one that holds the gate: its
   * feed has promised it everything.
   */
  #retire(now: number): void {
    const { reader } = this
    if (this.#closing !== undefined) return
    if (this.#retiresBy === undefined) {
      if (this.#finishing !== undefined) return // its feed has ended
      // What a live one has not been sent yet waits for us, and from a source that is always ready there is some whenever we look.
      if (reader.state === 'live' && !this.#allWritten) reader.feed.flush()
      const tenth = this.#host.maxConnectionAgeMs * JITTER
      const waits = reader.gating || now - this.#retiresAt < tenth
      if (waits && !this.#allWritten && reader.state !== 'sampled') return
      reader.feed.readers.close(reader)
      this.#finishing = RETIRED
      this.#retiresBy = now + Math.max(tenth, this.#host.evictGraceMs)
      this.#askAll()
    }
    // No limit applies to it any more. One that held the gate takes what it was sent for as long as it is not stalled.
    const borne = reader.gating && this.silentMs(now) < this.#host.stallTimeoutMs
    if (now >= this.#retiresBy && !borne) this.close(RETIRED.code, RETIRED.reason)
    else this.#closeIfServed()
  }

  /** Whether nothing is queued for it. */
  get #allWritten(): boolean {
    const { cursor, feed, until } = this.reader
    return cursor.at.count >= (until ?? feed.log.end).count && cursor.unfinished === undefined
  }

  #tellUnconfirmed(now: number): void {
    const { window } = this
    if (window?.state !== 'starting' || window.askedSince === undefined) return
    const { stallTimeoutMs, windows } = this.#host
    const patience = stallTimeoutMs === 0 ? UNANSWERED_MS : Math.min(UNANSWERED_MS, stallTimeoutMs / 2)
    if (now - window.askedSince > patience) windows?.giveUp(this)
  }

  /** A write that needs a look: as much of the run goes as the window has room for, and a ping behind it if one is due. */
  #measured(reader: Reader, run: Run, window: Window): void {
    // One of a crowd that has not answered yet waits behind those who have, and gets a run now and then: thousands that never will
    // answer must not cost those who do a write each message. (Not where the log is about to wrap: it would be overrun.)
    const { feed } = reader
    const waits = window.state === 'starting' && this.#host.windows!.crowded && !feed.demand.brimming
    if (waits && reader.state === 'live') feed.readers.fallBack(reader)
    else if (run.bytes.length <= window.room) this.#whole(reader, run, window)
    else this.#pieces(reader, run, window)
    if (!waits || reader.cursor.at !== run.to) return
    if (reader.state === 'live' || reader.state === 'catching') feed.readers.full(reader, waits)
  }

  /** As much of the run as there is room for. */
  #pieces(reader: Reader, run: Run, window: Window): void {
    const { cursor, feed } = reader
    let rest = false
    while (!rest && cursor.at !== run.to) {
      const room = Math.max(0, window.room)
      const piece = feed.log.run(cursor.at, room)!
      rest = piece.bytes.length > room && cursor.inFlightMessages > 0
      if (!rest && !this.#send(reader, piece)) break
    }
    const now = performance.now()
    if (reader.state === 'closed') return
    if (reader.state !== 'blocked' && rest) feed.readers.full(reader)
    if (window.wrote(rest, now)) this.ask(now)
  }

  /** The whole run fits. A ping behind it goes with it in one write of the kernel: that is most of what a ping costs. */
  #whole(reader: Reader, run: Run, window: Window): void {
    if (!this.#writable) {
      reader.feed.readers.close(reader)
      return
    }
    const now = performance.now()
    reader.cursor.at = run.to
    const due = window.wrote(false, now)
    if (due) this.#wire.cork()
    this.#wire.write(run.bytes)
    if (due) {
      this.ask(now)
      this.#wire.uncork()
    }
    this.#written(reader, run)
  }

  get #writable(): boolean {
    return this.#channel.readyState === OPEN && !this.#wire.destroyed
  }

  /** Returns whether the socket took it whole. */
  #send(reader: Reader, run: Run): boolean {
    if (!this.#writable) {
      reader.feed.readers.close(reader)
      return false
    }
    this.#wire.write(run.bytes)
    return this.#written(reader, run)
  }

  #written(reader: Reader, run: Run): boolean {
    if (this.#wire.errored !== null) {
      reader.feed.readers.close(reader)
      return false
    }
    reader.cursor.at = run.to
    if (this.#wire.writableLength === 0) return true
    this.#hold(reader, run)
    return false
  }

  /** Asks about what is written and not yet asked about. */
  #askAll(): void {
    const { window, reader } = this
    if (window !== undefined && reader.cursor.writtenBytes > window.askedBytes) this.ask(performance.now())
  }

  #ponged(data: Buffer): void {
    const { window, reader } = this
    if (window === undefined) return
    const now = performance.now()
    const { mute } = reader.cursor
    if (!window.answered(data, now)) {
      this.#host.windows!.pings.strays++
      return
    }
    if (mute) reader.feed.readers.letGo(reader)
    reader.held = window.holdsBack
    reader.feed.readers.confirmed(reader, window.room > 0, now)
    this.#closeIfServed()
  }

  /** The feed has ended, and the client has everything. */
  #closeIfServed(): void {
    if (this.#finishing !== undefined && this.served) this.close(this.#finishing.code, this.#finishing.reason)
  }

  /** The socket did not take it all. A zero-length write behind it tells when it has; it also fails when the socket is destroyed. */
  #hold(reader: Reader, run: Run): void {
    reader.feed.readers.blocked(reader, run)
    this.#wire.write(NOTHING, error => reader.feed.readers.unblocked(reader, !error, performance.now()))
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
    this.reader.feed.readers.close(this.reader)
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
    const initiator: Initiator =
      this.#closing !== undefined ? 'hub' : code === 1006 && !this.#broke ? 'network' : 'client'
    const told = this.#closing ?? { code, reason: reason.toString() }
    reader.feed.readers.leave(reader)
    this.#host.windows?.close(this)
    this.#host.gone(this)
    this.#host.notify({
      type: 'client-left',
      client: this.info,
      feed: reader.feed.name,
      code: told.code,
      reason: told.reason,
      outcome,
      initiator,
      overflow: reader.overflow,
      cause: this.#cause,
      account: reader.account(true),
    })
  }
}
