/**
 * As much of a WebSocket as a load client needs: hops from header to header over what was read, wherever reads cut, and finds
 * pings, which it hands out to be answered, and the time that stands in each message. Millions of frames a second on one core:
 * it allocates nothing but pongs.
 */
const TEXT = 1
const PING = 9
const PONG = 0xa
const MASKED = 0x80
const LONGEST_HEADER = 10
const ZERO = '0'.charCodeAt(0)

export interface FrameListener {
  ping(pong: Buffer): void
  /** A message with a time in it was read to its end. */
  timed(time: number): void
  /** A text shorter than `wholeBelow` was read to its end: talk of a protocol on top, and no message. */
  text?(payload: Buffer): void
}

/** Where in a message the time of its publication stands: from which byte, and in how many digits. */
export interface TimePlace {
  readonly at: number
  readonly digits: number
}

/** Messages begin with microseconds since 1970. */
export const MICROS_FIRST: TimePlace = { at: 0, digits: 16 }

export class FrameReader {
  /** Texts of fewer bytes are handed out whole. */
  wholeBelow = 0
  /** Other texts, read to their end. */
  messages = 0
  readonly #listener: FrameListener
  readonly #time: TimePlace | undefined
  /** Bytes of the payload still to come; -1 in a header. */
  #left = -1
  #opcode = 0
  /** Of a header that a read has cut. */
  #header: Buffer | undefined
  #headerBytes = 0
  /** Bytes before the time, digits of it still to be read, and what they say until then. */
  #before = 0
  #digitsLeft = 0
  #value = 0
  #pong: Buffer | undefined
  #text: Buffer | undefined

  constructor(listener: FrameListener, time?: TimePlace) {
    this.#listener = listener
    this.#time = time
  }

  read(buffer: Uint8Array, from: number, to: number): void {
    let at = from
    while (at < to) {
      if (this.#left < 0) {
        at = this.#readHeader(buffer, at, to)
        if (this.#left < 0) return
      }
      const taken = Math.min(this.#left, to - at)
      if (this.#pong !== undefined) this.#pong.set(buffer.subarray(at, at + taken), this.#pong.length - this.#left)
      else if (this.#text !== undefined) this.#text.set(buffer.subarray(at, at + taken), this.#text.length - this.#left)
      else if (this.#digitsLeft > 0) this.#readTime(buffer, at, taken)
      at += taken
      this.#left -= taken
      if (this.#left === 0) this.#end()
    }
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
    const short = bytes[at + 1]!
    this.#opcode = bytes[at]! & 0xf
    if (short < 126) this.#left = short
    else if (short === 126) this.#left = bytes[at + 2]! * 256 + bytes[at + 3]!
    else this.#left = new DataView(bytes.buffer, bytes.byteOffset + at + 2, 8).getUint32(4)
    this.#digitsLeft = 0
    this.#value = 0
    if (this.#opcode === TEXT && this.#left < this.wholeBelow) this.#text = Buffer.alloc(this.#left)
    else if (this.#time !== undefined && this.#opcode === TEXT) {
      this.#before = this.#time.at
      this.#digitsLeft = this.#time.digits
    }
    if (this.#opcode === PING) this.#pong = pongFor(this.#left)
    return headerBytes(short)
  }

  #readTime(buffer: Uint8Array, at: number, length: number): void {
    const skipped = Math.min(length, this.#before)
    this.#before -= skipped
    const from = at + skipped
    const end = Math.min(at + length, from + this.#digitsLeft)
    for (let i = from; i < end; i++) this.#value = this.#value * 10 + buffer[i]! - ZERO
    this.#digitsLeft -= end - from
  }

  #end(): void {
    this.#left = -1
    if (this.#pong !== undefined) {
      const pong = this.#pong
      this.#pong = undefined
      this.#listener.ping(pong)
    } else if (this.#text !== undefined) {
      const text = this.#text
      this.#text = undefined
      this.#listener.text?.(text)
    } else if (this.#opcode === TEXT) {
      this.messages++
      if (this.#value > 0 && this.#digitsLeft === 0) this.#listener.timed(this.#value)
    }
  }
}

function headerBytes(short: number): number {
  return short < 126 ? 2 : short === 126 ? 4 : LONGEST_HEADER
}

/** A client's frames are masked; a mask of zeros leaves the payload as it is. */
function pongFor(length: number): Buffer {
  const pong = Buffer.alloc(6 + length)
  pong[0] = 0x80 | PONG
  pong[1] = MASKED | length
  return pong
}
