/**
 * The other side of a benchmark, in a process of its own: raw sockets, one read buffer for all (`onread`), no WebSocket library,
 * so that it is not what limits. Whoever reads answers pings, as every WebSocket does; who never reads does not.
 */
import { connect, type OnReadOpts, type Socket } from 'node:net'
import { wallClock } from '../swarm/clock.ts'
import { Delays } from '../swarm/delays.ts'
import { FrameReader, MICROS_FIRST } from '../swarm/frames.ts'

export interface LoadPlan {
  readonly port: number
  /** Clients that read all they can. */
  readonly fast?: number
  /** Clients that never read. */
  readonly silent?: number
  /** Clients that read at a rate: at first all they can, or so many bytes a second. */
  readonly paced?: number
  readonly bytesPerSecond?: number
  /** Whether messages begin with a time. */
  readonly timed?: boolean
  /** Whether the process sleeps between turns; see `nap`. */
  readonly naps?: boolean
}

export type LoadCommand =
  | { readonly do: 'report' }
  /** Paced clients go on at so many bytes a second; null: all they can. */
  | { readonly do: 'pace'; readonly bytesPerSecond: number | null }
  /** Fast clients stop reading, all at once. */
  | { readonly do: 'stop' }

export interface LoadReport {
  /** Bytes read since the last report. */
  readonly bytes: number
  /** From publishing to having read a message, of those that begin with a time, since the last report: buckets of `Delays`. */
  readonly delays: readonly number[]
  readonly pongs: number
  /** The slowest handshake there was, in milliseconds: a round trip. */
  readonly handshakeMs: number
  /** Microseconds of CPU since the process began. */
  readonly cpu: number
}

const plan = JSON.parse(process.argv[2]!) as LoadPlan
const BATCH = 100
const NAP_MS = 20
const TICK_MS = 10
/** What a paced client reads at once: small, so that a read takes little more than it may. */
const STEP = Buffer.allocUnsafe(512)
/** The same while it may read all it can. What it reads too much at a change of pace, it makes up for. */
const STRIDE = Buffer.allocUnsafe(8 * 1024)
const shared = Buffer.allocUnsafe(256 * 1024)
const END_OF_HEAD = '\r\n\r\n'

let bytes = 0
let delays = new Delays()
let pongs = 0
let handshakeMs = 0
/** The time of the read that is being looked at, in microseconds since the epoch. */
let readAt = 0

/** How a client reads. */
interface Manner {
  readonly buffer: OnReadOpts['buffer']
  /** So much was read; whether to go on. */
  readonly read: (length: number) => boolean
}

const FAST: Manner = { buffer: shared, read: () => true }
const SILENT: Manner = { buffer: shared, read: () => false }

/** A token bucket. It holds 50 ms at the most: a link does not save up what was not sent. */
class Pace implements Manner {
  socket: Socket | undefined
  #bytesPerSecond = Number.POSITIVE_INFINITY
  #tokens = Number.POSITIVE_INFINITY

  readonly buffer = () => (this.#tokens === Number.POSITIVE_INFINITY ? STRIDE : STEP)

  readonly read = (length: number): boolean => {
    this.#tokens -= length
    return this.#tokens > 0
  }

  set(bytesPerSecond: number | null): void {
    this.#bytesPerSecond = bytesPerSecond ?? Number.POSITIVE_INFINITY
    this.#tokens = bytesPerSecond === null ? Number.POSITIVE_INFINITY : 0
    if (bytesPerSecond === null) this.socket?.resume()
    else this.socket?.pause()
  }

  tick(ms: number): void {
    if (this.#tokens === Number.POSITIVE_INFINITY) return
    this.#tokens = Math.min(this.#tokens + (this.#bytesPerSecond * ms) / 1_000, this.#bytesPerSecond / 20)
    if (this.#tokens > 0) this.socket?.resume()
  }
}

function open(manner: Manner): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    let upgraded = false
    const frames = new FrameReader(
      {
        ping: pong => {
          pongs++
          socket.write(pong)
        },
        timed: micros => delays.add((readAt - micros) / 1_000),
      },
      plan.timed === true ? MICROS_FIRST : undefined,
    )
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
            if (!head.startsWith('HTTP/1.1 101')) reject(new Error(head))
            upgraded = true
            from = head.indexOf(END_OF_HEAD) + END_OF_HEAD.length
            handshakeMs = Math.max(handshakeMs, performance.now() - started)
            resolve(socket)
          }
          bytes += length - from
          readAt = wallClock() * 1_000
          if (manner !== SILENT) frames.read(buffer, from, length)
          return manner.read(length)
        },
      },
    })
    socket.on('error', reject)
    socket.write(
      `GET /feeds/bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==${END_OF_HEAD}`,
    )
  })
}

async function openMany(count: number, make: () => Promise<Socket>): Promise<Socket[]> {
  const sockets: Socket[] = []
  while (sockets.length < count) {
    sockets.push(...(await Promise.all(Array.from({ length: Math.min(BATCH, count - sockets.length) }, make))))
  }
  return sockets
}

async function openPaced(): Promise<Socket> {
  const pace = new Pace()
  pace.socket = await open(pace)
  pace.set(plan.bytesPerSecond ?? null)
  paces.push(pace)
  return pace.socket
}

/**
 * Where delays are not measured, the whole process sleeps between turns, so that it reads several messages at once and is not
 * what limits: a read for each message costs as much as the write it is to measure. Nobody waits longer than this.
 */
function nap(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS)
  setImmediate(nap)
}

function tick(): void {
  const now = performance.now()
  for (const pace of paces) pace.tick(now - tickedAt)
  tickedAt = now
}

function report(): LoadReport {
  const { user, system } = process.cpuUsage()
  const result = { bytes, delays: delays.buckets, pongs, handshakeMs, cpu: user + system }
  bytes = 0
  delays = new Delays()
  return result
}

const paces: Pace[] = []
const fast = await openMany(plan.fast ?? 0, () => open(FAST))
await openMany(plan.silent ?? 0, () => open(SILENT))
await openMany(plan.paced ?? 0, openPaced)
let tickedAt = performance.now()
if (paces.length > 0) setInterval(tick, TICK_MS)
if (plan.naps === true) nap()

process.on('message', ({ id, command }: { readonly id: number; readonly command: LoadCommand }) => {
  if (command.do === 'pace') for (const pace of paces) pace.set(command.bytesPerSecond)
  if (command.do === 'stop') for (const socket of fast) socket.pause()
  process.send!({ id, answer: command.do === 'report' ? report() : 'done' })
})
process.on('disconnect', () => process.exit())
process.send!({ id: 0, answer: 'ready' })
