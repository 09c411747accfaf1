/** Options of feeds and hubs: what is filled in, what is refused and with which sentence, and what the memory adds up to. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Hub, SpillwayError } from '../src/index.ts'
import { OVERFLOWS } from '../src/log/overflow.ts'
import { logSlackBytes, SLICE_BYTES } from '../src/log/sizes.ts'
import { type MemoryBound, memoryBound } from '../src/memory.ts'
import { type FeedOptions, feedSettings, type HubOptions, hubSettings, SILENT } from '../src/options.ts'

const KIB = 1024
const MIB = 1024 * KIB
const NONE = Number.POSITIVE_INFINITY

/** What somebody without a type checker might pass. */
type Anything = Readonly<Record<string, unknown>>

const feed = (options: Anything) => feedSettings(options as FeedOptions, 'prices')
const hub = (options: Anything) => hubSettings(options as HubOptions)

describe('a feed of which nothing is said', () => {
  test('keeps 16 MiB of text, skips who is too slow, and lets nobody pause it', () => {
    expect(feedSettings({})).toEqual({
      format: 'text',
      overflow: 'skip',
      allow: ['skip', 'evict'],
      capacity: { bytes: 16 * MIB, messages: NONE, ms: NONE },
      lag: {
        max: { bytes: 16 * MIB, messages: NONE, ms: NONE },
        soft: { bytes: NONE, messages: NONE, ms: NONE },
        softForMs: 10_000,
      },
      highMark: 0.75,
      lowMark: 0.5,
      highBytes: 12 * MIB,
      lowBytes: 8 * MIB,
      maxPauseMs: 10_000,
      minGateBytesPerSec: 0,
      maxMessageBytes: MIB,
      minClients: 0,
      epoch: undefined,
    })
  })

  test('is the same whether an option is left out or undefined', () => {
    const undefinedEach = Object.fromEntries(
      ['format', 'overflow', 'allow', 'capacity', 'maxLag', 'softLag', 'softForMs', 'highMark', 'maxMessageBytes'].map(
        name => [name, undefined],
      ),
    )
    expect(feed(undefinedEach)).toEqual(feedSettings({}))
  })
})

describe('what is given', () => {
  test('as a number of a log is a number of bytes', () => {
    expect(feedSettings({ capacity: 1_000_000 }).capacity).toEqual({ bytes: 1_000_000, messages: NONE, ms: NONE })
  })

  test('in messages or time only leaves the bytes as they are', () => {
    const { capacity } = feedSettings({ capacity: { messages: 10, ms: 500 } })
    expect(capacity).toEqual({ bytes: 16 * MIB, messages: 10, ms: 500 })
  })

  test('for the capacity is the limit of lag too, unless that is given', () => {
    expect(feedSettings({ capacity: { bytes: MIB, messages: 9 } }).lag.max).toEqual({
      bytes: MIB,
      messages: 9,
      ms: NONE,
    })
    expect(feedSettings({ capacity: MIB, maxLag: { messages: 5 } }).lag.max).toEqual({
      bytes: MIB,
      messages: 5,
      ms: NONE,
    })
  })

  test('as a soft limit is that limit and no other', () => {
    const { lag } = feedSettings({ softLag: { ms: 100 }, softForMs: 50 })
    expect(lag.soft).toEqual({ bytes: NONE, messages: NONE, ms: 100 })
    expect(lag.softForMs).toBe(50)
  })

  test('as a policy is allowed to readers besides those that slow nobody', () => {
    expect(feedSettings({ overflow: 'pause' }).allow).toEqual(['pause', 'evict', 'skip'])
    expect(feedSettings({ overflow: 'evict' }).allow).toEqual(['evict', 'skip'])
  })

  test('as the list of policies always has the own one in it, once', () => {
    expect(feedSettings({ overflow: 'evict', allow: [] }).allow).toEqual(['evict'])
    expect(feedSettings({ overflow: 'evict', allow: ['skip', 'evict', 'skip'] }).allow).toEqual(['evict', 'skip'])
  })
})

const FEED_KEYS =
  'format, overflow, allow, capacity, maxLag, softLag, softForMs, highMark, lowMark, maxPauseMs, minGateBytesPerSec, maxMessageBytes, minClients, epoch'
const AMOUNT = 'a number of bytes, or an object of bytes, messages and ms'

describe('a feed is refused with path, rule and value', () => {
  test.each<[Anything, string]>([
    [{ colour: 1 }, `prices: expected no option but ${FEED_KEYS}, got "colour"`],
    [{ capacity: { mb: 3 } }, 'prices.capacity: expected no option but bytes, messages and ms, got "mb"'],
    [{ format: 'json' }, 'prices.format: expected text or binary, got "json"'],
    [{ overflow: 'drop' }, 'prices.overflow: expected pause, evict or skip, got "drop"'],
    [{ overflow: '__proto__' }, 'prices.overflow: expected pause, evict or skip, got "__proto__"'],
    [{ allow: 'skip' }, 'prices.allow: expected a list, got "skip"'],
    [{ allow: ['skip', 'drop'] }, 'prices.allow.1: expected pause, evict or skip, got "drop"'],
    [{ capacity: 0 }, 'prices.capacity: expected at least 1, got 0'],
    [{ capacity: -5 }, 'prices.capacity: expected at least 1, got -5'],
    [{ capacity: 16 }, 'prices.capacity: expected more than 16 bytes, got 16'],
    [{ capacity: 1.5 }, 'prices.capacity: expected a whole number, got 1.5'],
    [{ capacity: Number.NaN }, 'prices.capacity: expected a number, got NaN'],
    [{ capacity: '16MiB' }, `prices.capacity: expected ${AMOUNT}, got "16MiB"`],
    [{ capacity: { bytes: 0 } }, 'prices.capacity.bytes: expected at least 1, got 0'],
    [{ capacity: { messages: 1.5 } }, 'prices.capacity.messages: expected a whole number, got 1.5'],
    [{ capacity: { ms: 0 } }, 'prices.capacity.ms: expected more than 0, got 0'],
    [{ maxLag: 17 * MIB }, `prices.maxLag: expected at most the capacity (${16 * MIB} bytes), got ${17 * MIB}`],
    [{ softLag: { messages: 0 } }, 'prices.softLag.messages: expected at least 1, got 0'],
    [{ softForMs: -1 }, 'prices.softForMs: expected at least 0, got -1'],
    [{ softForMs: NONE }, 'prices.softForMs: expected a number, got Infinity'],
    [{ highMark: 0 }, 'prices.highMark: expected more than 0, got 0'],
    [{ highMark: 1.5 }, 'prices.highMark: expected at most 1, got 1.5'],
    [{ highMark: '75%' }, 'prices.highMark: expected a number, got "75%"'],
    [{ lowMark: 0.75 }, 'prices.lowMark: expected less than highMark (0.75), got 0.75'],
    [{ highMark: 0.4 }, 'prices.lowMark: expected less than highMark (0.4), got 0.5'],
    [{ maxPauseMs: -1 }, 'prices.maxPauseMs: expected at least 0, got -1'],
    [{ minGateBytesPerSec: -1 }, 'prices.minGateBytesPerSec: expected at least 0, got -1'],
    [{ maxMessageBytes: 0 }, 'prices.maxMessageBytes: expected at least 1, got 0'],
    [{ minClients: 1.5 }, 'prices.minClients: expected a whole number, got 1.5'],
    [{ minClients: -1 }, 'prices.minClients: expected at least 0, got -1'],
    [{ epoch: 'a b' }, 'prices.epoch: expected something like /^[A-Za-z0-9_.~-]{1,64}$/, got "a b"'],
    [{ epoch: 7 }, 'prices.epoch: expected a string, got 7'],
  ])('%j', (options, sentence) => {
    expect(() => feed(options)).toThrow(new SpillwayError('bad_option', sentence))
  })

  test.each([null, 7, 'x', []])('that is no object at all: %j', options => {
    expect(() => feedSettings(options as never)).toThrow(/^feed: expected an object, got /)
  })
})

describe('room for the largest message', () => {
  const rule = 'prices.maxMessageBytes: expected at most what the capacity has room for'

  test('is needed in the capacity', () => {
    expect(feedSettings({ capacity: 1_000, maxMessageBytes: 984 }).maxMessageBytes).toBe(984)
    expect(() => feed({ capacity: 1_000, maxMessageBytes: 985 })).toThrow(`${rule} (984 bytes), got 985`)
  })

  test('is needed above the high mark where the source waits, or can be made to wait', () => {
    const options = { capacity: 1_000, highMark: 0.6 }
    expect(feedSettings({ ...options, overflow: 'pause', maxMessageBytes: 384 }).maxMessageBytes).toBe(384)
    const sentence = `${rule} above the high mark (0.6) (384 bytes), got 385`
    expect(() => feed({ ...options, overflow: 'pause', maxMessageBytes: 385 })).toThrow(sentence)
    expect(() => feed({ ...options, allow: ['pause'], maxMessageBytes: 385 })).toThrow(sentence)
  })

  test('is what the largest message defaults to, where that is less than 1 MiB', () => {
    expect(feedSettings({ capacity: 1_000 }).maxMessageBytes).toBe(984)
    expect(feedSettings({ capacity: 1_000, overflow: 'pause' }).maxMessageBytes).toBe(234)
    expect(feedSettings({ capacity: 64 * MIB, overflow: 'pause' }).maxMessageBytes).toBe(MIB)
  })

  test('is not there if the high mark is the capacity', () => {
    expect(() => feed({ overflow: 'pause', highMark: 1 })).toThrow(
      `prices.capacity: expected more than 16 bytes above the high mark (1), got ${16 * MIB}`,
    )
  })

  test('is there for a message of exactly that size, whatever the capacity and the policy', async () => {
    const options = fc.record({
      capacity: fc.integer({ min: 70, max: 300_000 }),
      overflow: fc.constantFrom(...OVERFLOWS),
    })
    await using hub = new Hub()
    let feeds = 0
    fc.assert(
      fc.property(options, given => {
        const feed = hub.feed(`f${feeds++}`, given)
        feed.publish({ payload: 'x'.repeat(feed.settings.maxMessageBytes) })
        expect(feed.log.count).toBe(1)
      }),
    )
  })
})

describe('a hub', () => {
  test('of which nothing is said takes 10,000 clients and prints nothing', () => {
    const settings = {
      maxClients: 10_000,
      stallTimeoutMs: 30_000,
      targetDelayMs: 1_000,
      minWindowBytes: 4 * KIB,
      maxWindowBytes: MIB,
      maxInFlightBytes: 256 * MIB,
      tailPingMs: 1_000,
      evictGraceMs: 3_000,
      maxConnectionAgeMs: 0,
      logger: SILENT,
    }
    expect(hubSettings({})).toEqual(settings)
    expect(hub({ maxClients: undefined, minWindowBytes: undefined, logger: undefined })).toEqual(settings)
  })

  test.each<[Anything, string]>([
    [
      { port: 1 },
      'hub: expected no option but maxClients, stallTimeoutMs, targetDelayMs, minWindowBytes, maxWindowBytes, maxInFlightBytes, tailPingMs, evictGraceMs, maxConnectionAgeMs, logger, got "port"',
    ],
    [{ targetDelayMs: -1 }, 'hub.targetDelayMs: expected at least 0, got -1'],
    [{ tailPingMs: 0 }, 'hub.tailPingMs: expected more than 0, got 0'],
    [{ minWindowBytes: 0 }, 'hub.minWindowBytes: expected at least 1, got 0'],
    [{ maxWindowBytes: 1.5 }, 'hub.maxWindowBytes: expected a whole number, got 1.5'],
    [
      { minWindowBytes: 8 * KIB, maxWindowBytes: 4 * KIB },
      `hub.maxWindowBytes: expected at least minWindowBytes (${8 * KIB}), got ${4 * KIB}`,
    ],
    [{ maxInFlightBytes: -1 }, 'hub.maxInFlightBytes: expected at least 0, got -1'],
    [
      { maxClients: 100, maxInFlightBytes: 100 * 4 * KIB - 1 },
      `hub.maxInFlightBytes: expected 0, or at least maxClients × minWindowBytes (100 × ${4 * KIB} = ${400 * KIB}), got ${400 * KIB - 1}`,
    ],
    [{ maxClients: 0 }, 'hub.maxClients: expected at least 1, got 0'],
    [{ maxClients: '5' }, 'hub.maxClients: expected a number, got "5"'],
    [{ stallTimeoutMs: -1 }, 'hub.stallTimeoutMs: expected at least 0, got -1'],
    [{ evictGraceMs: -1 }, 'hub.evictGraceMs: expected at least 0, got -1'],
    [{ evictGraceMs: 2 ** 31 }, 'hub.evictGraceMs: expected at most 2147483647, got 2147483648'],
    [{ logger: null }, 'hub.logger: expected an object with info, warn and error, got null'],
    [{ logger: { info: 1 } }, 'hub.logger: expected an object with info, warn and error, got {"info":1}'],
  ])('is refused with path, rule and value: %j', (options, sentence) => {
    expect(() => hub(options)).toThrow(new SpillwayError('bad_option', sentence))
  })

  test('of which one end of the window is given moves the other only as far as it must', () => {
    const [small, big] = [hubSettings({ maxWindowBytes: 1_000 }), hubSettings({ minWindowBytes: 2 * MIB })]
    expect([small.minWindowBytes, small.maxWindowBytes]).toEqual([1_000, 1_000])
    expect([big.minWindowBytes, big.maxWindowBytes]).toEqual([2 * MIB, 2 * MIB])
    const fixed = hubSettings({ minWindowBytes: 5_000, maxWindowBytes: 5_000 })
    expect([fixed.minWindowBytes, fixed.maxWindowBytes]).toEqual([5_000, 5_000])
  })

  test('has in flight at least the minimum of every client, or what is asked, or no bound', () => {
    expect(hubSettings({ maxClients: 100_000 }).maxInFlightBytes).toBe(100_000 * 4 * KIB)
    expect(hubSettings({ maxClients: 100, maxInFlightBytes: 400 * KIB }).maxInFlightBytes).toBe(400 * KIB)
    expect(hubSettings({ maxInFlightBytes: 0 }).maxInFlightBytes).toBe(0)
  })

  test('takes any logger with its three methods, as it is', () => {
    expect(hubSettings({ logger: console }).logger).toBe(console)
    expect(() => hub({ logger: { info() {} } })).toThrow('hub.logger: expected an object with info, warn and error')
  })
})

describe('the memory bound', () => {
  test('is the sum of its parts', () => {
    const feeds = [feedSettings({}), feedSettings({ capacity: 1_000_000, maxMessageBytes: 5_000 })]
    const { process, logs, clients, pinned, total } = memoryBound(feeds, hubSettings({ maxClients: 100 }))
    expect(process + logs + clients + pinned).toBe(total)
  })

  test('has each feed in it with its capacity, its slack and its largest message', () => {
    const [big, small] = [feedSettings({}), feedSettings({ capacity: 1_000_000, maxMessageBytes: 5_000 })]
    const bytes = [16 * MIB + logSlackBytes(16 * MIB) + MIB, 1_000_000 + logSlackBytes(1_000_000) + 5_000]
    expect(memoryBound([big], hubSettings({})).logs).toBe(bytes[0])
    expect(memoryBound([big, small], hubSettings({})).logs).toBe(bytes[0]! + bytes[1]!)
  })

  test('grows by a slice and an idle client for each client more', () => {
    const [one, two] = [1, 2].map(maxClients => memoryBound([], hubSettings({ maxClients }))) as [
      MemoryBound,
      MemoryBound,
    ]
    expect(two.pinned - one.pinned).toBe(SLICE_BYTES)
    expect(two.total - one.total).toBe(SLICE_BYTES + one.clients)
  })

  test('has beside it what may be in flight in kernels: the windows, or less if that is all there may be', () => {
    const kernel = (options: HubOptions) => memoryBound([], hubSettings(options)).kernel
    expect(kernel({ maxClients: 10 })).toBe(10 * MIB)
    expect(kernel({ maxClients: 10_000 })).toBe(256 * MIB)
    expect(kernel({ maxClients: 10, maxWindowBytes: 8 * KIB })).toBe(80 * KIB)
    expect(kernel({ maxClients: 10, maxInFlightBytes: 0 })).toBe(10 * MIB)
    expect(kernel({ targetDelayMs: 0 })).toBe(NONE)
    const { process, logs, clients, pinned, total } = memoryBound([], hubSettings({ maxInFlightBytes: 0 }))
    expect(process + logs + clients + pinned).toBe(total)
  })

  test('is what the hub tells', async () => {
    await using hub = new Hub({ maxClients: 7 })
    const settings = [hub.feed('a').settings, hub.feed('b', { capacity: MIB }).settings]
    expect(hub.memoryBound()).toEqual(memoryBound(settings, hub.settings))
  })
})
