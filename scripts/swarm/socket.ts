/**
 * A WebSocket client down to its socket: one read buffer for all (`onread`), no WebSocket library, so that the load is not what
 * limits. It connects, checks the answer to its handshake (RFC 6455 §4.1), hands over what is read, and sends what it is told,
 * right or wrong. It has no opinion on when to read, to answer or to close: whoever owns it has.
 */
import { createHash, randomBytes } from 'node:crypto'
import { connect, type OnReadOpts, type Socket } from 'node:net'

export interface Target {
  readonly host: string
  readonly port: number
  /** With its query. */
  readonly path: string
  /** Subprotocol to ask for. */
  readonly protocol?: string
}

export interface SocketListener {
  /** The upgrade is done. `headers` are lower-case names. */
  opened(headers: ReadonlyMap<string, string>): void
  /** The answer was something else: its status, 0 if it was no HTTP or the wrong key. */
  refused(status: number): void
  /** Bytes behind the handshake. Returns whether to read on. */
  read(buffer: Uint8Array, from: number, to: number): boolean
  /** The connection is over: by the peer, by `destroy()`, or by this error. */
  ended(error: NodeJS.ErrnoException | undefined): void
}

/** Everybody reads into this: what was read is looked at before the next one reads. */
export const SHARED = Buffer.allocUnsafe(256 * 1024)

const END_OF_HEAD = '\r\n\r\n'
const HEAD_MOST = 16 * 1024
/** RFC 6455 §1.3. */
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

export class RawSocket {
  readonly #listener: SocketListener
  readonly #socket: Socket
  readonly #key = randomBytes(16).toString('base64')
  #upgraded = false
  #head = ''
  #error: NodeJS.ErrnoException | undefined

  /** `share` says how much of the request is sent: some never finish. */
  constructor(target: Target, listener: SocketListener, buffer: OnReadOpts['buffer'] = SHARED, share = 1) {
    this.#listener = listener
    const { host, port } = target
    const onread: OnReadOpts = { buffer, callback: (length, bytes) => this.#read(bytes, length) }
    const socket = connect({ host, port, noDelay: true, onread })
    this.#socket = socket
    socket.on('error', error => {
      this.#error = error
    })
    socket.on('end', () => socket.destroy())
    socket.on('close', () => listener.ended(this.#error))
    const request = requestFor(target, this.#key)
    socket.write(request.slice(0, Math.ceil(request.length * share)))
  }

  /** Bytes that the kernel has not taken. */
  get unsent(): number {
    return this.#socket.writableLength
  }

  send(bytes: Uint8Array): void {
    if (this.#socket.writable) this.#socket.write(bytes)
  }

  /** Reads no more, from the next read on. */
  stop(): void {
    this.#socket.pause()
  }

  go(): void {
    this.#socket.resume()
  }

  /** Ends it with no close frame. */
  destroy(): void {
    this.#socket.destroy()
  }

  #read(bytes: Uint8Array, length: number): boolean {
    if (this.#upgraded) return this.#listener.read(bytes, 0, length)
    const before = this.#head.length
    this.#head += Buffer.from(bytes.buffer, bytes.byteOffset, length).toString('latin1')
    const end = this.#head.indexOf(END_OF_HEAD)
    if (end < 0) {
      if (this.#head.length > HEAD_MOST) this.#refuse(0)
      return true
    }
    const [status = '', ...lines] = this.#head.slice(0, end).split('\r\n')
    const headers = new Map(lines.map(line => [lower(line), line.slice(line.indexOf(':') + 1).trim()]))
    const code = Number(/^HTTP\/1\.1 (\d{3})/.exec(status)?.[1] ?? 0)
    this.#head = ''
    if (code !== 101) this.#refuse(code)
    else if (headers.get('sec-websocket-accept') !== acceptFor(this.#key)) this.#refuse(0)
    else {
      this.#upgraded = true
      this.#listener.opened(headers)
      const from = end + END_OF_HEAD.length - before
      return this.#listener.read(bytes, from, length)
    }
    return true
  }

  #refuse(status: number): void {
    this.#listener.refused(status)
    this.#socket.destroy()
  }
}

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export interface FrameOptions {
  /** @default true */
  readonly final?: boolean
  /** @default true: a client must (RFC 6455 §5.3) */
  readonly masked?: boolean
  /** What the header says the payload's length is. @default the truth */
  readonly length?: number
}

/** A frame as a client sends it; a mask of zeros leaves the payload as it is. */
export function frame(opcode: number, payload: Uint8Array, options: FrameOptions = {}): Buffer {
  const { final = true, masked = true, length = payload.length } = options
  const size = length < 126 ? 0 : length < 65_536 ? 2 : 8
  const header = Buffer.alloc(2 + size + (masked ? 4 : 0))
  header[0] = (final ? 0x80 : 0) | opcode
  header[1] = (masked ? 0x80 : 0) | (size === 0 ? length : size === 2 ? 126 : 127)
  if (size === 2) header.writeUInt16BE(length, 2)
  if (size === 8) header.writeBigUInt64BE(BigInt(length), 2)
  return Buffer.concat([header, payload])
}

function requestFor({ host, port, path, protocol }: Target, key: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: ${host.includes(':') ? `[${host}]` : host}:${port}`,
    'Upgrade: websocket',
    'Connection: Upgrade',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${key}`,
  ]
  if (protocol !== undefined) lines.push(`Sec-WebSocket-Protocol: ${protocol}`)
  return lines.join('\r\n') + END_OF_HEAD
}

function acceptFor(key: string): string {
  return createHash('sha1')
    .update(key + GUID)
    .digest('base64')
}

function lower(line: string): string {
  return line.slice(0, line.indexOf(':')).toLowerCase()
}
