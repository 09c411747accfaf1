/**
 * A client: one socket, and for now one reader. It carries runs to the socket as far as its window goes, asks by pings what was
 * taken, knows when the socket has not taken a run whole, and finds out that the peer is gone.
 *
 * Whole frames written straight to the socket interleave correctly with ws's own control frames while per-message deflate
 * is off; nothing may follow a close frame (RFC 6455 §5.5.1), hence the look at `readyState` before each write.
 *
 * Longer than 250 lines: what writes, what asks and what listens for signs of life go by the same socket and window, and an object
 * for each of them would cost every client its memory and every write a step.
 */
import type { ClientInfo, EvictCause, Notify } from '../events.ts'
import type { Ending, Feed } from '../feed.ts'
import type { Witness } from '../log/cursor.ts'
import type { Run } from '../log/segment.ts'
import { CLOSE } from '../protocol.ts'
import type { Joining, Reader, Sink } from '../reader.ts'
import { Age } from './age.ts'
import { figuresOf } from './figures.ts'
import { Leaving } from './leaving.ts'
import { Pongs } from './pongs.ts'
import type { Asker, Window } from './window.ts'
import type { Windows } from './windows.ts'
import { type Channel, OPEN, type Wire } from './wire.ts'

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

const NOTHING = new Uint8Array(0)
const PING_HEADER = 0x8908 // FIN and opcode 9, a payload of 8 bytes, no mask (RFC 6455 §5.2)
const PING_BYTES = 10
/** How many stall timeouts a client is borne that never answers, and waits to be tried. */
const DOUBT = 10
/** How soon before the stall timeout ends a silent client is asked whether it is there. */
const ASK_AFTER = 1 / 3

export class Client implements Sink, Asker {
  readonly info: ClientInfo
  readonly witness: Witness
  readonly reader: Reader
  /** What may be in flight to it; undefined if the window is off. */
  readonly window: Window | undefined

  readonly #host: ClientHost
  readonly #wire: Wire
  readonly #channel: Channel
  /** How it leaves; undefined while it stays. */
  #leaving: Leaving | undefined
  /** Undefined where connections have none. */
  readonly #age: Age | undefined
  /** Undefined until it pings. */
  #pongs: Pongs | undefined
  #bytesRead: number
  #aliveAt = performance.now()
  /** When the outstanding ping of a client without a window was sent. */
  #pingAt: number | undefined

  constructor(host: ClientHost, wire: Wire, channel: Channel, info: ClientInfo, feed: Feed, joining: Joining) {
    this.info = info
    this.witness = host.windows === undefined ? 'socket' : 'client'
    this.#host = host
    this.#wire = wire
    this.#channel = channel
    this.#bytesRead = wire.bytesRead
    if (host.maxConnectionAgeMs > 0) this.#age = new Age(host, this.#aliveAt)
    channel.on('close', (code, reason) => this.#closed(code, reason))
    channel.on('error', error => this.#leave().failed(error))
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

  /** Whether nothing is queued for it. */
  get allWritten(): boolean {
    const { cursor, end } = this.reader
    return cursor.at.count >= end.count && cursor.unfinished === undefined
  }

  /** Whether it has everything that it is to get, as far as can be known. */
  get served(): boolean {
    if (!this.allWritten) return false
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
    if (this.#leaving?.closing) return
    const code = cause === 'stall' ? CLOSE.stalled : CLOSE.tooSlow
    const figures = figuresOf(this, reader, cause, this.#host.stallTimeoutMs)
    const event = { client: this.info, feed: reader.feed.name, cause, detail, figures }
    this.#leave().cause = cause
    this.close(code, cause === 'operator' ? detail : `${cause === 'stall' ? 'stalled' : 'too slow'}: ${detail}`)
    this.#host.notify({ type: 'client-evicted', ...event, account: reader.account() })
    if (cause === 'pinned') this.#leave().terminate()
  }

  /**
   * Everything is written, and the feed has ended: closes once everything is taken. A client may need longer for what is in flight
   * than the grace; if it takes none of it, the stall timeout ends it, and without one there is no waiting.
   */
  finish(reader: Reader): void {
    const ending = reader.feed.ending ?? { code: CLOSE.ended, reason: 'feed ended' }
    this.finishWith(ending)
    if (this.#host.stallTimeoutMs === 0) this.close(ending.code, ending.reason)
  }

  /** Whether it is closed, or will be once it has taken everything. */
  get leaving(): boolean {
    return this.#leaving?.ending !== undefined || this.#leaving?.closing === true
  }

  /** It is sent no more: closes once everything is taken. */
  finishWith(ending: Ending): void {
    this.#leave().ending = ending
    this.#askAll()
    this.#closeIfServed()
  }

  /** Sends a close frame and nothing after it; the socket is ended when it is answered, or after the grace. */
  close(code: number, reason: string): void {
    if (this.#leaving?.closing) return
    this.#askAll() // the answer still counts, though the client is closing
    this.#leave().close(code, reason)
    this.reader.feed.readers.close(this.reader)
  }

  /** Ends the socket at once. */
  terminate(): void {
    this.close(CLOSE.restart, 'stopped')
    this.#leave().terminate()
  }

  /**
   * Once a second: a peer that has begun to close gets the grace to finish, or one that sends FIN and reads no more would
   * stay for ever. With a timeout, one that shows no sign of life is asked for one, and evicted when its oldest ping stays unanswered
   * for `stallTimeoutMs`. Any inbound byte and any progress of a stuck socket is a sign of life, not only the pong: a pong
   * behind megabytes is minutes late. One that never answers is evicted only when nothing shows either that its socket moves.
   */
  sweep(now: number): void {
    const { stallTimeoutMs, windows } = this.#host
    const { bytesRead } = this.#wire
    if (bytesRead !== this.#bytesRead) {
      this.#bytesRead = bytesRead
      this.#aliveAt = now
      this.#pingAt = undefined
    }
    if (this.#channel.readyState !== OPEN) {
      this.reader.feed.readers.close(this.reader)
      this.#leave().giveGrace()
      return
    }
    windows?.giveUpIfSilent(this, now)
    this.#closeIfServed()
    this.#age?.look(this, now)
    if (stallTimeoutMs === 0 || this.#leaving?.closing) return
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

  /** It is sent no more, and has everything. */
  #closeIfServed(): void {
    const ending = this.#leaving?.ending
    if (ending !== undefined && this.served) this.close(ending.code, ending.reason)
  }

  /** The socket did not take it all. A zero-length write behind it tells when it has; it also fails when the socket is destroyed. */
  #hold(reader: Reader, run: Run): void {
    reader.feed.readers.blocked(reader, run)
    this.#wire.write(NOTHING, error => reader.feed.readers.unblocked(reader, !error, performance.now()))
  }

  /** It has pinged. */
  #answer(ping: Buffer): void {
    this.#pongs ??= new Pongs(this.#channel)
    this.#pongs.answer(ping)
  }

  /** How it leaves, from now on. */
  #leave(): Leaving {
    this.#leaving ??= new Leaving(this.#channel, this.#host.evictGraceMs)
    return this.#leaving
  }

  #closed(code: number, reason: Buffer): void {
    const left = this.#leave().gone(code, reason)
    const { reader } = this
    reader.feed.readers.leave(reader)
    this.#host.windows?.close(this)
    this.#host.gone(this)
    this.#host.notify({
      type: 'client-left',
      client: this.info,
      feed: reader.feed.name,
      ...left,
      overflow: reader.overflow,
      account: reader.account(true),
    })
  }
}
