/** Asynchronous stages before the pump: bytes for streams of bytes, messages for the rest, demand through all of them, and who failed. */
import { Duplex, PassThrough, Readable, Transform } from 'node:stream'
import { createGunzip, createGzip, gzipSync } from 'node:zlib'
import { of } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { SourceOptions } from '../../src/hub.ts'
import type { FeedOptions } from '../../src/options.ts'
import type { Item } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { collector, gate, hold, openHub, payloadsOf, promptly, ready, still } from './helpers.ts'

const bytes = (text: string | Buffer) => Readable.from([Buffer.from(text)], { objectMode: false })

async function* upper(items: AsyncIterable<Uint8Array | string>): AsyncGenerator<string, void> {
  for await (const item of items)
    yield Buffer.from(item as string)
      .toString()
      .toUpperCase()
}

async function run(options: FeedOptions & SourceOptions) {
  const { hub } = openHub()
  const feed = hub.feed('f', options)
  await until('the feed to end', () => feed.ending !== undefined)
  return { feed, payloads: payloadsOf(feed), reason: feed.ending?.reason }
}

describe('stages', () => {
  test('that are streams of bytes are given bytes, and lines are cut behind the last', async () => {
    const source = bytes(gzipSync('one\ntwo\nthree\n'))
    expect((await run({ source, through: [createGunzip()] })).payloads).toEqual(['one', 'two', 'three'])
  })

  test('that are functions are given messages: lines of a text feed, chunks of a binary one', async () => {
    expect((await run({ source: bytes('one\ntwo'), through: [upper] })).payloads).toEqual(['ONE', 'TWO'])
    const binary = { format: 'binary', chunkBytes: 3 } as const
    expect((await run({ source: bytes('onetwo'), through: [upper], ...binary })).payloads).toEqual(['ONE', 'TWO'])
  })

  test('follow each other, whatever they are', async () => {
    const objects = new Transform({ objectMode: true, transform: (item, _, done) => done(null, `<${item}>`) })
    const source = bytes(gzipSync('a\nb\n'))
    const through = [createGunzip(), upper, objects, createGzip(), createGunzip(), upper]
    expect((await run({ source, through })).payloads).toEqual(['<A>', '<B>'])
  })

  test('may give fewer or more than they are given, and wait in between', async () => {
    async function* twice(items: AsyncIterable<string>): AsyncGenerator<Item, void> {
      for await (const item of items) {
        await new Promise(resolve => setImmediate(resolve))
        if (item !== 'b') yield* [item, { payload: item, key: 'k' }]
      }
      yield 'end'
    }
    async function* source(): AsyncGenerator<string, void> {
      yield* ['a', 'b', 'c']
    }
    expect((await run({ source: source(), through: [twice] })).payloads).toEqual(['a', 'a', 'c', 'c', 'end'])
  })

  test('carry demand: a source behind a slow stage is asked for what the stage takes', async () => {
    const pass = gate()
    async function* slow(items: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
      for await (const item of items) {
        yield item
        await pass.opened
      }
    }
    const { source, askedAt } = ready('x', 500)
    const { feed, pumping } = hold(source, { feed: { through: [slow, () => new PassThrough({ objectMode: true })] } })
    expect(await still('what is asked', () => askedAt.length)).toBeLessThan(5)
    pass.open()
    await pumping
    expect(feed.log.count).toBe(500)
  })

  test('keep nothing of what has passed through them', async () => {
    const collect = collector()
    const count = 60_000
    async function* source(): AsyncGenerator<string, void> {
      for (let i = 0; i < count; i++) yield `${i}`
      await new Promise(() => {})
    }
    const { hub } = openHub()
    const feed = hub.feed('f', { source: source(), through: [upper, upper], capacity: 65_536 })
    await until('the first', () => feed.log.count > 1_000)
    collect()
    const before = process.memoryUsage().heapUsed
    await until('the last', () => feed.log.count === count, 30_000)
    collect()
    // A hundred bytes for each would be 6 MB; they were a thousand once.
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4e6)
  })

  test('have their `finally` run when the feed stops, while they wait for a source that gives nothing', async () => {
    const { hub } = openHub()
    let [waiting, done] = [false, false]
    async function* stage(items: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
      try {
        waiting = true
        for await (const item of items) yield item
      } finally {
        done = true
      }
    }
    const duplex = new PassThrough({ objectMode: true })
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    hub.feed('f', { source: never, through: [duplex, stage] })
    await until('the stage to wait', () => waiting)
    await promptly('close()', hub.close({ drainMs: 0 }))
    await until('the stage to let go', () => done && duplex.destroyed)
  })
})

test('a stage that has enough ends the feed, and everything before it is let go', async () => {
  const { source, finished } = ready('x')
  async function* two(items: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
    let left = 2
    for await (const item of items) {
      yield item
      if (--left === 0) return
    }
  }
  const duplex = new PassThrough({ objectMode: true })
  const { payloads, feed } = await run({ source, through: [duplex, two] })
  expect([payloads, feed.ending?.code]).toEqual([['x', 'x'], 1000])
  await until('the source to let go', () => finished() && duplex.destroyed)
})

describe('a failure is named by its stage:', () => {
  const broken = () => new Transform({ transform: (_, __, done) => done(new Error('no such thing')) })
  async function* failing(items: AsyncIterable<unknown>): AsyncGenerator<unknown, void> {
    for await (const item of items) {
      yield item
      throw new Error('one is enough')
    }
  }
  test.each<[string, SourceOptions['through'], string]>([
    ['a function', [upper, failing, upper], 'through[1] (failing): one is enough'],
    ['a Duplex', [upper, broken(), upper], 'through[1] (Transform): no such thing'],
    ['one with a name', [{ name: 'checksum', stage: broken() }], 'through[0] (checksum): no such thing'],
    ['one that is no gzip', [createGunzip()], 'through[0] (Gunzip): incorrect header check'],
    [
      'one that makes no Duplex',
      [() => 42 as never],
      'through[0]: a function without parameters: expected to make a Duplex, got 42',
    ],
    [
      'one that gives nothing',
      [upper, (_: unknown) => undefined as never],
      'through[1]: what it returns: expected an AsyncIterable, got nothing',
    ],
  ])('%s', async (_, through, reason) => {
    const { feed } = await run({ source: bytes('a\nb\n'), through: through! })
    expect(feed.ending).toEqual({ code: 4500, reason: `source failed: ${reason}` })
  })

  test('and of the source, which is none of theirs, it is left as it is', async () => {
    async function* source(): AsyncGenerator<string, void> {
      yield 'a'
      throw new Error('out of ink')
    }
    const through = [upper, new PassThrough({ objectMode: true }), upper]
    const { reason, payloads } = await run({ source: source(), through })
    expect(reason).toBe('source failed: out of ink')
    expect(payloads.length).toBeLessThanOrEqual(1)
  })
})

test('a stage that cannot be made leaves nothing open of what stands before it', async () => {
  const source = new Readable({ read() {} })
  const before = new PassThrough()
  const { reason } = await run({ source, through: [before, () => 42 as never] })
  expect(reason).toMatch(/^source failed: through\[1\]: /)
  await until('both to be let go', () => source.destroyed && before.destroyed)
})

test('a stage that is a function makes a fresh start with each restart', async () => {
  const lives = ['one\ntwo\n', 'three\n']
  let made = 0
  const gunzip = () => {
    made++
    return createGunzip()
  }
  const source = () => {
    const packed = gzipSync(lives.shift()!)
    // Cut off, the first is no whole gzip.
    return bytes(lives.length > 0 ? packed.subarray(0, -4) : packed)
  }
  const { payloads, feed } = await run({ source, restart: { minMs: 1 }, through: [gunzip] })
  expect(payloads.at(-1)).toBe('three')
  expect([made, feed.source.restarts, feed.ending?.code]).toEqual([2, 1, 1000])
})

test.each<[SourceOptions, string, RegExp]>([
  [{ source: of('x'), through: [upper] }, 'bad_option', /^f\.through: expected none on an Observable/],
  [
    { source: () => bytes('x'), through: [new PassThrough()] },
    'bad_option',
    /^f\.through\[0\]: expected a function that makes the Duplex/,
  ],
  [{ source: bytes('x'), through: [42 as never] }, 'bad_option', /^f\.through\[0\]: expected a function, a Duplex or/],
  [{ source: bytes('x'), through: upper as never }, 'bad_option', /^f\.through: expected a list, got a function/],
  [{ through: [upper] }, 'bad_option', /^f\.source: expected one beside through/],
])('what cannot stand there is refused: %#', (options, code, message) => {
  const { hub } = openHub()
  expect(() => hub.feed('f', options)).toThrow(
    expect.objectContaining({ code, message: expect.stringMatching(message) }),
  )
  expect(hub.feeds.size).toBe(0)
})

test('a Duplex made by hand does as well as a Transform', async () => {
  const made = Duplex.from(upper)
  expect((await run({ source: bytes('a\nb\n'), through: [made] })).payloads).toEqual(['A', 'B'])
})
