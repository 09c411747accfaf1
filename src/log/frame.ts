/**
 * One message as the bytes a WebSocket client receives: FIN, opcode, length, payload, and no mask, because server
 * frames are unmasked (RFC 6455 §5.1). The bytes are the same for every reader, so they are made once, in the log.
 *
 *      0               1               2 …
 *     +-+-----+-------+-+-------------+----------------+---------+
 *     |1|0 0 0|opcode |0| length      | extended, 0/2/8| payload |
 *     +-+-----+-------+-+-------------+----------------+---------+
 *                        0–125, 126 = 16 bits, 127 = 64 bits follow (RFC 6455 §5.2)
 */

/** Opcodes of data frames (RFC 6455 §11.8), under the names that feeds use for their format. */
export const OPCODES = { text: 0x1, binary: 0x2 } as const

/** What a feed carries: every message of a feed is of one kind. */
export type Format = keyof typeof OPCODES

/** What a message is made of. A string is encoded as UTF-8; on a text feed bytes must be valid UTF-8. */
export type Payload = string | Uint8Array

const FIN = 0x80

/** Bytes of the payload on the wire, before its header. */
export function payloadBytes(payload: Payload): number {
  return typeof payload === 'string' ? Buffer.byteLength(payload) : payload.byteLength
}

/** Bytes of a whole frame for a payload of that many bytes. */
export function frameBytes(payload: number): number {
  return payload < 126 ? payload + 2 : payload < 65_536 ? payload + 4 : payload + 10
}

/** Writes one frame at `at`; the room for `frameBytes(length)` is the caller's duty. Returns where the frame ends. */
export function writeFrame(into: Buffer, at: number, opcode: number, payload: Payload, length: number): number {
  into[at] = FIN | opcode
  let start = at + 2
  if (length < 126) {
    into[at + 1] = length
  } else if (length < 65_536) {
    into[at + 1] = 126
    start = into.writeUInt16BE(length, start)
  } else {
    into[at + 1] = 127
    start = into.writeUInt32BE(Math.floor(length / 2 ** 32), start)
    start = into.writeUInt32BE(length >>> 0, start)
  }
  if (typeof payload === 'string') into.write(payload, start, length, 'utf8')
  else into.set(payload, start)
  return start + length
}

/** Where the frame that starts at `at` ends. */
export function frameEnd(buffer: Buffer, at: number): number {
  const short = buffer[at + 1]!
  if (short < 126) return at + 2 + short
  if (short === 126) return at + 4 + buffer.readUInt16BE(at + 2)
  return at + 10 + buffer.readUInt32BE(at + 2) * 2 ** 32 + buffer.readUInt32BE(at + 6)
}
