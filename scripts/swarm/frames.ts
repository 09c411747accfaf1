/**
 * As much of a WebSocket as a load client needs: hops from header to header over what was read, wherever reads cut, counts
 * messages, and finds pings, which it hands out to be answered, the close frame, and the time and number that stand in each
 * message. Millions of frames a second on one core: it allocates nothing for a message.
 */
import { HEAD_BYTES, type MessageFormat } from './format.ts'

const CONTINUATION = 0
const TEXT = 1
const BINARY = 2
const CLOSE = 8
const PING = 9
const PONG = 0xa
const FIN = 0x80
const MASKED = 0x80
const RESERVED = 0x70
const LONGEST_HEADER = 10
const LONGEST_CONTROL = 125
const ZERO = '0'.charCodeAt(0)

export interface FrameListener {
  ping(pong: Buffer): void
  /** A message with a time in it was read to its end; its number, or -1 where messages have none. */
  timed(time: number, number: number): void
  /** The server closes; 1005 if it does not say why (RFC 6455 §7.4.1). */
  closing?(code: number, reason: string): void
  /** What comes is not what RFC 6455 allows a server to send; nothing after it is read. */
  broken?(why: string): void
  /** A text shorter than `wholeBelow` was read to its end: talk of a protocol on top, and no message. */
  text?(payload: Buffer): void
}

export class FrameReader {
  /** Texts of fewer bytes are handed out whole, and are no messages. */
  wholeBelow = 0
  readonly #listener: FrameListener
  readonly #format: MessageFormat | undefined
  /** Bytes of the payload still to come; -1 in a header. */
  #left = -1
  #opcode = 0
  #final = true
  #talk = false
  #dead = false
  /** Of a header that a read has cut. */
  #header: Buffer | undefined
  #headerBytes = 0
  /** Of a message, which may come in fragments: bytes before the time, digits of it still to be read, and what they say until then. */
  #before = 0
  #digitsLeft = 0
  #value = 0
  /** The number behind the time: -1 before it begins, and whether its digits go on. */
  #number = -1
  #numbering = false
  /** What is kept of a payload: a control frame and talk whole, of a message the head while its format is not known. */
  #kept: Buffer | undefined
  #keptBytes = 0

  constructor(listener: FrameListener, format?: MessageFormat) {
    this.#listener = listener
    this.#format = format
  }

  /** Returns how many messages ended in it. */
  read(buffer: Uint8Array, from: number, to: number): number {
    let at = from
    let messages = 0
    while (at < to && !this.#dead) {
      if (this.#left < 0) {
        at = this.#readHeader(buffer, at, to)
        if (this.#left < 0 || this.#dead) break
      }
      const taken = Math.min(this.#left, to - at)
      if (this.#kept !== undefined) this.#keep(buffer, at, taken)
      else if (this.#digitsLeft > 0 || this.#numbering) this.#readTime(buffer, at, taken)
      at += taken
      this.#left -= taken
      if (this.#left === 0 && this.#end()) messages++
    }
    return messages
  }

  #readHeader(buffer: Uint8Array, from: number, to: number): number {
    if (this.#headerBytes === 0 && to - from >= LONGEST_HEADER) return from + this.#begin(buffer, from)
    this.#header ??= Buffer.alloc(LONGEST_HEADER)
    let at = from
    while (at < to) {
      this.#header[this.#headerBytes++] = buffer[at++]!
      if (this.#headerBytes < 2 || this.#headerBytes < headerBytes(this.#header[1]!)) continue
      this.#begin(this.#header, 0)
      this.#headerBytes = 0
      break
    }
    return at
  }

  /** A whole header is there. Returns its length. */
  #begin(bytes: Uint8Array, at: number): number {
    const first = bytes[at]!
    const short = bytes[at + 1]!
    this.#opcode = first & 0xf
    this.#final = (first & FIN) !== 0
    if (short < 126) this.#left = short
    else if (short === 126) this.#left = bytes[at + 2]! * 256 + bytes[at + 3]!
    else this.#left = lengthOf(bytes, at + 2)
    if ((first & RESERVED) !== 0 || short >= MASKED) this.#broken(first, short)
    else if (this.#opcode === TEXT || this.#opcode === BINARY) this.#beginMessage()
    else if (this.#opcode !== CONTINUATION) this.#beginControl(first, short)
    return headerBytes(short)
  }

  #beginMessage(): void {
    const format = this.#format
    this.#talk = this.#opcode === TEXT && this.#left < this.wholeBelow
    if (this.#talk) {
      this.#keepNext(this.#left)
      return
    }
    if (format === undefined) return
    this.#digitsLeft = 0
    this.#numbering = false
    this.#value = 0
    this.#number = -1
    if (format.time !== undefined) {
      this.#before = format.time.at
      this.#digitsLeft = format.time.digits
      this.#numbering = format.numbered
    } else if (format.looking) this.#keepNext(Math.min(this.#left, HEAD_BYTES))
  }

  #beginControl(first: number, short: number): void {
    const known = this.#opcode === CLOSE || this.#opcode === PING || this.#opcode === PONG
    if (!known || !this.#final || short > LONGEST_CONTROL) this.#broken(first, short)
    else this.#keepNext(this.#left)
  }

  #keepNext(length: number): void {
    this.#kept = Buffer.alloc(length)
    this.#keptBytes = 0
  }

  #keep(buffer: Uint8Array, at: number, length: number): void {
    const wanted = Math.min(length, this.#kept!.length - this.#keptBytes)
    this.#kept!.set(buffer.subarray(at, at + wanted), this.#keptBytes)
    this.#keptBytes += wanted
  }

  #readTime(buffer: Uint8Array, at: number, length: number): void {
    const skipped = Math.min(length, this.#before)
    this.#before -= skipped
    const to = at + length
    let next = at + skipped
    let value = this.#value
    const end = Math.min(to, next + this.#digitsLeft)
    for (; next < end; next++, this.#digitsLeft--) {
      const digit = buffer[next]! - ZERO
      if (digit < 0 || digit > 9) {
        this.#mistaken()
        return
      }
      value = value * 10 + digit
    }
    this.#value = value
    if (this.#digitsLeft === 0 && this.#numbering) this.#readNumber(buffer, next, to)
  }

  /** One byte that separates it from the time, then digits, to the first that is none. */
  #readNumber(buffer: Uint8Array, from: number, to: number): void {
    for (let at = from; at < to; at++) {
      if (this.#number < 0) {
        this.#number = 0
        continue
      }
      const digit = buffer[at]! - ZERO
      if (digit < 0 || digit > 9) {
        this.#numbering = false
        return
      }
      this.#number = this.#number * 10 + digit
    }
  }

  #mistaken(): void {
    this.#digitsLeft = 0
    this.#numbering = false
    this.#value = 0
    this.#format!.mistaken()
  }

  #broken(first: number, second: number): void {
    this.#dead = true
    this.#listener.broken?.(`a frame that begins with ${hex(first)} ${hex(second)}`)
  }

  /** A frame has been read to its end. Returns whether a message has. */
  #end(): boolean {
    this.#left = -1
    const kept = this.#kept
    this.#kept = undefined
    if (this.#opcode > BINARY) {
      if (this.#opcode === PING) this.#listener.ping(pongFor(kept!))
      else if (this.#opcode === CLOSE) this.#listener.closing?.(...closeOf(kept!))
      return false
    }
    if (this.#talk) {
      this.#talk = false
      this.#listener.text?.(kept!)
      return false
    }
    if (kept !== undefined) this.#format!.learn(kept)
    if (this.#final && this.#value > 0 && this.#digitsLeft === 0) this.#listener.timed(this.#value, this.#number)
    return this.#final
  }
}

function headerBytes(short: number): number {
  const length = short & ~MASKED
  return length < 126 ? 2 : length === 126 ? 4 : LONGEST_HEADER
}

function lengthOf(bytes: Uint8Array, at: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 8)
  return view.getUint32(0) * 2 ** 32 + view.getUint32(4)
}

function closeOf(payload: Buffer): [code: number, reason: string] {
  return payload.length < 2 ? [1005, ''] : [payload.readUInt16BE(0), payload.toString('utf8', 2)]
}

/** A client's frames are masked; a mask of zeros leaves the payload as it is. */
function pongFor(ping: Buffer): Buffer {
  const pong = Buffer.alloc(6 + ping.length)
  pong[0] = FIN | PONG
  pong[1] = MASKED | ping.length
  pong.set(ping, 6)
  return pong
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`
}
