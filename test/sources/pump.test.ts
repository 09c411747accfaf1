import { getEventListeners } from 'node:events'
import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { map, NEVER, Observable, of, range } from 'rxjs'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Feed } from '../../src/feed.ts'
import { pump } from '../../src/sources/pump.ts'
import type { Item, Source } from '../../src/sources/source.ts'
import { startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'
import { ENDLESS, gate, hold, openHub, payloadsOf, promptly, ready, still, turns, uncaughtErrors } from './helpers.ts'

/** Resolves when so much time has passed: for what must not happen meanwhile, or is due after it. */
function passed(ms: number): Promise<void> {
  const end = performance.now() + ms
  return until(`${ms} ms to pass`, () => performance.now() >= end)
}

describe('a rate', () => {
  /** The pump may be a tenth of a second late and make up for it, or a timer's grain early. */
  const TOLERANCE_MS = 102

  /** How many more messages than the rate allows were asked for, in whatever span of time that was worst. */
  function excess(askedAt: readonly number[], rate: number): number {
    let worst = Number.NEGATIVE_INFINITY
    for (let from = 0; from < askedAt.length; from++) {
      for (let to = from + 1; to < askedAt.length; to++) {
        const allowed = 2 + (rate / 1_000) * (askedAt[to]! - askedAt[from]! + TOLERANCE_MS)
        worst = Math.max(worst, to - from - allowed)
      }
    }
    return worst
  }

  it.each([
    [20, 10],
    [500, 200],
    [10_000, 3_000],
  ])('of %d per second is never exceeded, in whatever span of time', async (rate, count) => {
    const { hub } = openHub()
    const { source, askedAt } = ready()
    const feed = hub.feed('f', { source, rate })
    await until('the messages', () => feed.log.count >= count)
    expect(excess(askedAt, rate)).toBeLessThanOrEqual(0)
  })

  it('is kept, and not only kept below', async () => {
    const { hub } = openHub()
    const { source, askedAt } = ready()
    const feed = hub.feed('f', { source, rate: 1_000 })
    await until('the messages', () => feed.log.count >= 300)
    // A third of a second, on a machine that does nothing else.
    expect(askedAt[299]! - askedAt[0]!).toBeLessThan(6_000)
  })

  it('lets no burst follow a pause of the source', async () => {
    const { hub } = openHub()
    const { source, askedAt } = ready()
    const pause = gate()
    async function* pausing(): AsyncGenerator<Item, void> {
      for await (const item of source) {
        yield item
        if (askedAt.length === 10) await pause.opened
      }
    }
    const feed = hub.feed('f', { source: pausing(), rate: 500 })
    await until('the pause', () => feed.log.count === 10)
    await passed(500)
    pause.open()
    await until('the rest', () => feed.log.count >= 260)
    expect(excess(askedAt, 500)).toBeLessThanOrEqual(0)
  })

  it('lets no burst follow a time without demand', async () => {
    const { source, askedAt } = ready()
    const { feed, flush } = hold(source, { feed: { capacity: { messages: 40 } }, rate: 500 })
    await until('the feed to have enough', () => !feed.demand.open)
    await passed(500)
    await until('the rest', () => {
      flush()
      return feed.log.count >= 260
    })
    expect(excess(askedAt, 500)).toBeLessThanOrEqual(0)
  })

  it('keeps nobody waiting who closes the hub, and leaves no timer behind', async () => {
    const timers = () => process.getActiveResourcesInfo().filter(kind => kind === 'Timeout').length
    const before = timers()
    const { hub } = openHub()
    const { source, finished } = ready()
    const feed = hub.feed('f', { source, rate: 0.01 })
    await until('the first message', () => feed.log.count === 1)
    expect(timers()).toBeGreaterThan(before)
    await promptly('close()', hub.close({ drainMs: 0 }))
    await until('the source to let go', finished)
    await until('its timer to be gone', () => timers() <= before)
  })
})

describe('minClients', () => {
  it('holds the source until so many readers are there, and no longer when one leaves', async () => {
    const { hub, client } = await startHub()
    const { source, askedAt } = ready('x', 3)
    hub.feed('f', { source, minClients: 2 })
    const first = await client('/feeds/f')
    expect(await still('what is asked of the source', () => askedAt.length)).toBe(0)
    const second = await client('/feeds/f')
    await until('both to have everything', () => first.messages === 3 && second.messages === 3)
  })

  it('does not hold it again when readers have left', async () => {
    const { hub, client } = await startHub()
    const subject = ready('x', 3)
    const pause = gate()
    async function* pausing(): AsyncGenerator<Item, void> {
      for await (const item of subject.source) {
        yield item
        await pause.opened
      }
    }
    const feed = hub.feed('f', { source: pausing(), minClients: 1 })
    const only = await client('/feeds/f')
    await until('the first message', () => only.messages === 1)
    only.destroy()
    await until('the reader to have left', () => feed.readers.size === 0)
    pause.open()
    await until('the rest', () => feed.log.count === 3)
  })

  it('keeps the error of a Readable for when it is asked, and the process alive until then', async () => {
    const uncaught = uncaughtErrors()
    const source = createReadStream('/there/is/no/such/file')
    const { feed, pumping, running } = hold(source, { feed: { minClients: 1 } })
    await until('the file to be missed', () => source.destroyed)
    await turns(2)
    expect(uncaught).toEqual([])
    expect(running()).toBe(true)
    feed.demand.joined(1, performance.now())
    await expect(pumping).rejects.toThrow('ENOENT')
  })
})

describe('a source that is always ready', () => {
  /** What a figure rises by in each of so many turns of the event loop. */
  async function perTurn(figure: () => number, count: number): Promise<number[]> {
    const rises: number[] = []
    let before = figure()
    for (let i = 0; i < count; i++) {
      await setImmediate()
      rises.push(figure() - before)
      before = figure()
    }
    return rises
  }

  const messagesOf = (feed: Feed) => () => feed.log.count
  const refusedBy = (feed: Feed) => () => feed.source.refused

  function* always(payload: Item): Generator<Item, void> {
    for (let i = 0; i < ENDLESS; i++) yield payload
  }

  it.each<[string, () => Source | Readable]>([
    ['async generator', () => ready().source],
    ['object-mode Readable', () => Readable.from(always('x'))],
    ['Readable of bytes', () => Readable.from(always(Buffer.from('x\n'.repeat(1_000))), { objectMode: false })],
  ])('(an %s) leaves timers their turn: about 1,000 messages, then others', async (_, open) => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: open() })
    let ticks = 0
    const timer = setInterval(() => ticks++)
    const rises = await perTurn(messagesOf(feed), 50)
    clearInterval(timer)
    // Whether the flush comes before or behind the test in a turn is open: it may see two bursts in one.
    expect(Math.max(...rises)).toBeLessThanOrEqual(2_000)
    expect(feed.log.count).toBeGreaterThan(20_000)
    expect(ticks).toBeGreaterThan(0)
  })

  it('leaves others their turn after about 1 MiB of large messages', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: ready(Buffer.alloc(64 * 1024, 'x'), 5_000).source })
    const rises = await perTurn(() => feed.log.bytes, 50)
    expect(Math.max(...rises)).toBeLessThanOrEqual(2 * (1024 + 64) * 1024)
    expect(feed.log.bytes).toBeGreaterThan(20 * 1024 * 1024)
  })

  it.each<[string, unknown]>([
    ['garbage', 42],
    ['messages that are too large', 'x'.repeat(20)],
    ['bytes that are no UTF-8', Uint8Array.of(0xff)],
  ])('leaves others their turn though it gives nothing but %s', async (_, item) => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: ready(item as Item).source, maxMessageBytes: 10 })
    const rises = await perTurn(refusedBy(feed), 20)
    expect(Math.max(...rises)).toBeLessThanOrEqual(2_000)
    expect(feed.source.refused).toBeGreaterThan(1_000)
  })
})

describe('a message that the feed refuses', () => {
  async function* each(items: readonly unknown[]): AsyncGenerator<Item, void> {
    yield* items as Item[]
  }

  it.each<[string, unknown, RegExp]>([
    ['is too large', 'x'.repeat(11), /payload: expected at most 10 bytes \(maxMessageBytes of feed f\), got 11$/],
    ['is no UTF-8', Uint8Array.of(0x61, 0xff), /payload: expected valid UTF-8 on text feed f, got other bytes$/],
    ['is null', null, /expected a payload or { payload }, got null$/],
    ['is no message', { pyload: 'a' }, /expected a payload or { payload }, got {"pyload":"a"}$/],
    ['has an offset below the head', { payload: 'a', offset: 0 }, /offset: expected a whole number from 1 .*, got 0$/],
  ])('because it %s is counted, told and passed over', async (_, item, line) => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f', { source: each(['a', item, 'b']), maxMessageBytes: 10 })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['a', 'b'])
    expect(feed.source.refused).toBe(1)
    expect(lines).toHaveLength(2)
    expect(lines[0]).toMatch(/^warn: feed f: refused a message: /)
    expect(lines[0]).toMatch(line)
  })

  it('because its line is too long is counted, told and passed over', async () => {
    const { hub, lines } = openHub()
    const source = Readable.from([Buffer.from(`a\n${'x'.repeat(11)}\nb\n`)], { objectMode: false })
    const feed = hub.feed('f', { source, maxMessageBytes: 10 })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['a', 'b'])
    expect(feed.source.refused).toBe(1)
    expect(lines[0]).toMatch(/^warn: .* line: expected a line of at most 10 bytes \(maxMessageBytes\), got 11$/)
  })

  it('does not make up for demand: while the feed takes no more, no other is asked for', async () => {
    const pause = gate()
    let asked = 0
    async function* bad(): AsyncGenerator<Item, void> {
      asked++
      await pause.opened
      yield* each([42])
      asked++
      yield* each(['a'])
    }
    const { feed, pumping, refused, flush } = hold(bad())
    await until('the source to be asked', () => asked === 1)
    // Somebody else publishes meanwhile.
    while (feed.demand.open) feed.publish({ payload: 'x' })
    const { count } = feed.log
    pause.open()
    await until('the refusal', () => refused.length === 1)
    await turns(5)
    expect(asked).toBe(1)
    flush()
    await pumping
    expect(feed.log.count).toBe(count + 1)
  })

  it('is told once a second at the most, with the number of those not told', async () => {
    const { hub, lines } = openHub()
    const pause = gate()
    async function* bad(): AsyncGenerator<Item, void> {
      yield* each([1, 2, 3, 4, 5])
      await pause.opened
      yield* each([6])
    }
    const feed = hub.feed('f', { source: bad() })
    await until('the first refusals', () => feed.source.refused === 5)
    const told = () => lines.filter(line => line.startsWith('warn: '))
    expect(told()).toEqual([expect.stringMatching(/got 1$/)])
    await passed(1_000)
    pause.open()
    await until('the last refusal', () => feed.source.refused === 6)
    expect(told()).toEqual([expect.anything(), expect.stringMatching(/got 6 \(and 4 more\)$/)])
  })
})

describe('a feed that its owner ends', () => {
  it('stops its source, which has its `finally` run', async () => {
    const { hub, lines } = openHub()
    const { source, finished } = ready()
    const feed = hub.feed('f', { source })
    await until('some messages', () => feed.log.count > 5_000)
    feed.end()
    const { count } = feed.log
    await until('the source to let go', finished)
    expect([feed.log.count, feed.source.refused, feed.failures]).toEqual([count, 0, 0])
    expect(lines).toEqual([])
  })

  it.each(['message', 'failure', 'end'])('takes no notice of a %s that was under way', async what => {
    const { hub, lines } = openHub()
    const pause = gate()
    async function* late(): AsyncGenerator<Item, void> {
      yield 'a'
      await pause.opened
      if (what === 'message') yield 'b'
      if (what === 'failure') throw new Error('too late to matter')
    }
    const source = late()
    const feed = hub.feed('f', { source })
    await until('the first message', () => feed.log.count === 1)
    feed.end({ code: 1000, reason: 'that is all' })
    pause.open()
    await turns(5)
    expect(await source.next()).toEqual({ done: true, value: undefined })
    expect(feed.ending).toEqual({ code: 1000, reason: 'that is all' })
    expect([feed.log.count, feed.source.refused, feed.failures]).toEqual([1, 0, 0])
    expect(lines).toEqual([])
  })
})

describe('a pump', () => {
  it.each<[string, () => { source: Source | Observable<Item>; touched: () => boolean }]>([
    [
      'an AsyncIterable',
      () => {
        const { source, askedAt } = ready()
        return { source, touched: () => askedAt.length > 0 }
      },
    ],
    [
      'an Observable',
      () => {
        let touched = false
        const source = new Observable<Item>(() => {
          touched = true
        })
        return { source, touched: () => touched }
      },
    ],
  ])('that was stopped before it began does not touch its source (%s)', async (_, open) => {
    const { feed } = hold(NEVER)
    feed.stop()
    const { source, touched } = open()
    await pump(source, feed, { rate: 0, chunkBytes: 1, refused() {} })
    expect(touched()).toBe(false)
  })

  it.each<[string, (give: () => Item) => Source | Observable<Item>]>([
    [
      'an AsyncIterable',
      async function* (give) {
        for (let i = 0; i < ENDLESS; i++) yield give()
      },
    ],
    ['an Observable', give => range(0, ENDLESS).pipe(map(give))],
  ])('stops when the feed takes no more, in the middle of what its source has to give (%s)', async (_, open) => {
    const { feed } = hold(NEVER)
    let given = 0
    const give = () => {
      if (++given === 100) feed.stop()
      return 'x'
    }
    await pump(open(give), feed, { rate: 0, chunkBytes: 1, refused() {} })
    await turns(2)
    expect(feed.log.count).toBe(99)
    expect(given).toBe(100)
  })

  it.each<[string, () => Source | Observable<Item>]>([
    ['an AsyncIterable', () => ready('x', 5).source],
    ['an Observable', () => of('x')],
  ])('leaves no listener on the feed when it is done (%s)', async (_, open) => {
    const { feed } = hold(NEVER)
    const before = getEventListeners(feed.stopped, 'abort').length
    await pump(open(), feed, { rate: 1_000, chunkBytes: 1, refused() {} })
    expect(feed.log.count).toBeGreaterThan(0)
    expect(getEventListeners(feed.stopped, 'abort').length).toBe(before)
  })

  it('tells of a source that does not let go, and waits for it no longer', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const { feed } = hold(NEVER)
    let told = 0
    const never = () => new Promise<never>(() => {})
    const source: Source = { [Symbol.asyncIterator]: () => ({ next: never, return: never }) }
    const pumping = pump(source, feed, { rate: 0, chunkBytes: 1, refused() {}, clings: () => void told++ })
    await vi.advanceTimersByTimeAsync(0)
    feed.stop()
    await pumping
    await vi.advanceTimersByTimeAsync(4_999)
    expect(told).toBe(0)
    await vi.advanceTimersByTimeAsync(1)
    expect(told).toBe(1)
  })

  it('is one of as many as a hub likes, without a warning of leaking listeners', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error) => void warnings.push(warning)
    process.on('warning', keep)
    const { hub } = openHub()
    for (let i = 0; i < 20; i++) hub.feed(`a${i}`, { source: ready('x', 2).source, rate: 0.01 })
    for (let i = 0; i < 20; i++) hub.feed(`b${i}`, { source: NEVER })
    await turns(3)
    process.off('warning', keep)
    expect(warnings).toEqual([])
  })
})
