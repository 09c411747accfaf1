/**
 * Cutting bytes into messages: at line ends on a text feed, into pieces on a binary one. Bytes are pushed in as they come, in whatever
 * pieces, and whole messages come out; nobody waits here. Called by the sources that read (`sources/readable.ts`) and by
 * the writable that is written to (`writable.ts`).
 *
 * A line that is too long is refused as a message would be, and told; its bytes are dropped as they come, so that a stream
 * without line end costs no memory.
 */
import { expected, SpillwayError } from './errors.ts'

/** Bytes in, messages out. What it yields must be used before it is given more. */
export interface Cutter {
  push(chunk: string | Uint8Array): Iterable<Buffer>
  /** What is left when no more comes. */
  end(): Iterable<Buffer>
}

/**
 * Bytes that wait for the rest of their message. Copied, because whoever gave them may write over them by then, and because a piece
 * of a byte costs as much as one of a hundred (measured: 443 MB for a line of 1 MiB that came byte by byte).
 */
class Carry {
  #buffer = NOTHING
  length = 0

  add(piece: Buffer): void {
    const length = this.length + piece.length
    if (length > this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length))
      this.#buffer.copy(grown, 0, 0, this.length)
      this.#buffer = grown
    }
    piece.copy(this.#buffer, this.length)
    this.length = length
  }

  /** All of it, with the last piece; it is the taker's then. */
  take(last: Buffer): Buffer {
    if (this.length === 0) return last
    this.add(last)
    const whole = this.#buffer.subarray(0, this.length)
    this.drop()
    return whole
  }

  drop(): void {
    this.#buffer = NOTHING
    this.length = 0
  }
}

const NOTHING = Buffer.alloc(0)
const LF = 0x0a
const CR = 0x0d

/** Messages between line ends, LF or CRLF; the last needs none. */
export function lineCutter(maxMessageBytes: number, refused: (error: SpillwayError) => void): Cutter {
  const carry = new Carry()
  // Of the line so far, kept or not.
  let length = 0
  const finish = (last: Buffer): Buffer | undefined => {
    const line = carry.take(last)
    const trimmed = line[line.length - 1] === CR ? line.subarray(0, -1) : line
    const size = length + last.length - (line.length - trimmed.length)
    length = 0
    if (size <= maxMessageBytes) return trimmed
    const rule = `a line of at most ${maxMessageBytes} bytes (maxMessageBytes)`
    refused(new SpillwayError('message_too_large', expected('line', rule, size)))
    return undefined
  }
  return {
    *push(chunk) {
      const buffer = asBuffer(chunk)
      let start = 0
      for (let end = buffer.indexOf(LF); end >= 0; end = buffer.indexOf(LF, start)) {
        const line = finish(buffer.subarray(start, end))
        start = end + 1
        if (line !== undefined) yield line
      }
      const rest = buffer.subarray(start)
      if (rest.length === 0) return
      length += rest.length
      // One byte over the limit, the CR of a CRLF aside, and the line is refused anyway: its bytes need not be kept.
      if (length <= maxMessageBytes + 1) carry.add(rest)
      else carry.drop()
    },
    *end() {
      if (length === 0) return
      const line = finish(NOTHING)
      if (line !== undefined) yield line
    },
  }
}

/** Messages of `size` bytes each; the last may be shorter. */
export function chunkCutter(size: number): Cutter {
  const carry = new Carry()
  return {
    *push(chunk) {
      let rest = asBuffer(chunk)
      while (carry.length + rest.length >= size) {
        const end = size - carry.length
        yield carry.take(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
      if (rest.length > 0) carry.add(rest)
    },
    *end() {
      if (carry.length > 0) yield carry.take(NOTHING)
    },
  }
}

/** What is given at once is one message, cut only where it is larger than `most`. */
export function pieceCutter(most: number): Cutter {
  return {
    *push(chunk) {
      const buffer = asBuffer(chunk)
      for (let at = 0; at < buffer.length; at += most) yield buffer.subarray(at, at + most)
    },
    *end() {},
  }
}

function asBuffer(chunk: string | Uint8Array): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}
