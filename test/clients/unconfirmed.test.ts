/** Clients that never answer a ping: not evicted for it, shown, and limited; in simulated time. */
import { expect, test } from 'vitest'
import { balance } from '../support/hub.ts'
import { Link, steady, World } from '../support/link.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** A client that reads, and never answers. */
function silent(bytesPerMs: number): Link {
  const link = new Link(bytesPerMs, 5)
  link.answers = false
  return link
}

test('one that reads is not evicted, and gets everything once it has shown that it drains', async () => {
  const world = new World({ stallTimeoutMs: 3_000 })
  const feed = world.feed({ capacity: 4 * MIB })
  const link = silent(10_000)
  const client = world.join(feed, link)
  const publish = steady(feed, 500, 1_000)
  await world.run(30_000, publish)
  const before = client.reader.account()
  expect(before.inFlight * 1_004).toBeGreaterThan(6 * MIB)
  await world.run(20_000, publish)
  const { taken, inFlight, queued, skipped } = client.reader.account()
  expect([taken, queued, skipped]).toEqual([0, 0, before.skipped])
  expect(inFlight - before.inFlight).toBe(10_000)
  expect(client.unconfirmed).toBe(true)
  expect(feed.evictions.size).toBe(0)
  balance(world.hub)
})

test('several that read are tried one after the other, whatever they get meanwhile', async () => {
  const world = new World({ stallTimeoutMs: 10_000 })
  const feed = world.feed({ capacity: 1 * MIB })
  const clients = Array.from({ length: 4 }, () => world.join(feed, silent(10_000)))
  await world.run(100_000, steady(feed, 400, 1_000))
  expect(clients.map(({ window }) => window!.limit)).toEqual(clients.map(() => Number.POSITIVE_INFINITY))
  expect(feed.evictions.size).toBe(0)
})

test('one that is only slow to answer is given no more than it can bear', async () => {
  const world = new World()
  const feed = world.feed({ maxLag: { ms: 1_000 } })
  const link = new Link(0, 5)
  const client = world.join(feed, link)
  const publish = steady(feed, 1_000, 1_000)
  await world.run(6_500, publish)
  expect(client.unconfirmed).toBe(true)
  link.bytesPerMs = 20
  await world.run(40_000, publish)
  expect(client.unconfirmed).toBe(false)
  expect(client.dataAgeMs(performance.now())).toBeLessThan(2_000)
  expect(feed.evictions.size).toBe(0)
})

test('a feed that ends lets it go, without waiting for its answer', async () => {
  const world = new World()
  const feed = world.feed()
  const link = silent(1_000)
  world.join(feed, link)
  feed.publish({ payload: 'x' })
  await world.run(500)
  feed.end()
  await world.run(7_000)
  expect(link.closedWith?.code).toBe(1000)
})

test('a tight budget gives it nothing, and what it was not given does not count as drained', async () => {
  const maxInFlightBytes = 256 * KIB
  const world = new World({ maxClients: 20, maxInFlightBytes, stallTimeoutMs: 0 })
  const feed = world.feed()
  const clients = Array.from({ length: 20 }, () => world.join(feed, silent(0)))
  await world.run(40_000, steady(feed, 1_000, 1_000))
  expect(clients.reduce((sum, { reader }) => sum + reader.cursor.inFlightBytes, 0)).toBeLessThanOrEqual(
    maxInFlightBytes,
  )
})

test('one on a quiet feed stays, though nothing can be known of it', async () => {
  const world = new World({ stallTimeoutMs: 1_000 })
  const feed = world.feed()
  const client = world.join(feed, silent(1_000))
  await world.run(60_000, steady(feed, 0.2, 100))
  expect(client.unconfirmed).toBe(true)
  expect(client.reader.state).toBe('live')
})

test('one under pause holds the gate no longer than its socket does', async () => {
  const world = new World()
  const feed = world.feed({ overflow: 'pause', capacity: 64 * KIB })
  const client = world.join(feed, silent(10_000))
  const publish = () => {
    while (feed.demand.open) feed.publish({ payload: 'x'.repeat(1_000) })
  }
  await world.run(40_000, publish)
  expect(client.reader.state).not.toBe('closed')
  expect(feed.log.bytes).toBeGreaterThan(20 * MIB)
})

test('one that reads nothing either is evicted where its socket stops, as stalled', async () => {
  const world = new World({ stallTimeoutMs: 3_000 })
  const feed = world.feed()
  const client = world.join(feed, silent(0))
  await world.run(30_000, steady(feed, 1_000, 1_000))
  expect(client.reader.state).toBe('closed')
  expect([...feed.evictions]).toEqual([['stall', 1]])
})

test('many that read nothing have their windows, and one allowance for all of them', async () => {
  const world = new World({ stallTimeoutMs: 0 })
  const feed = world.feed({ capacity: 1 * MIB })
  const clients = Array.from({ length: 200 }, () => world.join(feed, silent(0)))
  await world.run(20_000, steady(feed, 1_000, 1_000))
  const inFlight = clients.reduce((sum, { reader }) => sum + reader.cursor.inFlightBytes, 0)
  expect(inFlight).toBeLessThanOrEqual(200 * 16 * KIB + 12 * MIB)
  expect(clients.every(({ unconfirmed }) => unconfirmed)).toBe(true)
  expect(world.hub.clients.size).toBe(200)
})

test('one that answers at last is a client like any other', async () => {
  const world = new World()
  const feed = world.feed()
  const link = silent(1_000)
  const client = world.join(feed, link)
  const publish = steady(feed, 200, 1_000)
  await world.run(8_000, publish)
  expect(client.unconfirmed).toBe(true)
  link.answers = true
  // The pings it did not answer are gone; it is asked again, less and less often.
  await world.run(40_000, publish)
  expect(client.unconfirmed).toBe(false)
  expect(world.hub.windows!.unconfirmed.size).toBe(0)
  expect(client.window!.limit).toBeLessThanOrEqual(64 * KIB)
  await world.run(2_000)
  expect(client.reader.account()).toMatchObject({ inFlight: 0, queued: 0 })
  balance(world.hub)
})

test('each is told apart in what operators see', async () => {
  const world = new World()
  const feed = world.feed()
  world.join(feed, silent(1_000))
  world.join(feed, new Link(1_000, 5))
  await world.run(8_000, steady(feed, 10, 100))
  expect(world.hub.readers().map(({ unconfirmed, account }) => [unconfirmed, account.taken > 0])).toEqual([
    [true, false],
    [false, true],
  ])
})
