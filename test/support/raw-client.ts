/**
 * A WebSocket client down to its socket: it can stop reading, read at a rate, keep quiet about pings, and say what it likes. The
 * tests' slow clients are these: real sockets, real kernel buffers.
 */
import { createHash, type Hash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { until } from './until.ts'

export interface RawOptions {
  readonly headers?: Readonly<Record<string, string>>
  /** Answer pings. @default true */
  readonly pongs?: boolean
  /** Leave TCP_NODELAY off, as some clients do. @default false */
  readonly nagle?: boolean
  /** Keep every payload; otherwise they are counted and hashed. @default true */
  readonly keep?: boolean
  /** Read from the beginning. @default true */
  readonly reading?: boolean
}

const OPCODE = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

export class RawClient {
  readonly socket: Socket
  status = 0
  headers: Readonly<Record<string, string>> = {}
  body = ''
  readonly payloads: Buffer[] = []
  readonly opcodes = new Set<number>()
  messages = 0
  bytes = 0
  pings = 0
  pongs = 0
  closeCode: number | undefined
  closeReason = ''
  gone = false
  readonly hash: Hash = createHash('sha256')
  /** The payload of the last ping that was read. */
  lastPing: Buffer | undefined
  /** Whether pings are answered: a client may stop to. */
  answers: boolean

  readonly #options: RawOptions
  readonly #onData = (chunk: Buffer): void => this.#take(chunk)
  #pending: Buffer[] = []
  #length = 0
  #throttle: NodeJS.Timeout | undefined

  constructor(port: number, path: string, options: RawOptions = {}) {
    this.#options = options
    this.answers = options.pongs !== false
    // As browsers and ws do; else a second pong waits for the ACK of the first, 40 ms with nothing to send.
    this.socket = connect({ port, host: '127.0.0.1', noDelay: options.nagle !== true })
    this.socket.on('error', () => {})
    this.socket.on('close', () => {
      this.gone = true
      clearInterval(this.#throttle)
    })
    this.socket.on('end', () => this.socket.end())
    const headers = {
      Host: `127.0.0.1:${port}`,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': randomBytes(16).toString('base64'),
      ...options.headers,
    }
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    this.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
    this.socket.on('data', this.#onData)
  }

  /** Connects and waits for the answer to the upgrade. */
  static async open(port: number, path: string, options: RawOptions = {}): Promise<RawClient> {
    const client = new RawClient(port, path, options)
    await until(`an answer to the upgrade of ${path}`, () => client.status > 0 || client.gone)
    if (options.reading === false) client.stop()
    return client
  }

  /** The opcodes of messages: pings come between them. */
  get dataOpcodes(): number[] {
    return [...this.opcodes].filter(opcode => opcode < OPCODE.close)
  }

  /** Everything kept, as text. */
  get texts(): string[] {
    return this.payloads.map(payload => payload.toString())
  }

  stop(): void {
    clearInterval(this.#throttle)
    this.#throttle = undefined
    this.socket.pause()
  }

  go(): void {
    clearInterval(this.#throttle)
    this.#throttle = undefined
    this.socket.off('data', this.#onData)
    this.socket.on('data', this.#onData)
    this.socket.resume()
  }

  /** Reads on, and answers no more pings. */
  hush(): void {
    this.answers = false
  }

  /** Reads about so many bytes per second, in small steps. */
  readAt(bytesPerSecond: number): void {
    clearInterval(this.#throttle)
    // Without a 'data' listener a paused stream is read by hand.
    this.socket.off('data', this.#onData)
    this.socket.pause()
    let credit = 0
    let last = performance.now()
    this.#throttle = setInterval(() => {
      const now = performance.now()
      credit = Math.min(credit + ((now - last) / 1_000) * bytesPerSecond, bytesPerSecond / 10)
      last = now
      while (credit > 0) {
        const chunk = this.socket.read() as Buffer | null
        if (chunk === null) return
        credit -= chunk.length
        this.#take(chunk)
      }
    }, 5)
  }

  /** Sends a frame as clients must: masked (RFC 6455 §5.3). */
  send(opcode: number, payload: Buffer): void {
    const mask = randomBytes(4)
    const masked = Buffer.from(payload.map((byte, i) => byte ^ mask[i % 4]!))
    const header =
      payload.length < 126
        ? Buffer.from([0x80 | opcode, 0x80 | payload.length])
        : Buffer.from([0x80 | opcode, 0x80 | 126, payload.length >> 8, payload.length & 0xff])
    this.socket.write(Buffer.concat([header, mask, masked]))
  }

  close(code = 1000): void {
    this.send(OPCODE.close, Buffer.from([code >> 8, code & 0xff]))
  }

  /** Vanishes: no close frame. */
  destroy(): void {
    clearInterval(this.#throttle)
    this.socket.destroy()
  }

  async closed(within?: number): Promise<number | undefined> {
    await until('the socket to be closed', () => this.gone, within)
    return this.closeCode
  }

  #take(chunk: Buffer): void {
    this.#pending.push(chunk)
    this.#length += chunk.length
    if (this.status === 0 && !this.#readHead()) return
    if (this.status !== 101) {
      this.body += this.#all().toString()
      this.#pending = []
      this.#length = 0
      return
    }
    this.#readFrames()
  }

  #all(): Buffer {
    if (this.#pending.length !== 1) this.#pending = [Buffer.concat(this.#pending)]
    return this.#pending[0]!
  }

  #rest(buffer: Buffer): void {
    this.#pending = [buffer]
    this.#length = buffer.length
  }

  #readHead(): boolean {
    const all = this.#all()
    const end = all.indexOf('\r\n\r\n')
    if (end < 0) return false
    const [first = '', ...lines] = all.subarray(0, end).toString().split('\r\n')
    this.headers = Object.fromEntries(
      lines.map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
    )
    this.status = Number(first.split(' ')[1])
    this.#rest(all.subarray(end + 4))
    return true
  }

  #readFrames(): void {
    // Joining what has come costs: wait until the frame at the front can be whole.
    if (this.#length < this.#needed) return
    let buffer = this.#all()
    for (;;) {
      const frame = parse(buffer)
      if (typeof frame === 'number') {
        this.#needed = frame
        break
      }
      this.#handle(frame.opcode, frame.payload)
      buffer = buffer.subarray(frame.size)
    }
    this.#rest(buffer)
  }

  #needed = 0

  #handle(opcode: number, payload: Buffer): void {
    this.opcodes.add(opcode)
    if (opcode === OPCODE.text || opcode === OPCODE.binary) {
      this.messages++
      this.bytes += payload.length
      this.hash.update(payload)
      if (this.#options.keep !== false) this.payloads.push(Buffer.from(payload))
    } else if (opcode === OPCODE.ping) {
      this.pings++
      this.lastPing = Buffer.from(payload)
      if (this.answers) this.send(OPCODE.pong, payload)
    } else if (opcode === OPCODE.pong) this.pongs++
    else if (opcode === OPCODE.close) {
      this.closeCode = payload.length >= 2 ? payload.readUInt16BE(0) : 1005
      this.closeReason = payload.subarray(2).toString()
      if (!this.socket.destroyed) this.close(this.closeCode)
    }
  }
}

/** One server frame, or how many bytes are needed to read it. */
function parse(buffer: Buffer): { readonly opcode: number; readonly payload: Buffer; readonly size: number } | number {
  if (buffer.length < 2) return 2
  const short = buffer[1]!
  if ((short & 0x80) !== 0 || (buffer[0]! & 0xf0) !== 0x80)
    throw new Error(`no whole unmasked frame: ${buffer[0]} ${short}`)
  const head = short < 126 ? 2 : short === 126 ? 4 : 10
  if (buffer.length < head) return head
  const length = short < 126 ? short : short === 126 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2))
  if (buffer.length < head + length) return head + length
  return { opcode: buffer[0]! & 0x0f, payload: buffer.subarray(head, head + length), size: head + length }
}
