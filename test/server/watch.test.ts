/** The watch: what it keeps of a hub, for how long, and within what. */
import fc from 'fast-check'
import { expect, vi } from 'vitest'
import type { HubEvent } from '../../src/events.ts'
import { ClosedRing } from '../../src/server/watch/closed.ts'
import { HISTORY_SECONDS, History } from '../../src/server/watch/history.ts'
import { Ranking } from '../../src/server/watch/ranking.ts'
import { watchOf } from '../../src/server/watch/watch.ts'
import { NOTHING } from '../support/account.ts'
import { startHub } from '../support/hub.ts'
import { together } from '../support/together.ts'
import { until } from '../support/until.ts'

const { describe, test } = together()

describe('a ranking', () => {
  test('has the largest of many, the largest first, and of equals those that came first', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9 })), fc.integer({ min: 0, max: 12 }), (figures, most) => {
        const ranking = new Ranking<number>(most)
        for (const [i, figure] of figures.entries()) ranking.offer(i, figure)
        const sorted = figures
          .map((figure, item) => ({ item, figure }))
          .sort((a, b) => b.figure - a.figure || a.item - b.item)
        expect(ranking.ranked).toEqual(sorted.slice(0, most))
      }),
    )
  })
})

describe('a history', () => {
  const sample = (item: string, sample: number) => ({ item, sample })

  test('has the last minute of one who is among the slowest, the oldest first', () => {
    const history = new History<string>(2)
    for (let i = 0; i < 100; i++) history.add([sample('a', i)])
    expect(history.of('a')).toEqual(Array.from({ length: HISTORY_SECONDS }, (_, i) => 100 - HISTORY_SECONDS + i))
    expect(history.of('b')).toEqual([])
  })

  test('begins anew for one who comes back, and is not mixed with that of whoever had its row before', () => {
    const history = new History<string>(2)
    history.add([sample('a', 1), sample('b', 10)])
    history.add([sample('a', 2), sample('b', 20)])
    history.add([sample('c', 30), sample('a', 3)])
    expect([history.of('a'), history.of('b'), history.of('c')]).toEqual([[1, 2, 3], [], [30]])
    history.add([sample('b', 40), sample('c', 31)])
    expect([history.of('a'), history.of('b'), history.of('c')]).toEqual([[], [40], [30, 31]])
  })
})

describe('the ring of those who have left', () => {
  const left = (id: number): Extract<HubEvent, { type: 'client-left' }> => ({
    type: 'client-left',
    client: { id, address: 'a', name: '', agent: '', since: 0 },
    feed: id % 2 === 0 ? 'even' : 'odd',
    code: 1000,
    reason: '',
    outcome: 'clean',
    initiator: 'client',
    overflow: 'skip',
    cause: undefined,
    account: NOTHING,
  })

  test('keeps the last so many, numbered as they left, the newest first', () => {
    const ring = new ClosedRing(3)
    expect(ring.newest(10)).toEqual([])
    for (let id = 1; id <= 5; id++) ring.add(left(id), id * 100)
    expect(ring.newest(10).map(({ seq, at, client }) => [seq, at, client.id])).toEqual([
      [5, 500, 5],
      [4, 400, 4],
      [3, 300, 3],
    ])
    expect(ring.newest(1).map(({ seq }) => seq)).toEqual([5])
    expect(ring.newest(10, ({ feed }) => feed === 'even').map(({ seq }) => seq)).toEqual([4])
    expect(ring.count).toBe(5)
  })
})

describe('of a hub the watch knows', () => {
  test('how fast its feeds are', async () => {
    const { hub, client } = await startHub({ tailPingMs: 20 })
    const feed = hub.feed('f')
    const watch = watchOf(hub)
    expect(watch.rates(feed)).toEqual({ published: 0, publishedBytes: 0, delivered: 0, deliveredBytes: 0 })
    await client('/feeds/f')
    const begun = performance.now()
    await until('some seconds of publishing', () => {
      feed.publish({ payload: 'x'.repeat(100) })
      return watch.rates(feed).delivered > 0 && performance.now() - begun > 3_000
    })
    const perSecond = (feed.log.count / (performance.now() - begun)) * 1_000
    const { published, publishedBytes, delivered, deliveredBytes } = watch.rates(feed)
    expect(published).toBeGreaterThan(perSecond / 2)
    expect(published).toBeLessThan(perSecond * 2)
    expect(publishedBytes / published).toBeCloseTo(102, 5) // a header of two bytes
    expect(deliveredBytes / delivered).toBeCloseTo(102, 5)
  })

  test('who is slow, in bands that add up to the readers, with the history of each second', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const healthy = await client('/feeds/f')
    await client('/feeds/f?name=stuck', { reading: false })
    await client('/feeds/f?maxRate=1')
    for (let i = 0; i < 100; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await until('the healthy one has it all', () => healthy.messages === 100)
    const watch = watchOf(hub)
    await vi.waitFor(async () => expect((await watch.look()).feeds.get(feed)?.dataAge.max).toBeGreaterThan(1), 10_000)
    const { feeds, slowest } = await watch.look()
    const seen = feeds.get(feed)!
    expect(Object.values(seen.bands).reduce((sum, n) => sum + n, 0)).toBe(3)
    expect(seen.bands['0.1s']).toBeGreaterThan(0)
    expect(seen.bands['5s']).toBe(1)
    expect(seen.states).toMatchObject({ live: 1, full: 1, sampled: 1 })
    expect(slowest[0]!.item.info.name).toBe('stuck')
    await until('a history', () => watch.history(slowest[0]!.item).length >= 2)
    const history = watch.history(slowest[0]!.item)
    expect(history.at(-1)).toBeGreaterThan(history[0]!)
  })

  test('how far the slowest is from its limit', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'skip', maxLag: 2_000_000 })
    const watch = watchOf(hub)
    const headroom = async () => (await watch.look()).feeds.get(feed)?.headroom
    expect(await headroom()).toBeUndefined()
    const healthy = await client('/feeds/f')
    await vi.waitFor(async () => expect((await headroom())?.ratio).toBe(1), 5_000)
    await client('/feeds/f', { reading: false })
    for (let i = 0; i < 100; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await until('the healthy one has it all', () => healthy.messages === 100)
    await vi.waitFor(async () => expect((await headroom())?.ratio).toBeLessThan(0.6), 5_000)
    const { bytes, ratio } = (await headroom())!
    const queued = Math.max(...hub.readers().map(reader => reader.queued.bytes))
    expect(bytes).toBe(2_000_000 - queued)
    expect(ratio).toBe(bytes / 2_000_000)
  })

  test('a look at most every half second, however many ask', async () => {
    const { hub } = await startHub()
    const watch = watchOf(hub)
    const looks = new Set<object>()
    const begun = performance.now()
    while (performance.now() - begun < 1_200) {
      for (const seen of await Promise.all([watch.look(), watch.look()])) looks.add(seen)
      await new Promise(resolve => setImmediate(resolve))
    }
    // One a second by itself, and one between two of those; and the first.
    expect(looks.size).toBeLessThanOrEqual(5)
    expect(looks.size).toBeGreaterThan(1)
  })

  test('nothing more once it has closed', async () => {
    const { hub } = await startHub()
    const watch = watchOf(hub)
    expect(watchOf(hub)).toBe(watch)
    const turn = vi.spyOn(watch, 'turn')
    await until('a turn', () => turn.mock.calls.length > 0)
    await hub.close({ drainMs: 0 })
    const [turns, closed] = [turn.mock.calls.length, performance.now()]
    await until('more than a second', () => performance.now() - closed > 1_200)
    expect(turn).toHaveBeenCalledTimes(turns)
  })
})
