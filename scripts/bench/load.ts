/**
 * The other side of a benchmark, in a process of its own: raw sockets that read all they can, and some that never read. One
 * shared buffer for all (`onread`), no WebSocket library, so that it is not what limits.
 */
import { connect, type Socket } from 'node:net'

export interface LoadReport {
  /** Bytes read by the healthy since the last report. */
  readonly bytes: number
  readonly connected: number
  /** Delays in milliseconds from publishing to reading, of messages that begin with a time; since the last report. */
  readonly delays: { readonly p50: number; readonly p99: number; readonly max: number; readonly samples: number }
  readonly cpu: number
}

const [port, healthy, silent, timed] = process.argv.slice(2).map(Number) as [number, number, number, number]
const shared = Buffer.allocUnsafe(256 * 1024)
const RECONNECT_BATCH = 100
const NAP_MS = 20
let bytes = 0
let connected = 0
let delays: number[] = []

function open(reads: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    let upgraded = false
    const socket: Socket = connect({
      host: '127.0.0.1',
      port,
      onread: {
        buffer: shared,
        callback: (length, buffer) => {
          if (!upgraded) {
            upgraded = true
            connected++
            resolve()
            return reads
          }
          bytes += length
          if (timed === 1) sample(buffer as Buffer, length)
          return reads
        },
      },
    })
    socket.on('error', reject)
    socket.on('close', () => {
      if (upgraded) connected--
    })
    socket.write(
      `GET /feeds/bench HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    )
  })
}

/** The last message of what was read: its first 16 digits are a time in microseconds. */
function sample(buffer: Buffer, length: number): void {
  const long = buffer[1] === 126
  const start = long ? 4 : 2
  if (length < start + 16) return
  const time = Number(buffer.toString('latin1', start, start + 16))
  const delay = performance.timeOrigin + performance.now() - time / 1_000
  if (delay >= 0 && delay < 600_000) delays.push(delay)
}

/**
 * Where delays are not measured, the whole process sleeps between turns, so that it reads several messages at once and is not
 * what limits: a read for each message costs as much as the write it is to measure. Nobody waits longer than this.
 */
function nap(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, NAP_MS)
  setImmediate(nap)
}

function report(): LoadReport {
  const sorted = Float64Array.from(delays).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  const { user, system } = process.cpuUsage()
  const result = {
    bytes,
    connected,
    delays: { p50: at(0.5), p99: at(0.99), max: at(1), samples: sorted.length },
    cpu: user + system,
  }
  bytes = 0
  delays = []
  return result
}

for (let opened = 0; opened < healthy + silent; opened += RECONNECT_BATCH) {
  const batch = Math.min(RECONNECT_BATCH, healthy + silent - opened)
  await Promise.all(Array.from({ length: batch }, (_, i) => open((opened + i) % (healthy + silent) < healthy)))
}
if (timed !== 1) nap()
process.send!('ready')
process.on('message', () => process.send!(report()))
process.on('disconnect', () => process.exit())
