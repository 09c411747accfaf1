/**
 * What the tests of the log share: a parser of frames that owes nothing to the source, payloads that tell where they come
 * from, and logs of a given size. Not a test.
 */
import { expect } from 'vitest'
import { Log, type LogLimits } from '../../src/log/log.ts'
import type { Position } from '../../src/log/position.ts'
import type { Run } from '../../src/log/segment.ts'

const NONE = Number.POSITIVE_INFINITY

export interface ParsedFrame {
  readonly opcode: number
  readonly payload: Buffer
}

/** Takes RFC 6455 frames apart, and complains about whatever an unmasked, unfragmented server frame must not have. */
export function parseFrames(bytes: Uint8Array): ParsedFrame[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const frames: ParsedFrame[] = []
  let at = 0
  while (at < bytes.byteLength) {
    const first = view.getUint8(at)
    const second = view.getUint8(at + 1)
    if ((first & 0xf0) !== 0x80) throw new Error(`expected FIN and no reserved bits, got ${first.toString(16)}`)
    if (second > 127) throw new Error('expected no mask')
    let length = second
    let start = at + 2
    if (second === 126) {
      length = view.getUint16(start)
      start += 2
    } else if (second === 127) {
      length = Number(view.getBigUint64(start))
      start += 8
    }
    if (start + length > bytes.byteLength) throw new Error('expected a whole frame, got a part of one')
    frames.push({ opcode: first & 0x0f, payload: Buffer.from(bytes.subarray(start, start + length)) })
    at = start + length
  }
  return frames
}

const NOISE_BYTES = 256 * 1024
const noise = noiseOf(NOISE_BYTES)
/** Characters of one to four bytes in UTF-8, so that cutting it anywhere leaves lone surrogates now and then. */
const noisyText = Array.from(noise.subarray(0, 64 * 1024), byte => 'aZ7 éß€語😀𝄞'[byte % 12]).join('')

/** `size` bytes that differ from message to message. */
export function noiseFor(message: number, size: number): Buffer {
  const from = (message * 7919) % (NOISE_BYTES / 2)
  return noise.subarray(from, from + size)
}

/** A string of at most `size` bytes in UTF-8 that differs from message to message. */
export function textFor(message: number, size: number): string {
  const from = (message * 7919) % (32 * 1024)
  return noisyText.slice(from, from + Math.floor(size / 3))
}

/** A log of binary messages, limited in bytes and in nothing else unless told. */
export function logOf(capacity: Partial<LogLimits> & Pick<LogLimits, 'bytes'>): Log {
  return new Log({ format: 'binary', epoch: 'e', capacity: { messages: NONE, ms: NONE, ...capacity } })
}

/** Appends `messages` messages of `size` bytes each; the payload of each is the noise for its count. */
export function fill(log: Log, messages: number, size: number, now = 0): void {
  for (let n = 0; n < messages; n++) log.append(noiseFor(log.count, size), now)
}

/** Every run from a place to the head. */
export function runsFrom(log: Log, from: Position): Run[] {
  const runs: Run[] = []
  for (let run = log.run(from); run !== undefined; run = log.run(run.to)) runs.push(run)
  return runs
}

/** Everything a reader at a place would be sent. */
export function framesFrom(log: Log, from: Position): ParsedFrame[] {
  return runsFrom(log, from).flatMap(run => parseFrames(run.bytes))
}

/** As `toEqual`, which takes a second for each megabyte. */
export function expectBytes(bytes: Buffer, expected: Buffer): void {
  if (!bytes.equals(expected)) expect(bytes.toString('hex')).toBe(expected.toString('hex'))
}

function noiseOf(size: number): Buffer {
  const bytes = Buffer.alloc(size)
  let state = 0x9e3779b9
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}
