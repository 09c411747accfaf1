/** Limits that change while readers are there. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { Hub } from '../../src/index.ts'
import { type LimitChanges, limitsOf, withLimits } from '../../src/limits.ts'
import { type FeedOptions, feedSettings } from '../../src/options.ts'
import { SimulatedSocket } from '../support/simulated.ts'

const MIB = 2 ** 20

describe('changed limits', () => {
  const changed = (options: FeedOptions, changes: LimitChanges) => withLimits(feedSettings(options), changes, 'f')

  test('of which there are none leave everything as it was', () => {
    for (const options of [
      {},
      { capacity: { bytes: MIB, messages: 10, ms: 5_000 }, overflow: 'pause', minClients: 2, epoch: 'e' },
      { softLag: { messages: 5 }, softForMs: 50, maxMessageBytes: 100, format: 'binary', allow: ['pause'] },
      { maxLag: { ms: 5 }, highMark: 0.9, lowMark: 0.1, maxPauseMs: 0, minGateBytesPerSec: 0 },
    ] satisfies FeedOptions[]) {
      expect(changed(options, {})).toEqual(feedSettings(options))
      expect(changed(options, { maxLag: undefined })).toEqual(feedSettings(options))
    }
  })

  test('are what the same options would have been at the start', () => {
    const options = { overflow: 'evict', capacity: 4 * MIB } as const
    const limits = { maxLag: { bytes: MIB, ms: 500 }, softLag: MIB / 2, softForMs: 100, highMark: 0.6, lowMark: 0.2 }
    const maxMessageBytes = feedSettings(options).maxMessageBytes
    expect(changed(options, limits)).toEqual(feedSettings({ ...options, ...limits, maxMessageBytes }))
  })

  test('of an amount are only the units that are given, and null is no limit, or the default again', () => {
    const options = {
      capacity: { bytes: MIB, ms: 9_000 },
      maxLag: { bytes: 1_000, messages: 10 },
      softLag: 500,
    } as const
    expect(limitsOf(changed(options, { maxLag: { ms: 50 } })).maxLag).toEqual({ bytes: 1_000, messages: 10, ms: 50 })
    expect(limitsOf(changed(options, { maxLag: { messages: null } })).maxLag).toEqual({ bytes: 1_000, ms: 9_000 })
    expect(limitsOf(changed(options, { maxLag: 700 })).maxLag).toEqual({ bytes: 700, ms: 9_000 })
    expect(limitsOf(changed(options, { maxLag: null })).maxLag).toEqual({ bytes: MIB, ms: 9_000 })
    expect(limitsOf(changed(options, { softLag: null }))).not.toHaveProperty('softLag')
    expect(limitsOf(changed(options, { softLag: null }))).not.toHaveProperty('softForMs')
    expect(limitsOf(changed({ highMark: 0.9 }, { highMark: null })).highMark).toBe(0.75)
  })

  test('never take a message from a feed that it took before', () => {
    const { maxMessageBytes } = feedSettings({ overflow: 'pause', capacity: MIB })
    expect(changed({ overflow: 'pause', capacity: MIB }, { highMark: 0.7 }).maxMessageBytes).toBe(maxMessageBytes)
    expect(() => changed({ overflow: 'pause', capacity: MIB }, { highMark: 0.9 })).toThrow(
      /^f\.maxMessageBytes: expected at most/,
    )
  })
})

describe('a feed whose limits are changed', () => {
  function feedWith(options: FeedOptions, kernelBytes = 0) {
    const hub = new Hub({ targetDelayMs: 0, evictGraceMs: 1 })
    onTestFinished(() => hub.close({ drainMs: 0 }))
    const feed = hub.feed('f', options)
    const socket = new SimulatedSocket(kernelBytes)
    const joining = { at: feed.log.end, overflow: feed.settings.overflow, maxRate: 0 }
    const { reader } = hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, joining)
    const publish = (bytes: number) => {
      for (let sent = 0; sent < bytes; sent += 1_000) feed.publish({ payload: 'x'.repeat(990) })
    }
    return { hub, feed, socket, reader, publish }
  }

  test('moves on a reader that is over the new one, and no other', () => {
    const { feed, reader, publish } = feedWith({ overflow: 'skip' })
    publish(100_000)
    feed.flushedInline(performance.now())
    feed.readers.blocked(reader, feed.log.run(reader.cursor.at)!)
    feed.limit({ maxLag: 200_000 })
    expect(reader.cursor.gaps).toBe(0)
    feed.limit({ maxLag: 50_000 })
    expect(reader.cursor.gaps).toBe(1)
    expect(reader.cursor.at).toEqual(feed.log.newest)
  })

  test('is patient anew with a reader that has been at the head since it was over the soft limit', async () => {
    const soft = { softLag: { messages: 2 }, softForMs: 1_000 } as const
    const { feed, socket, reader, publish } = feedWith({ overflow: 'skip', ...soft }, 6_000)
    const turn = () => new Promise<void>(resolve => setImmediate(resolve))
    // What its socket does not take whole, and then a little that it could take in one go.
    const hiccup = async () => {
      publish(10_000)
      await turn()
      expect(reader.state).toBe('blocked')
      publish(5_000)
    }
    const now = performance.now()
    await hiccup()
    feed.tick(now + 100)
    expect(reader.softSince).toBeGreaterThan(0)
    socket.read(Number.POSITIVE_INFINITY)
    await turn()
    expect(reader.state).toBe('live')
    socket.read(Number.POSITIVE_INFINITY)
    await hiccup()
    feed.tick(now + 60_000)
    feed.tick(now + 60_900)
    expect(reader.cursor.gaps).toBe(0)
    feed.tick(now + 61_100)
    expect(reader.cursor.gaps).toBe(1)
  })

  test('lets its source go on, or makes it wait, by the new marks', () => {
    const { feed, publish } = feedWith({ overflow: 'pause', capacity: MIB })
    publish(400_000)
    feed.demand.flushed(performance.now())
    expect(feed.demand.cause).toBeUndefined()
    feed.limit({ highMark: 0.3, lowMark: 0.2 })
    expect(feed.demand.cause).toBe('gate')
    feed.limit({ lowMark: 0.5, highMark: 0.75 })
    expect(feed.demand.cause).toBeUndefined()
  })

  test('by its owner is told what breaks a rule, and is as before', () => {
    const { feed } = feedWith({})
    const before = feed.settings
    expect(() => feed.limit({ maxPauseMs: 5, lowMark: 2 })).toThrow('f.lowMark: expected at most 1, got 2')
    // @ts-expect-error: what is no limit
    expect(() => feed.limit({ capacity: 5 })).toThrow(/^f: expected no limit but maxLag, .*, got "capacity"$/)
    expect(feed.settings).toBe(before)
  })
})
