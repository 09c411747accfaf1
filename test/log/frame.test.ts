/** The bytes of a frame, held against RFC 6455 §5.2 by hand and against the receiver of ws by machine. */
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import * as ws from 'ws'
import { frameBytes, frameEnd, OPCODES, type Payload, payloadBytes, writeFrame } from '../../src/log/frame.ts'
import { expectBytes, noiseFor, parseFrames } from './helpers.ts'

/** ws exports it; its types do not say so. */
const { Receiver } = ws as unknown as { Receiver: new (options: { isServer: boolean }) => Writable }

const BORDERS = [
  { length: 0, header: '00' },
  { length: 1, header: '01' },
  { length: 125, header: '7d' },
  { length: 126, header: '7e007e' },
  { length: 127, header: '7e007f' },
  { length: 65_535, header: '7effff' },
  { length: 65_536, header: '7f0000000000010000' },
  { length: 65_537, header: '7f0000000000010001' },
]

function frameOf(payload: Payload, opcode: number = OPCODES.binary): Buffer {
  const length = payloadBytes(payload)
  const frame = Buffer.alloc(frameBytes(length))
  expect(writeFrame(frame, 0, opcode, payload, length)).toBe(frame.length)
  return frame
}

describe('a frame', () => {
  test.each(BORDERS)('of $length bytes has the header 8x $header', ({ length, header }) => {
    const bytes = noiseFor(length, length)
    const text = 'x'.repeat(length)
    expectBytes(frameOf(bytes, OPCODES.binary), Buffer.concat([Buffer.from(`82${header}`, 'hex'), bytes]))
    expectBytes(frameOf(text, OPCODES.text), Buffer.concat([Buffer.from(`81${header}`, 'hex'), Buffer.from(text)]))
  })

  test('of more than 2^32 bytes has a 64-bit length, and is hopped over by it', () => {
    const length = 5 * 2 ** 32 + 0xfe_dc_ba_98
    const header = Buffer.alloc(10)
    expect(frameBytes(length)).toBe(length + 10)
    expect(writeFrame(header, 0, OPCODES.binary, new Uint8Array(0), length)).toBe(10 + length)
    expect(header.toString('hex')).toBe('827f00000005fedcba98')
    expect(frameEnd(header, 0)).toBe(10 + length)
  })

  test.each(BORDERS)('of $length bytes touches no byte beside its own', ({ length }) => {
    const room = Buffer.alloc(frameBytes(length) + 20, 0xaa)
    const end = writeFrame(room, 10, OPCODES.binary, noiseFor(1, length), length)
    expect(end).toBe(room.length - 10)
    expect(room.subarray(0, 10)).toEqual(Buffer.alloc(10, 0xaa))
    expect(room.subarray(end)).toEqual(Buffer.alloc(10, 0xaa))
  })

  test('without a payload fits into the last two bytes of a buffer', () => {
    for (const payload of ['', new Uint8Array(0)]) {
      const room = Buffer.alloc(4)
      expect(writeFrame(room, 2, OPCODES.text, payload, 0)).toBe(4)
      expect(room.toString('hex')).toBe('00008100')
    }
  })

  test('carries a string as UTF-8, counted in bytes and not in characters', () => {
    const payload = 'é'.repeat(63)
    expect(payloadBytes(payload)).toBe(126)
    expect(frameOf(payload, OPCODES.text)).toEqual(
      Buffer.concat([Buffer.from('817e007e', 'hex'), Buffer.from(payload)]),
    )
    expect(frameOf('a€😀', OPCODES.text).toString('hex')).toBe('810861e282acf09f9880')
  })

  test('carries U+FFFD for each lone surrogate, so that text stays valid UTF-8', () => {
    expect(frameOf('a\ud83db\ude00', OPCODES.text).toString('hex')).toBe('810861efbfbd62efbfbd')
    expect(payloadBytes('\ud83d'.repeat(42))).toBe(126)
    expect(frameOf('\ud83d'.repeat(42), OPCODES.text).subarray(0, 4).toString('hex')).toBe('817e007e')
  })

  test('carries the bytes of a view, wherever in its memory the view begins', () => {
    const memory = new Uint8Array([9, 9, 1, 2, 3, 9])
    expect(frameOf(memory.subarray(2, 5)).toString('hex')).toBe('8203010203')
    expect(payloadBytes(memory.subarray(2, 5))).toBe(3)
  })
})

describe('frames end to end', () => {
  const payloads = [
    ...BORDERS.map(({ length }) => noiseFor(length, length)),
    ...BORDERS.map(({ length }) => 'x'.repeat(length)),
    'é'.repeat(62),
    'é'.repeat(63),
    'a\ud83db',
    '語'.repeat(21_845),
    '😀'.repeat(16_384),
  ]
  const frames = Buffer.concat(
    payloads.map(payload => frameOf(payload, typeof payload === 'string' ? OPCODES.text : OPCODES.binary)),
  )

  test.each([1_000_000, 65_537, 4_099, 1_009])(
    'are read by ws as they were meant, in chunks of %i bytes',
    async size => {
      const received: { readonly data: Buffer; readonly isBinary: boolean }[] = []
      const receiver = new Receiver({ isServer: false })
      receiver.on('message', (data: Buffer, isBinary: boolean) => received.push({ data: Buffer.from(data), isBinary }))
      for (let at = 0; at < frames.length; at += size) receiver.write(frames.subarray(at, at + size))
      receiver.end()
      await finished(receiver)
      const meant = payloads.map(payload => ({ data: Buffer.from(payload), isBinary: typeof payload !== 'string' }))
      expect(received.map(({ isBinary }) => isBinary)).toEqual(meant.map(({ isBinary }) => isBinary))
      for (const [n, { data }] of meant.entries()) expectBytes(received[n]!.data, data)
    },
  )

  test('are hopped over one by one, from any of them to the last', () => {
    const ends: number[] = []
    for (let at = 0; at < frames.length; at = frameEnd(frames, at)) ends.push(frameEnd(frames, at))
    let sum = 0
    expect(ends).toEqual(payloads.map(payload => (sum += frameBytes(payloadBytes(payload)))))
    expect(ends.at(-1)).toBe(frames.length)
    expect(parseFrames(frames.subarray(ends[3])).length).toBe(payloads.length - 4)
  })
})
