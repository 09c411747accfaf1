/** The policies on real slow sockets: what happens to the slow one, what to the others, and whether the account adds up. */
import { describe, expect, test } from 'vitest'
import type { Feed, Hub, HubEvent } from '../../src/index.ts'
import { balance, startHub } from '../support/hub.ts'
import type { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Publishes numbered messages of 10 kB, as fast as the feed takes them, until the condition holds. Returns how many. */
async function publishUntil(feed: Feed, done: () => boolean, most = 20_000): Promise<number> {
  let n = 0
  while (!done()) {
    if (n >= most) throw new Error(`it did not happen within ${most} messages`)
    if (!feed.publish({ payload: `${n++} `.padEnd(10_000, '.') })) await feed.ready()
  }
  return n
}

/** What is in flight to it has filled its window, and it takes no more. */
const stuck = (feed: Feed) => [...feed.readers].some(reader => reader.state === 'full')
const numbers = (client: RawClient) =>
  client.payloads.map(payload => Number.parseInt(payload.toString('latin1', 0, 8), 10))
const consecutive = (ns: readonly number[]) => ns.every((n, i) => i === 0 || n === ns[i - 1]! + 1)

/** From now on it reads nothing, and the hub has found out: it owes an answer, and that is overdue. */
async function fallSilent(hub: Hub, feed: Feed, client: RawClient): Promise<void> {
  const windows = () => [...hub.clients].map(({ window }) => window?.state)
  feed.publish({ payload: '-2 taken by all' })
  await until('all to have taken it', () => windows().every(state => state === 'open'))
  client.stop()
  feed.publish({ payload: '-1 not taken by it' })
  await until('its answer to be overdue', () => windows().includes('overdue'))
}

describe('skip', () => {
  test('jumps to the newest message; what was delivered, skipped and still under way adds up exactly', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { capacity: MIB })
    const healthy = await client('/feeds/f')
    const slow = await client('/feeds/f', { reading: false })
    const overruns: HubEvent[] = []
    hub.events$.subscribe(event => void (event.type === 'reader-overrun' && overruns.push(event)))
    const n = await publishUntil(feed, () => feed.gaps.overflow >= 3)
    balance(hub)
    await until('the healthy one to have everything', () => healthy.messages === n)
    expect(consecutive(numbers(healthy))).toBe(true)
    slow.go()
    feed.publish({ payload: `${n} last` })
    await until('the slow one to have the newest', () => numbers(slow).at(-1) === n)
    await until('nothing in flight', () => hub.readers().every(reader => reader.account.inFlight === 0))
    const account = hub.readers().find(reader => reader.account.skipped > 0)!.account
    expect(account.taken).toBe(slow.messages)
    expect(account.taken + account.skipped).toBe(n + 1)
    const jumps = numbers(slow).filter((number, i, all) => i > 0 && number !== all[i - 1]! + 1)
    expect(jumps.length).toBeGreaterThan(0)
    expect(overruns.length).toBe(feed.gaps.overflow)
    const told = overruns.reduce((sum, event) => sum + (event.type === 'reader-overrun' ? event.count : 0), 0)
    expect(told).toBe(account.skipped)
    balance(hub)
  })

  test('acts on the limit in messages, too', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { maxLag: { messages: 50 } })
    await client('/feeds/f', { reading: false })
    await client('/feeds/f')
    await publishUntil(feed, () => feed.gaps.overflow > 0)
    const [slow] = hub.readers().filter(reader => reader.account.skipped > 0)
    expect(slow!.queued.messages).toBeLessThan(200)
    expect(feed.log.held).toBeLessThan(16 * MIB)
    balance(hub)
  })

  test('acts on the limit in time', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { maxLag: { ms: 150 } })
    await client('/feeds/f', { reading: false })
    await publishUntil(feed, () => stuck(feed))
    for (let i = 0; i < 10; i++) feed.publish({ payload: 'queued' })
    await until('the gap', () => feed.gaps.overflow === 1)
    expect(hub.readers()[0]!.queued.messages).toBe(1)
    balance(hub)
  })
})

describe('evict', () => {
  test('closes the slow client with 4408 and a reason, and the others lose nothing', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'evict', capacity: 4 * MIB, maxLag: MIB })
    const events: HubEvent[] = []
    hub.events$.subscribe(event => void events.push(event))
    const healthy = await client('/feeds/f')
    const slow = await client('/feeds/f')
    await fallSilent(hub, feed, slow)
    const n = await publishUntil(feed, () => (feed.evictions.get('lag') ?? 0) > 0)
    balance(hub)
    await until('the slow one to be gone', () => hub.clients.size === 1)
    await until('the healthy one to have everything', () => healthy.messages === n + 2)
    expect(consecutive(numbers(healthy))).toBe(true)
    const evicted = events.find(event => event.type === 'client-evicted')
    expect(evicted).toMatchObject({
      feed: 'f',
      cause: 'lag',
      detail: expect.stringMatching(/\d+ messages, \d+ bytes behind/),
    })
    await until('the event', () => events.some(({ type }) => type === 'client-left'))
    const left = events.find(event => event.type === 'client-left')
    expect(left).toMatchObject({ code: 4408, outcome: 'terminated' })
    if (left?.type !== 'client-left') throw new Error('it did not leave')
    const { account: a } = left
    expect(a.published).toBe(a.taken + a.skipped + a.unknown + a.undelivered)
    expect(a.undelivered).toBeGreaterThan(0)
    const totals = feed.totals()
    expect(totals.unknown + totals.undelivered).toBe(a.unknown + a.undelivered)
    slow.go()
    await slow.closed()
  })

  test('lets a client that still reads see the code and the reason', async () => {
    const { hub, client } = await startHub({ evictGraceMs: 5_000 })
    const feed = hub.feed('f', { overflow: 'evict', capacity: 4 * MIB, maxLag: MIB })
    const healthy = await client('/feeds/f', { keep: false })
    const slow = await client('/feeds/f', { keep: false })
    await fallSilent(hub, feed, slow)
    await publishUntil(feed, () => (feed.evictions.get('lag') ?? 0) > 0)
    slow.go()
    expect(await slow.closed()).toBe(4408)
    expect(slow.closeReason).toMatch(/^too slow: \d+ messages, \d+ bytes behind$/)
    expect(healthy.gone).toBe(false)
  })

  test('closes one that has never read anything at the tail at the latest, and the others lose nothing', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'evict', capacity: 4 * MIB, maxLag: MIB })
    const healthy = await client('/feeds/f')
    await client('/feeds/f', { reading: false })
    const n = await publishUntil(feed, () => feed.evictions.size > 0)
    expect(feed.log.bytes).toBeGreaterThan(MIB)
    await until('the slow one to be gone', () => hub.clients.size === 1)
    await until('the healthy one to have everything', () => healthy.messages === n)
    expect(consecutive(numbers(healthy))).toBe(true)
  })

  test('is patient with the soft limit, and forgets it when the reader catches up', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'evict', softLag: 256 * KIB, softForMs: 300 })
    await client('/feeds/f', { keep: false })
    const slow = await client('/feeds/f?name=slow', { reading: false, keep: false })
    const lagging = () =>
      [...feed.readers].some(
        ({ sink, state, cursor }) =>
          sink.info.name === 'slow' && state === 'full' && feed.log.bytes - cursor.owed.bytes > 300 * KIB,
      )
    await publishUntil(feed, lagging)
    await until('the soft limit to be noticed', () => [...feed.readers].some(reader => reader.softSince > 0))
    slow.go()
    await until('it to be forgotten', () => [...feed.readers].every(r => r.softSince === 0 && r.state === 'live'))
    expect(feed.evictions.size).toBe(0)
    slow.stop()
    await publishUntil(feed, lagging)
    await until('the eviction', () => feed.evictions.size > 0)
    expect([...feed.evictions]).toEqual([['soft-lag', 1]])
  })

  test('is what becomes of a reader under pause that never held the gate and is passed by the tail', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: 8 * MIB, highMark: 0.8, lowMark: 0.01 })
    for (let i = 0; i < 780; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await client('/feeds/f?from=earliest', { reading: false })
    await until('it to be stuck', () => stuck(feed))
    await publishUntil(feed, () => feed.evictions.size > 0)
    expect([...feed.evictions]).toEqual([['overrun', 1]])
  })
})

describe('pause', () => {
  test('holds the source at the high mark and lets it go at the low one; nobody loses anything', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: MIB })
    const events: string[] = []
    hub.events$.subscribe(event => void events.push(event.type))
    const [fast, slow] = [await client('/feeds/f'), await client('/feeds/f', { reading: false })]
    let published = 0
    const producing = (async () => {
      for (; published < 3_000; published++) {
        if (!feed.publish({ payload: `${published} `.padEnd(10_000, '.') })) await feed.ready()
      }
    })()
    await until('the source to be paused by the gate', () => feed.demand.cause === 'gate')
    const held = published
    const [, holder] = feed.readers
    const behind = feed.log.bytes - holder!.confirmed.bytes
    expect(behind).toBeGreaterThan(0.75 * MIB)
    expect(behind).toBeLessThan(MIB)
    await until('the fast one to have all there is', () => fast.messages >= held)
    expect(feed.demand.open).toBe(false)
    balance(hub)
    slow.go()
    await producing
    await until('both to have everything', () => fast.messages === 3_000 && slow.messages === 3_000)
    expect(consecutive(numbers(fast)) && consecutive(numbers(slow))).toBe(true)
    expect(feed.demand.pausedSeconds(performance.now())).toBeGreaterThan(0)
    await until('the events', () => events.includes('source-resumed'))
    expect(events.filter(type => type === 'source-paused').length).toBe(
      events.filter(type => type === 'source-resumed').length,
    )
    balance(hub)
  })

  test('refuses what is published although it is full, and keeps what it has', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: 256 * KIB, maxMessageBytes: 10_000 })
    const slow = await client('/feeds/f', { reading: false })
    await until('it to have joined', () => feed.readers.size === 1)
    let published = 0
    const publish = () => {
      for (;;) {
        feed.publish({ payload: `${published} `.padEnd(10_000, '.') })
        published++
      }
    }
    for (let full = 0; full < 3; ) {
      expect(publish).toThrow(expect.objectContaining({ code: 'feed_full' }))
      await new Promise(resolve => setImmediate(resolve))
      full = stuck(feed) ? full + 1 : 0
    }
    slow.go()
    await until('everything that was taken', () => slow.messages === published)
    expect(consecutive(numbers(slow))).toBe(true)
    balance(hub)
  })

  test('evicts the reader that keeps the source waiting without getting on', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: MIB, maxPauseMs: 300 })
    const fast = await client('/feeds/f')
    await client('/feeds/f', { reading: false })
    const n = await publishUntil(feed, () => feed.evictions.size > 0)
    expect([...feed.evictions]).toEqual([['pause', 1]])
    await until('the fast one to have everything', () => fast.messages === n)
    await until('the source to be free', () => feed.demand.open)
  })

  test('evicts a reader slower than the gate allows, but only while the source waits for it', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: MIB, maxPauseMs: 2_000, minGateBytesPerSec: 50 * MIB })
    const slow = await client('/feeds/f', { keep: false })
    slow.readAt(2 * MIB)
    await publishUntil(feed, () => feed.evictions.size > 0)
    expect([...feed.evictions]).toEqual([['gate-rate', 1]])
  })

  test('does not let a newcomer who starts far behind hold the gate', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: 16 * MIB, highMark: 0.9, lowMark: 0.1 })
    const n = 1_400
    for (let i = 0; i < n; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    const late = await client('/feeds/f?from=earliest', { reading: false, keep: false })
    await until('it to be stuck', () => stuck(feed))
    expect([...feed.readers][0]!.gating).toBe(false)
    late.go()
    await until('it to have caught up', () => late.messages === n)
    await until('it to hold the gate', () => [...feed.readers][0]!.gating)
  })

  test('is a privilege: a reader on a feed that allows it may ask, and one that may skip leaves the gate', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'skip', allow: ['pause'], capacity: MIB })
    const asked = await client('/feeds/f?overflow=pause', { reading: false })
    await client('/feeds/f', { reading: false })
    let published = 0
    const producing = (async () => {
      while (feed.takesMore) {
        if (!feed.publish({ payload: `${published++} `.padEnd(10_000, '.') })) await feed.ready()
      }
    })()
    await until('the source to be paused', () => feed.demand.cause === 'gate')
    expect([...feed.readers].map(reader => reader.gating)).toEqual([true, false])
    asked.destroy()
    await until('the source to go on', () => feed.gaps.overflow > 0)
    feed.stop()
    await producing
    balance(hub)
  })
})

describe('pace', () => {
  test('a source that can wait is held by the fastest reader that moves, so that a file does not overrun everybody', async () => {
    const { hub, client } = await startHub()
    const only = await (async () => {
      hub.feed('f', { capacity: MIB })
      return client('/feeds/f', { keep: false })
    })()
    const feed = hub.feeds.get('f')!
    only.readAt(30 * MIB)
    const n = 3_000
    for (let i = 0; i < n; i++) if (!feed.publish({ payload: 'x'.repeat(10_000) })) await feed.ready()
    only.go()
    await until('everything', () => only.messages === n)
    expect(feed.gaps.overflow).toBe(0)
    expect(feed.demand.pausedSeconds(performance.now())).toBeGreaterThan(0)
  })

  test('a source whose only readers are stalled goes on', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { capacity: MIB })
    await client('/feeds/f', { reading: false })
    await publishUntil(feed, () => feed.gaps.overflow >= 2)
    balance(hub)
  })
})
