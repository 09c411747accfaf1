/** Clients that have not answered yet: alone they are served like everybody, in a crowd behind those who have, and lose nothing by it. */
import { expect, test } from 'vitest'
import type { Client } from '../../src/clients/client.ts'
import type { Feed, FeedOptions, HubOptions } from '../../src/index.ts'
import { Link, steady, World } from '../support/link.ts'

/** More than may be written to like everybody. */
const CROWD = 150
const LINK = 10_000

function silent(): Link {
  const link = new Link(LINK, 5)
  link.answers = false
  return link
}

/** A hub, a feed, and a crowd that does not answer, on a feed of its own. The clock is at odds with the wheel and the sweep, as clocks are. */
async function crowded(
  options?: FeedOptions,
  hub?: HubOptions,
): Promise<{ world: World; feed: Feed; crowd: Client[] }> {
  const world = new World(hub)
  const [elsewhere, feed] = [world.feed(), world.feed(options)]
  await world.run(70)
  const crowd = Array.from({ length: CROWD }, () => world.join(elsewhere, silent()))
  return { world, feed, crowd }
}

const written = ({ reader }: Client) => reader.cursor.written

test('a newcomer is written each message before it has answered', async () => {
  const world = new World()
  const feed = world.feed()
  const client = world.join(feed, new Link(LINK, 1_000))
  await world.run(500, steady(feed, 20, 100))
  expect(written(client)).toBe(feed.log.count)
})

test('one of a crowd gets a run five times a second, and each message as soon as it has answered', async () => {
  const { world, feed } = await crowded()
  const client = world.join(feed, new Link(LINK, 800))
  const runs: number[] = []
  const publish = steady(feed, 100, 20)
  await world.run(700, now => {
    if (written(client) > (runs.at(-1) ?? 0)) runs.push(written(client))
    publish(now)
  })
  expect(runs.length).toBeGreaterThanOrEqual(3)
  expect(runs.length).toBeLessThanOrEqual(5)
  await world.run(300, publish)
  expect(client.reader.state).toBe('live')
  expect(written(client)).toBe(feed.log.count)
})

test('one of a crowd waits no longer for its run because many others are to be asked again', async () => {
  const { world, feed } = await crowded()
  for (let i = 0; i < 1_500; i++) world.join(world.hub.feeds.get('f0')!, silent())
  await world.run(1_500)
  const client = world.join(feed, silent())
  const publish = steady(feed, 20, 10)
  let [last, since, longest] = [0, 0, 0]
  await world.run(4_000, now => {
    publish(now)
    if (written(client) !== last) {
      if (last > 0) longest = Math.max(longest, now - since)
      last = written(client)
      since = now
    }
  })
  expect(longest).toBeGreaterThan(0)
  expect(longest).toBeLessThanOrEqual(400)
})

test.each(['skip', 'evict'] as const)(
  'under %s one of a crowd is not judged for what was published while it waited',
  async overflow => {
    const { world, feed } = await crowded({ overflow, maxLag: { messages: 10 } })
    const client = world.join(feed, new Link(LINK, 150))
    await world.run(20)
    for (let i = 0; i < 50; i++) feed.publish({ payload: `${i}` })
    await world.run(3_000, steady(feed, 50, 20))
    expect(client.reader.state).toBe('live')
    expect(client.reader.account().skipped).toBe(0)
    expect(feed.evictions.size).toBe(0)
  },
)

test('a burst that wraps the log within a turn reaches one of a crowd', async () => {
  const { world, feed } = await crowded({ overflow: 'evict', capacity: { bytes: 2 ** 20, messages: 100 } })
  const client = world.join(feed, new Link(LINK, 50))
  for (let i = 0; i < 200; i++) feed.publish({ payload: `${i}` })
  await world.run(3_000)
  expect(client.reader.account().taken).toBe(200)
  expect(feed.evictions.size).toBe(0)
})

test('a crowd that never answers and has everything is live again when that is known, and is not evicted', async () => {
  const { world, crowd } = await crowded({}, { stallTimeoutMs: 2_000 })
  const [elsewhere] = world.hub.feeds.values()
  await world.run(2_500, steady(elsewhere!, 20, 100))
  await world.run(25_000)
  expect(new Set(crowd.map(({ reader }) => reader.state))).toEqual(new Set(['live']))
  expect(elsewhere!.evictions.size).toBe(0)
})

test('one of a crowd that never answers gets what is left when its feed ends, and 1000', async () => {
  const { world, feed } = await crowded({}, { maxClients: 200, minWindowBytes: 4_096, maxInFlightBytes: 200 * 4_096 })
  const link = silent()
  const client = world.join(feed, link)
  await world.run(7_000, steady(feed, 10, 50))
  feed.end()
  await world.run(60_000)
  expect(link.closedWith?.code).toBe(1000)
  expect(client.reader.account(true).undelivered).toBe(0)
})
