/**
 * A WebSocket server down to its sockets: it answers handshakes as it is told, keeps what clients send, frame by frame, and sends
 * what the test wants. What a client of the swarm does is checked from here, on the other side of a real socket.
 */
import { createHash } from 'node:crypto'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'

export interface Sent {
  readonly opcode: number
  readonly final: boolean
  readonly masked: boolean
  readonly payload: Buffer
}

export interface ServerOptions {
  /** Answers the handshake with this status instead. */
  readonly status?: number
  /** Answers with the accept header of another key. */
  readonly wrongKey?: boolean
  /** What else the answer says, for the n-th connection. */
  readonly headers?: (n: number) => Readonly<Record<string, string>>
}

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export class Connection {
  readonly socket: Socket
  /** The request, as far as it came. */
  request = ''
  upgraded = false
  readonly frames: Sent[] = []
  /** Bytes that came behind the request. */
  received = 0
  /** The client has ended its side; the connection is over. */
  finished = false
  gone = false
  #pending = Buffer.alloc(0)

  constructor(socket: Socket, answer: (request: string) => string) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('end', () => {
      this.finished = true
    })
    socket.on('close', () => {
      this.gone = true
    })
    socket.on('data', chunk => {
      if (!this.upgraded && !this.#upgrade(chunk, answer)) return
      this.received += chunk.length
      this.#pending = Buffer.concat([this.#pending, chunk])
      this.#parse()
    })
  }

  /** A frame of the server's: not masked. */
  send(payload: string | Buffer, opcode = 1): void {
    const bytes = Buffer.from(payload)
    const head =
      bytes.length < 126
        ? Buffer.from([0x80 | opcode, bytes.length])
        : Buffer.from([0x80 | opcode, 127, 0, 0, 0, 0, 0, 0, 0, 0])
    if (bytes.length >= 126) head.writeUInt32BE(bytes.length, 6)
    this.socket.write(Buffer.concat([head, bytes]))
  }

  ping(payload: string): void {
    this.send(payload, 9)
  }

  close(code: number): void {
    this.send(Buffer.from([code >> 8, code & 0xff]), 8)
  }

  /** Payloads of the frames with this opcode. */
  payloads(opcode: number): string[] {
    return this.frames.filter(frame => frame.opcode === opcode).map(({ payload }) => payload.toString())
  }

  /** Whether the client takes no more: what was written stays in our hands. */
  get stuck(): boolean {
    return this.socket.writableLength > 0
  }

  /** Writes more than kernels hold. */
  flood(): void {
    for (let i = 0; i < 64; i++) this.send(Buffer.alloc(2 ** 20, 'x'), 2)
  }

  #upgrade(chunk: Buffer, answer: (request: string) => string): boolean {
    this.request += chunk.toString('latin1')
    if (!this.request.endsWith('\r\n\r\n')) return false
    this.upgraded = true
    this.socket.write(answer(this.request))
    return false
  }

  #parse(): void {
    for (;;) {
      const bytes = this.#pending
      if (bytes.length < 2) return
      const short = bytes[1]! & 0x7f
      const masked = (bytes[1]! & 0x80) !== 0
      const size = short < 126 ? 0 : short === 126 ? 2 : 8
      const head = 2 + size + (masked ? 4 : 0)
      if (bytes.length < head) return
      const length = size === 0 ? short : size === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2))
      if (bytes.length < head + length) return
      const mask = masked ? bytes.subarray(head - 4, head) : Buffer.alloc(4)
      const payload = Buffer.from(bytes.subarray(head, head + length).map((byte, i) => byte ^ mask[i % 4]!))
      this.frames.push({ opcode: bytes[0]! & 0xf, final: (bytes[0]! & 0x80) !== 0, masked, payload })
      this.#pending = bytes.subarray(head + length)
    }
  }
}

export interface RawServer {
  readonly port: number
  /** Those that asked for a feed, in the order in which they came. */
  readonly connections: readonly Connection[]
}

/** A server on a free port, gone when the test is over. */
export async function rawServer({ status = 101, wrongKey = false, headers }: ServerOptions = {}): Promise<RawServer> {
  const connections: Connection[] = []
  const clients = () => connections.filter(({ request }) => request.startsWith('GET /feeds'))
  const answer = (request: string): string => {
    if (request.startsWith('GET /metrics')) return 'HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n'
    if (status !== 101) return `HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`
    const key = wrongKey ? 'x' : /Sec-WebSocket-Key: (\S+)/.exec(request)![1]!
    const accept = createHash('sha1').update(`${key}${GUID}`).digest('base64')
    const more = Object.entries(headers?.(clients().length) ?? {}).map(([name, value]) => `${name}: ${value}\r\n`)
    return `HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n${more.join('')}\r\n`
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, socket => {
    connections.push(new Connection(socket, answer))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const { socket } of connections) socket.destroy()
    server.close()
  })
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return clients()
    },
  }
}
