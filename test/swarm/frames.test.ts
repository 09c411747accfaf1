/** The frame reader of load clients: whatever comes, wherever reads cut it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageFormat } from '../../scripts/swarm/format.ts'
import { FrameReader } from '../../scripts/swarm/frames.ts'

interface Frame {
  readonly opcode: number
  readonly final: boolean
  readonly payload: Buffer
}

function encode({ opcode, final, payload }: Frame): Buffer {
  const { length } = payload
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10)
  head[0] = (final ? 0x80 : 0) | opcode
  head[1] = length < 126 ? length : length < 65_536 ? 126 : 127
  if (head.length === 4) head.writeUInt16BE(length, 2)
  if (head.length === 10) head.writeUInt32BE(length, 6)
  return Buffer.concat([head, payload])
}

/** Reads these bytes in pieces that end where `cuts` say, each at a moved place of a shared buffer, as sockets do. */
function readIn(bytes: Buffer, cuts: readonly number[], format?: MessageFormat) {
  const seen = {
    messages: 0,
    pongs: [] as string[],
    times: [] as (readonly [number, number])[],
    closed: [] as unknown[],
    broken: '',
  }
  const reader = new FrameReader(
    {
      ping: pong => void seen.pongs.push(pong.subarray(6).toString('latin1')),
      timed: (time, number) => void seen.times.push([time, number]),
      closing: (code, reason) => void seen.closed.push([code, reason]),
      broken: why => {
        seen.broken = why
      },
    },
    format,
  )
  const shared = Buffer.alloc(bytes.length + 3)
  const places = [0, ...[...cuts].map(cut => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  for (let i = 1; i < places.length; i++) {
    const piece = bytes.subarray(places[i - 1], places[i])
    shared.set(piece, 3)
    seen.messages += reader.read(shared, 3, 3 + piece.length)
    shared.fill(0xee)
  }
  return seen
}

const cuts = fc.array(fc.nat(), { maxLength: 12 })
const size = fc.oneof(fc.nat(130), fc.constantFrom(125, 126, 65_535, 65_536), fc.nat(70_000))
const message = fc.record({
  opcode: fc.constantFrom(1, 2),
  final: fc.constant(true),
  payload: size.map(n => Buffer.alloc(n, 'm')),
})
const control = fc.record({
  opcode: fc.constantFrom(9, 10),
  final: fc.constant(true),
  payload: fc.uint8Array({ maxLength: 125 }).map(bytes => Buffer.from(bytes)),
})
/** A message in fragments; control frames may come between them (RFC 6455 §5.4). */
const fragmented = fc
  .array(fc.nat(200), { minLength: 1, maxLength: 4 })
  .map(sizes =>
    sizes.map((n, i) => ({ opcode: i === 0 ? 1 : 0, final: i === sizes.length - 1, payload: Buffer.alloc(n, 'f') })),
  )

describe('any frames, cut anywhere', () => {
  test('messages are counted, and pings answered with their payload', () => {
    const parts = fc.array(
      fc.oneof(
        message.map(frame => [frame]),
        control.map(frame => [frame]),
        fragmented,
      ),
      { maxLength: 12 },
    )
    fc.assert(
      fc.property(parts, cuts, (groups, places) => {
        const frames: Frame[] = groups.flat()
        const seen = readIn(Buffer.concat(frames.map(encode)), places)
        expect(seen.messages).toBe(frames.filter(({ opcode, final }) => opcode < 8 && final).length)
        expect(seen.pongs).toEqual(
          frames.filter(({ opcode }) => opcode === 9).map(({ payload }) => payload.toString('latin1')),
        )
        expect(seen.broken).toBe('')
      }),
    )
  })

  test('times and numbers are read from every message after the first, which shows where they stand', () => {
    const texts = fc.array(fc.record({ number: fc.nat(1e9), pad: fc.nat(300) }), { minLength: 1, maxLength: 20 })
    fc.assert(
      fc.property(texts, cuts, (messages, places) => {
        const began = Date.now() * 1_000
        const payloads = messages.map(({ number, pad }, i) => `${began + i} ${number}${' '.repeat(pad)}`)
        const frames = payloads.map(text => encode({ opcode: 1, final: true, payload: Buffer.from(text) }))
        const seen = readIn(Buffer.concat(frames), places, new MessageFormat())
        expect(seen.times).toEqual(messages.slice(1).map(({ number }, i) => [began + i + 1, number]))
      }),
    )
  })

  test('a close frame tells code and reason', () => {
    const reasons = fc.string({ unit: 'binary', maxLength: 30 })
    fc.assert(
      fc.property(fc.integer({ min: 1000, max: 4999 }), reasons, cuts, (code, reason, places) => {
        const payload = Buffer.concat([Buffer.from([code >> 8, code & 0xff]), Buffer.from(reason)])
        const { closed } = readIn(encode({ opcode: 8, final: true, payload }), places)
        expect(closed).toEqual([[code, Buffer.from(reason).toString()]])
      }),
    )
  })

  test('bytes that are anything at all never make it throw, and nothing is read after what no server may send', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), cuts, (bytes, places) => {
        readIn(Buffer.from(bytes), places, new MessageFormat())
      }),
    )
    for (const first of [0x83, 0xc1, 0x09, 0x8b]) {
      const { broken, messages } = readIn(Buffer.from([first, 0, 0x81, 0]), [1, 2])
      expect([broken !== '', messages], first.toString(16)).toEqual([true, 0])
    }
    expect(readIn(Buffer.from([0x81, 0x80, 0, 0, 0, 0]), []).broken).not.toBe('')
  })
})

test('a close frame without a code counts as 1005', () => {
  expect(readIn(Buffer.from([0x88, 0]), []).closed).toEqual([[1005, '']])
})

describe('the format of messages', () => {
  const text = (payload: string) => encode({ opcode: 1, final: true, payload: Buffer.from(payload) })
  const now = Date.now()

  test('is found in JSON, in milliseconds, wherever it stands in the first 128 bytes', () => {
    for (const before of ['{"time":', '{"id":1234567890123456,"symbol":"ALVA","at":', `${'x'.repeat(100)} `]) {
      const format = new MessageFormat()
      const { times } = readIn(Buffer.concat([text(`${before}${now}}`), text(`${before}${now + 1}}`)]), [], format)
      expect(times).toEqual([[now + 1, -1]])
      expect(format.ms(now)).toBe(now)
      expect(format.numbered).toBe(false)
    }
  })

  test('is not taken from digits that say another year, nor from what stands further in', () => {
    for (const payload of ['1234567890123', '{"id":9999999999999999}', `${'x'.repeat(128)}${now}`, `${now}0`, '']) {
      const format = new MessageFormat()
      readIn(text(payload), [], format)
      expect(format.time, payload).toBeUndefined()
    }
  })

  test('is looked for in a hundred messages, and then no more', () => {
    const format = new MessageFormat()
    readIn(Buffer.concat(Array.from({ length: 100 }, () => text('no time'))), [], format)
    expect(format.looking).toBe(false)
    readIn(text(`${now}`), [], format)
    expect(format.time).toBeUndefined()
  })

  test('is learned anew when a message does not look like it', () => {
    const format = new MessageFormat()
    const messages = [
      `{"a":1,"time":${now}}`,
      `{"a":10,"time":${now}}`,
      `{"a":10,"time":${now}}`,
      `{"a":10,"time":${now + 7}}`,
    ]
    const { times } = readIn(Buffer.concat(messages.map(text)), [], format)
    expect(times).toEqual([[now + 7, -1]])
  })

  test('has a number only where the message begins with microseconds, a space and digits', () => {
    const numbered = (payload: string) => {
      const format = new MessageFormat()
      readIn(text(payload), [], format)
      return format.numbered
    }
    expect([`${now}000 1`, `${now}000 12 and more`].map(numbered)).toEqual([true, true])
    expect([`${now}000`, `${now}000 x`, `${now}000 1x`, `${now} 1`, ` ${now}000 1`].map(numbered)).toEqual(
      Array(5).fill(false),
    )
  })
})
