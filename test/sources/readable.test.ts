import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { SpillwayError } from '../../src/errors.ts'
import { chunks, isReadable, lines, readableSource } from '../../src/sources/readable.ts'

type Piece = string | Uint8Array

async function* piecesOf(pieces: readonly Piece[]): AsyncGenerator<Piece, void> {
  yield* pieces
}

/** What lines() makes of bytes that come in these pieces: the lines, and what it said of those it refused. */
async function linesOf(pieces: readonly Piece[], maxMessageBytes = 1_000) {
  const given: string[] = []
  const refused: SpillwayError[] = []
  const options = { maxMessageBytes, refused: (error: SpillwayError) => void refused.push(error) }
  for await (const line of lines(piecesOf(pieces), options)) given.push(Buffer.from(line).toString('latin1'))
  return { lines: given, refused: refused.map(({ code, message }) => `${code}: ${message}`) }
}

async function chunksOf(pieces: readonly Piece[], size: number): Promise<string[]> {
  const given: string[] = []
  for await (const chunk of chunks(piecesOf(pieces), size)) given.push(Buffer.from(chunk).toString('latin1'))
  return given
}

/** The same bytes in pieces, cut at these places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map(place => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

/** Bytes of which many are line ends, CRs, and parts of characters. */
const anyBytes = fc
  .array(fc.oneof(fc.constantFrom(0x0a, 0x0d, 0x61, 0xc3, 0xa9), fc.nat(255)), { maxLength: 200 })
  .map(bytes => Uint8Array.from(bytes))
const anyPlaces = fc.array(fc.nat(1_000), { maxLength: 20 })

/** Lines as `split` sees them: what stands behind the last line end is one only if there is something. */
function split(bytes: Uint8Array): string[] {
  const parts = Buffer.from(bytes).toString('latin1').split('\n')
  if (parts.at(-1) === '') parts.pop()
  return parts.map(part => (part.endsWith('\r') ? part.slice(0, -1) : part))
}

describe('lines', () => {
  it.each<[what: string, pieces: Piece[], expected: string[]]>([
    ['end with LF', ['a\nb\n'], ['a', 'b']],
    ['end with CRLF, which is no part of them', ['a\r\nb\r\n'], ['a', 'b']],
    ['may end with either in one stream', ['a\r\nb\nc\r\n'], ['a', 'b', 'c']],
    ['may have a CR inside', ['a\rb\nc\r\r\n'], ['a\rb', 'c\r']],
    ['may end with a CRLF that is cut in two', ['a\r', '\nb\r', '\n'], ['a', 'b']],
    ['need no end at the end of the stream', ['a\nb'], ['a', 'b']],
    ['may be empty', ['\n\na\n\r\n\n'], ['', '', 'a', '', '']],
    ['are none where there are no bytes', [], []],
    ['are none where there are only empty pieces', ['', Buffer.alloc(0)], []],
    ['may be empty once, where there is one end and nothing else', ['\n'], ['']],
    ['come together from many pieces', ['a', 'b', '', 'c', '\nd', 'e\n'], ['abc', 'de']],
    [
      'may come as strings, as Buffers and as plain bytes',
      ['a\n', Buffer.from('b\n'), Uint8Array.of(0x63, 0x0a)],
      ['a', 'b', 'c'],
    ],
  ])('%s', async (_, pieces, expected) => {
    expect(await linesOf(pieces)).toEqual({ lines: expected, refused: [] })
  })

  it('are taken from where a view of bytes begins, and not from the memory below it', async () => {
    const memory = Buffer.from('xxa\nbxx')
    expect((await linesOf([new Uint8Array(memory.buffer, memory.byteOffset + 2, 3)])).lines).toEqual(['a', 'b'])
  })

  it('keep characters whole that come in pieces', async () => {
    const bytes = Buffer.from('é語😀\n𝄞')
    const pieces = Array.from(bytes, byte => Uint8Array.of(byte))
    const { lines: given } = await linesOf(pieces)
    expect(given.map(line => Buffer.from(line, 'latin1').toString())).toEqual(['é語😀', '𝄞'])
  })

  it('are what split() makes of the same bytes, wherever those are cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyPlaces, async (bytes, places) => {
        expect(await linesOf(cut(bytes, places))).toEqual({ lines: split(bytes), refused: [] })
      }),
    )
  })

  it('are refused if they are too long, and no others, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyPlaces, fc.integer({ min: 1, max: 8 }), async (bytes, places, most) => {
        const expected = split(bytes)
        const given = await linesOf(cut(bytes, places), most)
        expect(given.lines).toEqual(expected.filter(line => line.length <= most))
        expect(given.refused).toHaveLength(expected.filter(line => line.length > most).length)
      }),
    )
  })

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['the end of the stream', ''],
  ])('may be of exactly maxMessageBytes, and not of one byte more, before %s', async (_, end) => {
    expect(await linesOf([`abcd${end}`], 4)).toEqual({ lines: ['abcd'], refused: [] })
    expect(await linesOf(['ab', 'cd', end], 4)).toEqual({ lines: ['abcd'], refused: [] })
    const refusal = 'message_too_large: line: expected a line of at most 4 bytes (maxMessageBytes), got 5'
    expect(await linesOf([`abcde${end}`], 4)).toEqual({ lines: [], refused: [refusal] })
    expect(await linesOf(['abc', 'de', end], 4)).toEqual({ lines: [], refused: [refusal] })
  })

  it('are counted in bytes and not in characters', async () => {
    expect((await linesOf(['éé\n'], 4)).refused).toEqual([])
    expect((await linesOf(['ééa\n'], 4)).refused).toHaveLength(1)
  })

  it('go on behind one that was too long', async () => {
    const { lines: given, refused } = await linesOf(['a\n', 'x'.repeat(50), 'x'.repeat(50), 'x\nb\n', 'y'.repeat(9)], 4)
    expect(given).toEqual(['a', 'b'])
    expect(refused).toEqual([expect.stringContaining('got 101'), expect.stringContaining('got 9')])
  })

  it('cost what their bytes cost, in however small pieces they come', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const memory = () => {
      collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return heapUsed + arrayBuffers
    }
    const before = memory()
    let kept = Number.NaN
    async function* bytes(): AsyncGenerator<Buffer, void> {
      for (let i = 0; i < 200_000; i++) yield Buffer.allocUnsafeSlow(1).fill('x')
      kept = memory() - before
      yield Buffer.from('\n')
    }
    const options = { maxMessageBytes: 200_000, refused: () => {} }
    for await (const line of lines(bytes(), options)) expect(line.length).toBe(200_000)
    // They were 85 MB once.
    expect(kept).toBeLessThan(2e6)
  })

  it('cost no memory while they have no end and are too long already', async () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const given: WeakRef<ArrayBufferLike>[] = []
    let kept = Number.NaN
    async function* endless(): AsyncGenerator<Buffer, void> {
      for (let i = 0; i < 100; i++) {
        const piece = Buffer.alloc(10_000, 'x')
        given.push(new WeakRef(piece.buffer))
        yield piece
      }
      // A WeakRef holds what it refers to until the turn is over.
      await setImmediate()
      collect()
      kept = given.filter(ref => ref.deref() !== undefined).length
    }
    const refused: SpillwayError[] = []
    const options = { maxMessageBytes: 100_000, refused: (error: SpillwayError) => void refused.push(error) }
    for await (const line of lines(endless(), options)) expect(line).toBeUndefined()
    expect(refused.map(({ code }) => code)).toEqual(['message_too_large'])
    // The last may still lie on somebody's stack. Kept to the limit it would be ten, kept to the end a hundred.
    expect(kept).toBeLessThanOrEqual(3)
  })

  it('stop their stream when nobody wants more', async () => {
    const stream = Readable.from([Buffer.from('a\nb\n')], { objectMode: false })
    for await (const line of lines(stream, { maxMessageBytes: 10, refused() {} })) {
      expect(Buffer.from(line).toString()).toBe('a')
      break
    }
    expect(stream.destroyed).toBe(true)
  })
})

describe('chunks', () => {
  it.each<[what: string, pieces: Piece[], size: number, expected: string[]]>([
    ['are of one byte each, if asked for', ['abc', 'd'], 1, ['a', 'b', 'c', 'd']],
    ['are of one size, and the last is what is left', ['abcdefgh'], 3, ['abc', 'def', 'gh']],
    ['come out even', ['abcdef'], 3, ['abc', 'def']],
    ['come together from smaller pieces', ['a', 'b', 'cd', 'e', 'f', 'g'], 3, ['abc', 'def', 'g']],
    ['come together from a rest and the beginning of what follows', ['abcd', 'efgh'], 3, ['abc', 'def', 'gh']],
    ['may be larger than all there is', ['ab', 'c'], 1_000, ['abc']],
    ['do not mind line ends', ['a\r\n\nb'], 2, ['a\r', '\n\n', 'b']],
    ['are none where there are no bytes', ['', Buffer.alloc(0)], 3, []],
    ['are none behind an empty piece at an even end', ['abc', ''], 3, ['abc']],
  ])('%s', async (_, pieces, size, expected) => {
    expect(await chunksOf(pieces, size)).toEqual(expected)
  })

  it('are the same bytes in the same order, all of one size but the last, wherever those were cut', async () => {
    await fc.assert(
      fc.asyncProperty(anyBytes, anyPlaces, fc.integer({ min: 1, max: 50 }), async (bytes, places, size) => {
        const given = await chunksOf(cut(bytes, places), size)
        expect(given.join('')).toBe(Buffer.from(bytes).toString('latin1'))
        expect(given.slice(0, -1).filter(chunk => chunk.length !== size)).toEqual([])
        expect(given).toHaveLength(Math.ceil(bytes.length / size))
      }),
    )
  })
})

describe('a Readable', () => {
  const options = { maxMessageBytes: 100, chunkBytes: 2, refused() {} }

  async function all(source: AsyncIterable<unknown>): Promise<unknown[]> {
    const items: unknown[] = []
    for await (const item of source) items.push(item instanceof Uint8Array ? Buffer.from(item).toString() : item)
    return items
  }

  it('is known by what Node gives it, and is not taken for an iterable or an Observable with a pipe()', () => {
    expect(isReadable(Readable.from([]))).toBe(true)
    expect(isReadable(process.stdin)).toBe(true)
    expect(isReadable(piecesOf([]))).toBe(false)
    expect(isReadable({ pipe() {}, [Symbol.asyncIterator]() {} })).toBe(false)
    expect(isReadable(undefined)).toBe(false)
    expect(isReadable(null)).toBe(false)
  })

  it('of bytes gives lines on a text feed and chunks on a binary one', async () => {
    const stream = () => Readable.from([Buffer.from('ab\nc')], { objectMode: false })
    expect(await all(readableSource(stream(), { ...options, format: 'text' }))).toEqual(['ab', 'c'])
    expect(await all(readableSource(stream(), { ...options, format: 'binary' }))).toEqual(['ab', '\nc'])
  })

  it('with an encoding gives lines too', async () => {
    const stream = Readable.from([Buffer.from('é'), Buffer.from('\n語')], { objectMode: false }).setEncoding('utf8')
    expect(await all(readableSource(stream, { ...options, format: 'text' }))).toEqual(['é', '語'])
  })

  it('of objects gives them as they are, line ends and all', async () => {
    const items = ['a\nb', { payload: 'c', key: 'k' }]
    expect(await all(readableSource(Readable.from(items), { ...options, format: 'text' }))).toEqual(items)
    expect(await all(readableSource(Readable.from(items), { ...options, format: 'binary' }))).toEqual(items)
  })

  it('that is a file gives its lines', async () => {
    const source = readableSource(createReadStream('package.json'), {
      ...options,
      maxMessageBytes: 1_000,
      format: 'text',
    })
    expect((await all(source)).slice(0, 2)).toEqual(['{', '  "name": "spillway",'])
  })
})
