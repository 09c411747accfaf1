import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Message } from '../../src/message.ts'
import { wait } from '../../src/sources/clock.ts'
import { canWait, type Source, toMessage } from '../../src/sources/source.ts'
import { simulate, type Tick, type TickerOptions, ticker } from '../../src/sources/ticker.ts'

type Stamped = Tick & { readonly time: number }

const tickOf = (message: Message) => JSON.parse(message.payload as string) as Stamped

function ticksOf(symbols: number, seed: number, count: number): Tick[] {
  const market = simulate(symbols, seed)
  return Array.from({ length: count }, () => market.next().value)
}

/** Consumes as fast as it comes, into `messages`. */
function consume(source: Source) {
  const iterator = source[Symbol.asyncIterator]()
  const messages: Message[] = []
  const ended = (async () => {
    for (let item = await iterator.next(); !item.done; item = await iterator.next())
      messages.push(toMessage(item.value))
  })()
  return { iterator, messages, ended }
}

async function ticksWithin(ms: number, options: TickerOptions): Promise<Stamped[]> {
  const { iterator, messages, ended } = consume(ticker(options))
  await vi.advanceTimersByTimeAsync(ms)
  await iterator.return?.()
  await ended
  return messages.map(tickOf)
}

describe('the simulated market', () => {
  it('is the same for the same seed', () => {
    expect(ticksOf(20, 7, 5_000)).toEqual(ticksOf(20, 7, 5_000))
  })

  it('is the same next year: the first ticks of seed 1 are written down here', () => {
    expect(ticksOf(20, 1, 2)).toEqual([
      { symbol: 'ALVA', price: 20.15, bid: 20.14, ask: 20.15, size: 600, change: 0 },
      { symbol: 'DANU', price: 33.14, bid: 33.14, ask: 33.15, size: 600, change: 0 },
    ])
  })

  it.each([2, 0, -1, 1 + 2 ** 32, Number.MAX_SAFE_INTEGER])('is another for seed %d than for seed 1', seed => {
    expect(ticksOf(20, seed, 50)).not.toEqual(ticksOf(20, 1, 50))
  })

  it('trades every one of 500 symbols, each a name of four letters', () => {
    const symbols = new Set(ticksOf(500, 1, 100_000).map(tick => tick.symbol))
    expect(symbols.size).toBe(500)
    expect([...symbols].filter(symbol => !/^[A-Z]{4}$/.test(symbol))).toEqual([])
  })

  it('trades some symbols far more than others', () => {
    const counts = new Map<string, number>()
    for (const { symbol } of ticksOf(20, 1, 20_000)) counts.set(symbol, (counts.get(symbol) ?? 0) + 1)
    const sorted = [...counts.values()].sort((a, b) => b - a)
    expect(sorted).toHaveLength(20)
    expect(sorted[0]! / sorted[19]!).toBeGreaterThan(5)
  })

  it('pays the bid or the ask, in whole cents and never nothing', () => {
    const wrong = ticksOf(50, 3, 50_000).filter(
      ({ price, bid, ask }) =>
        !(bid > 0 && bid < ask && (price === bid || price === ask)) ||
        [price, bid, ask].some(value => value !== Math.round(value * 100) / 100),
    )
    expect(wrong).toEqual([])
  })

  it('deals in lots of a hundred', () => {
    expect(ticksOf(20, 1, 10_000).filter(({ size }) => size < 100 || size % 100 !== 0)).toEqual([])
  })

  it('moves prices, and brings them back: in a million ticks none has gone far from its open', () => {
    const market = simulate(20, 1)
    let highest = 0
    let lowest = 0
    for (let i = 0; i < 1_000_000; i++) {
      const { change } = market.next().value
      highest = Math.max(highest, change)
      lowest = Math.min(lowest, change)
    }
    expect(highest).toBeGreaterThan(0.01)
    expect(highest).toBeLessThan(0.3)
    expect(lowest).toBeLessThan(-0.01)
    expect(lowest).toBeGreaterThan(-0.3)
  })

  it('tells the change since the open', () => {
    const first = new Map<string, number>()
    for (const { symbol, price, change } of ticksOf(20, 1, 5_000)) {
      const open = first.get(symbol) ?? price / (1 + change)
      first.set(symbol, open)
      expect(price / open - 1).toBeCloseTo(change, 2)
    }
  })
})

describe('the ticker', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('says that it cannot wait', () => {
    expect(canWait(ticker())).toBe(false)
  })

  it('gives JSON with the time in front, under the symbol as key', async () => {
    const { value } = await ticker({ seed: 5 })[Symbol.asyncIterator]().next()
    const message = toMessage(value)
    const [tick] = ticksOf(20, 5, 1)
    expect(message).toEqual({ key: tick?.symbol, payload: JSON.stringify({ time: Date.now(), ...tick }) })
  })

  it('gives the same ticks to everyone who listens, and the ones of its seed', async () => {
    const source = ticker({ seed: 9, symbols: 3 })
    const seen = [consume(source), consume(source)]
    await vi.advanceTimersByTimeAsync(1_000)
    for (const { iterator, messages } of seen) {
      await iterator.return?.()
      const expected = ticksOf(3, 9, messages.length)
      expect(messages.map(tickOf).map(({ time: _, ...tick }) => tick)).toEqual(expected)
    }
  })

  it.each([
    [1, 10_000, 10],
    [50, 10_000, 500],
    [333.3, 10_000, 3_333],
    [10_000, 2_000, 20_000],
    [300_000, 500, 150_000],
    [1_000_000, 100, 100_000],
  ])('at %d per second gives in %d ms about %d ticks', async (perSecond, ms, count) => {
    const ticks = await ticksWithin(ms, { perSecond })
    // The first comes at once, and the last batch may be a turn away.
    expect(ticks.length).toBeGreaterThanOrEqual(count - Math.ceil(perSecond / 100))
    expect(ticks.length).toBeLessThanOrEqual(count + 1)
  })

  it('stamps ticks with the time at which they were due, evenly and never backwards', async () => {
    const began = Date.now()
    const times = (await ticksWithin(1_000, { perSecond: 250 })).map(tick => tick.time - began)
    expect(times).toEqual(times.map((_, i) => i * 4))
  })

  it('makes up for one second to a consumer that was late for a minute', async () => {
    const iterator = ticker({ perSecond: 50 })[Symbol.asyncIterator]()
    await iterator.next()
    await vi.advanceTimersByTimeAsync(60_000)
    const now = Date.now()
    const { messages, ended } = consume({ [Symbol.asyncIterator]: () => iterator })
    await vi.advanceTimersByTimeAsync(1_000)
    await iterator.return?.()
    await ended
    expect(tickOf(messages[0]!).time).toBeGreaterThanOrEqual(now - 1_000)
    expect(messages.length).toBeGreaterThan(95)
    expect(messages.length).toBeLessThan(105)
  })

  it.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('keeps its rate when the clock is set %s by an hour', async (_, byMs) => {
    const { iterator, messages } = consume(ticker({ perSecond: 50 }))
    await vi.advanceTimersByTimeAsync(1_000)
    vi.setSystemTime(Date.now() + byMs)
    const before = messages.length
    await vi.advanceTimersByTimeAsync(10_000)
    await iterator.return?.()
    expect(messages.length - before).toBeGreaterThan(490)
    expect(messages.length - before).toBeLessThan(560)
    expect(Math.abs(tickOf(messages.at(-1)!).time - Date.now())).toBeLessThan(50)
  })

  it('leaves the event loop its turns while it makes up for lost time', async () => {
    const iterator = ticker({ perSecond: 1_000_000 })[Symbol.asyncIterator]()
    await iterator.next()
    vi.setSystemTime(Date.now() + 1_000)
    let given = 0
    while (vi.getTimerCount() === 0 && given < 100_000) {
      await Promise.race([iterator.next(), Promise.resolve()])
      given++
    }
    expect(vi.getTimerCount()).toBe(1)
    expect(given).toBeLessThan(100_000)
    await iterator.return?.()
  })

  it('ends when its signal aborts, in the middle of a wait and with no timer left', async () => {
    const stop = new AbortController()
    const { messages, ended } = consume(ticker({ perSecond: 1, signal: stop.signal }))
    await vi.advanceTimersByTimeAsync(1)
    expect(vi.getTimerCount()).toBe(1)
    stop.abort()
    await ended
    expect(messages).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends when its signal aborts in the middle of a batch', async () => {
    const stop = new AbortController()
    const iterator = ticker({ perSecond: 10_000, signal: stop.signal })[Symbol.asyncIterator]()
    await iterator.next()
    vi.setSystemTime(Date.now() + 500)
    expect((await iterator.next()).done).toBe(false)
    stop.abort()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it('gives nothing when its signal has aborted before', async () => {
    const { messages, ended } = consume(ticker({ signal: AbortSignal.abort() }))
    await ended
    expect(messages).toEqual([])
  })

  it('ends on return() without waiting for the next tick, with no timer left', async () => {
    const iterator = ticker({ perSecond: 1 })[Symbol.asyncIterator]()
    await iterator.next()
    const waiting = iterator.next()
    await vi.advanceTimersByTimeAsync(1)
    expect(vi.getTimerCount()).toBe(1)
    await iterator.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('ends when a `for await` loop is left', async () => {
    for await (const item of ticker({ perSecond: 1_000 })) {
      expect(toMessage(item).key).toBeDefined()
      break
    }
    expect(vi.getTimerCount()).toBe(0)
  })

  it('tells the order book with each tick if asked to: both sides, best first, and the same trades', async () => {
    type Booked = Stamped & { readonly bids: readonly [number, number][]; readonly asks: readonly [number, number][] }
    const plain = await ticksWithin(1_000, { seed: 4 })
    const booked = (await ticksWithin(1_000, { seed: 4, depth: 40 })) as Booked[]
    expect(booked.map(({ time: _, bids: _b, asks: _a, ...tick }) => tick)).toEqual(
      plain.map(({ time: _, ...tick }) => tick),
    )
    for (const { bid, ask, bids, asks } of booked) {
      expect([bids[0]?.[0], asks[0]?.[0]]).toEqual([bid, ask])
      expect(bids.map(([price]) => price)).toEqual(bids.map(([price]) => price).sort((a, b) => b - a))
      expect(asks.map(([price]) => price)).toEqual(asks.map(([price]) => price).sort((a, b) => a - b))
      expect(asks).toHaveLength(40)
    }
    expect(booked.length).toBeGreaterThan(40)
  })

  it('runs by the real clock too', async () => {
    vi.useRealTimers()
    const { iterator, messages } = consume(ticker({ perSecond: 1_000 }))
    await vi.waitUntil(() => messages.length >= 100, { timeout: 5_000 })
    await iterator.return?.()
    const times = messages.map(message => tickOf(message).time)
    expect(times[99]! - times[0]!).toBeGreaterThanOrEqual(99)
  })
})

describe('a wait', () => {
  it('leaves no listener behind, whether it ran out or was stopped', async () => {
    const stop = new AbortController()
    await wait(1, stop.signal)
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
    const stopped = wait(60_000, stop.signal)
    stop.abort()
    await stopped
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  })
})

describe('an option of the ticker that will not do', () => {
  it.each<[unknown, string]>([
    [{ symbols: 0 }, 'ticker.symbols: expected at least 1, got 0'],
    [{ symbols: 501 }, 'ticker.symbols: expected at most 500, got 501'],
    [{ symbols: 1.5 }, 'ticker.symbols: expected a whole number, got 1.5'],
    [{ perSecond: 0 }, 'ticker.perSecond: expected at least 1, got 0'],
    [{ perSecond: 1_000_001 }, 'ticker.perSecond: expected at most 1000000, got 1000001'],
    [{ perSecond: '50' }, 'ticker.perSecond: expected a number, got "50"'],
    [{ seed: 0.5 }, 'ticker.seed: expected a whole number, got 0.5'],
    [{ depth: 201 }, 'ticker.depth: expected at most 200, got 201'],
    [{ signal: 'stop' }, 'ticker.signal: expected an AbortSignal, got "stop"'],
    [{ rate: 50 }, 'ticker: expected no option but symbols, perSecond, seed, depth, signal, got "rate"'],
  ])('%j is refused with path, rule and value', (options, sentence) => {
    expect(() => ticker(options as TickerOptions)).toThrow(
      expect.objectContaining({ code: 'bad_option', message: sentence }),
    )
  })
})
