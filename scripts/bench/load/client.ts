/**
 * One client of the load: a raw socket with a read buffer that all share (`onread`), no WebSocket library, so that the load is not
 * what limits. It speaks as much as its peer's wire asks for, and answers pings of either kind, as every client does; one that
 * never reads does not.
 */
import { connect, type OnReadOpts, type Socket } from 'node:net'
import { wallClock } from '../../swarm/clock.ts'
import { Delays } from '../../swarm/delays.ts'
import { MessageFormat } from '../../swarm/format.ts'
import { FrameReader } from '../../swarm/frames.ts'
import { frame, OPCODE, SHARED } from '../../swarm/socket.ts'
import type { Wire } from '../peers/peer.ts'

const END_OF_HEAD = '\r\n\r\n'
const NORMAL = Buffer.from([0x03, 0xe8]) // 1000, RFC 6455 §7.4.1

/** What all clients of a process count together. */
export class Tally {
  messages = 0
  bytes = 0
  pongs = 0
  delays = new Delays()
  /** The slowest upgrade there was: a round trip. */
  handshakeMs = 0
  /** Who was there and is not any more, without having left. */
  lost = 0

  /** Begins to count anew what is told of a span of time. */
  forget(): void {
    this.messages = 0
    this.bytes = 0
    this.delays = new Delays()
  }
}

/** How a client reads. */
export interface Manner {
  readonly buffer: OnReadOpts['buffer']
  /** So much was read; whether to go on. */
  readonly read: (length: number) => boolean
}

export const FAST: Manner = { buffer: SHARED, read: () => true }
/** Reads until it has joined, and nothing after that. */
export const SILENT: Manner = { buffer: SHARED, read: () => false }

export interface ClientPlan {
  readonly port: number
  readonly wire: Wire
  readonly feed: number
  readonly from?: string
  /** Whether messages have a time in them. */
  readonly timed: boolean
  readonly tally: Tally
  /** With the time of each message, in microseconds since the epoch, if they have one. */
  readonly heard?: (micros: number) => void
}

export class LoadClient {
  readonly socket: Socket
  readonly #tally: Tally
  #leaving = false

  private constructor(socket: Socket, tally: Tally) {
    this.socket = socket
    this.#tally = tally
  }

  /** Resolves when it listens. */
  static join(plan: ClientPlan, manner: Manner): Promise<LoadClient> {
    const { wire, tally } = plan
    const started = performance.now()
    return new Promise((resolve, reject) => {
      let upgraded = false
      let joined = false
      /** Of the read that is being looked at, in microseconds since the epoch. */
      let readAt = 0
      const onJoined = () => {
        joined = true
        frames.wholeBelow = wire.talkBelow
        resolve(client)
      }
      const frames = new FrameReader(
        {
          ping: pong => {
            tally.pongs++
            socket.write(pong)
          },
          timed: micros => {
            if (!joined) return
            tally.delays.add((readAt - micros) / 1_000)
            plan.heard?.(micros)
          },
          text: payload => {
            const { joined: now = false, answer } = wire.hear(payload.toString())
            if (answer !== undefined) socket.write(frame(OPCODE.text, Buffer.from(answer)))
            if (now && !joined) onJoined()
          },
        },
        plan.timed ? new MessageFormat({ time: wire.time }) : undefined,
      )
      frames.wholeBelow = Number.POSITIVE_INFINITY
      const onUpgrade = (head: string) => {
        if (!head.startsWith('HTTP/1.1 101')) reject(new Error(`no upgrade: ${head}`))
        upgraded = true
        tally.handshakeMs = Math.max(tally.handshakeMs, performance.now() - started)
        const hello = wire.hello(plan.feed)
        for (const text of hello) socket.write(frame(OPCODE.text, Buffer.from(text)))
        if (hello.length === 0) onJoined()
      }
      const socket = connect({
        host: '127.0.0.1',
        port: plan.port,
        noDelay: true,
        onread: {
          buffer: manner.buffer,
          callback: (length, buffer) => {
            let from = 0
            if (!upgraded) {
              const head = Buffer.from(buffer.buffer, buffer.byteOffset, length).toString('latin1')
              onUpgrade(head)
              from = head.indexOf(END_OF_HEAD) + END_OF_HEAD.length
            }
            tally.bytes += length - from
            readAt = wallClock() * 1_000
            const messages = manner !== SILENT || !joined ? frames.read(buffer, from, length) : 0
            if (!joined) return true
            tally.messages += messages
            return manner.read(length)
          },
        },
      })
      const client = new LoadClient(socket, tally)
      socket.on('error', reject)
      socket.on('close', () => {
        if (joined) client.#gone()
        else reject(new Error('closed before it had joined'))
      })
      socket.write(
        `GET ${wire.path(plan.feed, plan.from)} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==${END_OF_HEAD}`,
      )
    })
  }

  /** A closing handshake, as a page that is left does it; resolves when the server has ended the connection. */
  leave(withinMs: number): Promise<void> {
    this.#leaving = true
    return new Promise(resolve => {
      const timer = setTimeout(() => this.socket.destroy(), withinMs)
      this.socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
      this.socket.write(frame(OPCODE.close, NORMAL))
    })
  }

  #gone(): void {
    if (!this.#leaving) this.#tally.lost++
  }
}
