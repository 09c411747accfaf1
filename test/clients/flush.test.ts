/** The fair flush: who is live comes first, who is behind takes turns, and nobody has the loop to himself. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Feed, Hub, type HubOptions } from '../../src/index.ts'
import { SLICE_BYTES } from '../../src/log/sizes.ts'
import { startHub } from '../support/hub.ts'
import { SimulatedSocket } from '../support/simulated.ts'
import { until } from '../support/until.ts'

const MIB = 2 ** 20
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

/** With the window off unless it is said otherwise: how bytes get out is the same, and nothing but sockets holds them. */
function simulatedHub(options: HubOptions = { targetDelayMs: 0 }): {
  readonly hub: Hub
  readonly join: (feed: Feed, from: 'latest' | 'earliest', kernel?: number) => SimulatedSocket
} {
  const hub = new Hub({ evictGraceMs: 1, ...options })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  const join = (feed: Feed, from: 'latest' | 'earliest', kernel = 64 * MIB) => {
    const socket = new SimulatedSocket(kernel)
    const at = from === 'latest' ? feed.log.end : feed.log.tail
    hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, {
      at,
      overflow: feed.settings.overflow,
      maxRate: 0,
    })
    return socket
  }
  return { hub, join }
}

describe('the flush', () => {
  test('serves who has kept up before and was held up for a moment in the next turn, however many others are catching up', async () => {
    const { hub, join } = simulatedHub({})
    const feed = hub.feed('f')
    for (let i = 0; i < 150; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await turn()
    const held = join(feed, 'latest', 30_000)
    held.read(1_000)
    for (let i = 0; i < 3_000; i++) join(feed, 'earliest')
    for (let i = 0; i < 10; i++) feed.publish({ payload: 'y'.repeat(5_000) })
    await turn()
    const [first, ...others] = [...feed.readers]
    expect(['full', 'blocked']).toContain(first!.state)
    held.read(Number.POSITIVE_INFINITY)
    expect(first!.state).toBe('catching')
    await turn()
    held.read(Number.POSITIVE_INFINITY)
    await turn()
    held.read(Number.POSITIVE_INFINITY)
    expect(held.payloads().length).toBe(10)
    expect(others.filter(({ cursor }) => cursor.written === 0).length).toBeGreaterThan(100)
  })

  test('serves live readers in the next turn, however many others are catching up', async () => {
    const { hub, join } = simulatedHub()
    const feed = hub.feed('f')
    for (let i = 0; i < 150; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await turn()
    const live = join(feed, 'latest')
    for (let i = 0; i < 300; i++) join(feed, 'earliest')
    let turns = 0
    while ([...feed.readers].some(({ state }) => state === 'catching')) {
      feed.publish({ payload: `${turns}` })
      await turn()
      live.read(1_000)
      expect(live.payloads().length).toBe(turns + 1)
      turns++
    }
    expect(turns).toBeGreaterThan(20)
  })

  test('serves live readers in the next turn, however many others are full', async () => {
    const { hub, join } = simulatedHub({})
    const feed = hub.feed('f')
    for (let i = 0; i < 150; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await turn()
    const live = join(feed, 'latest')
    live.read(1_000) // and answers the first ping
    for (let i = 0; i < 300; i++) join(feed, 'earliest')
    for (let turns = 0; turns < 50; turns++) {
      feed.publish({ payload: `${turns}` })
      await turn()
      live.read(1_000)
      expect(live.payloads().length).toBe(turns + 1)
    }
    const states = [...feed.readers].map(({ state }) => state)
    expect([states[0], new Set(states.slice(1))]).toEqual(['live', new Set(['full'])])
  })

  test('gives readers that catch up a slice each, round after round, so that none is ahead of the others by more', async () => {
    const { hub, join } = simulatedHub()
    const feed = hub.feed('f')
    for (let i = 0; i < 200; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await turn()
    for (let i = 0; i < 20; i++) join(feed, 'earliest')
    const readers = [...feed.readers]
    while (readers.some(({ state }) => state === 'catching')) {
      await turn()
      const places = readers.map(({ cursor }) => cursor.at.bytes)
      expect(Math.max(...places) - Math.min(...places)).toBeLessThanOrEqual(2 * SLICE_BYTES)
    }
    expect(new Set(readers.map(({ state }) => state))).toEqual(new Set(['live']))
  })

  test('hands readers at the same place the same bytes, also those that came there by different ways', async () => {
    const { hub, join } = simulatedHub()
    const feed = hub.feed('f')
    for (let i = 0; i < 100; i++) feed.publish({ payload: 'x'.repeat(1_000) })
    await turn()
    const early = join(feed, 'earliest', 1)
    await turn()
    await turn()
    const late = join(feed, 'earliest', 1)
    await turn()
    await turn()
    const [one, two] = [...feed.readers].map(({ cursor }) => cursor.unfinished)
    expect(one).toBeDefined()
    expect(one).toBe(two)
    expect([early.writableLength, late.writableLength]).toEqual([one!.bytes.length - 1, one!.bytes.length - 1])
  })

  test('goes on with a burst that one turn is too short for, and demand stays closed until it is out', async () => {
    const { hub, join } = simulatedHub()
    const feed = hub.feed('f')
    const sockets = Array.from({ length: 100 }, () => join(feed, 'latest'))
    while (feed.publish({ payload: 'x'.repeat(10_000) })) {}
    const n = feed.log.count
    const ready = feed.ready()
    let turns = 0
    let open = false
    void ready.then(() => {
      open = true
    })
    while (!open) {
      await turn()
      turns++
    }
    expect(turns).toBeGreaterThan(1)
    expect([...feed.readers].every(({ cursor }) => cursor.at === feed.log.end)).toBe(true)
    for (const socket of sockets) socket.read(Number.POSITIVE_INFINITY)
    expect(sockets[0]!.payloads().length).toBe(n)
  })

  test('stops for good when the hub has closed', async () => {
    const { hub, join } = simulatedHub({})
    const feed = hub.feed('f')
    const socket = join(feed, 'latest')
    feed.publish({ payload: 'x' })
    await hub.close({ drainMs: 0 })
    const { length } = socket.received
    await turn()
    expect(socket.received.length).toBe(length)
    expect(socket.closedWith?.code).toBe(1012)
  })
})

const ON_AND_OFF = [
  ['on', {}],
  ['off', { targetDelayMs: 0 }],
] as const

test.each(ON_AND_OFF)('nothing is written after a close frame, with the window %s', async (_, options) => {
  const { hub, join } = simulatedHub(options)
  const feed = hub.feed('f')
  const socket = join(feed, 'latest')
  socket.read(1_000)
  feed.publish({ payload: 'before' })
  await turn()
  feed.publish({ payload: 'and before, unasked' })
  await turn()
  socket.close(1000, '') // the peer's close frame has come: ws answers it, and the socket is not ours any more
  feed.publish({ payload: 'after' })
  await turn()
  socket.read(1_000)
  const { length } = socket.received
  hub.windows?.pings.ask(performance.now() + 5_000)
  socket.read(1_000)
  expect(socket.received.length).toBe(length)
  expect(socket.payloads()).toEqual(['before', 'and before, unasked'])
  expect([...feed.readers][0]!.state).toBe('closed')
})

test.each(ON_AND_OFF)(
  'what is written to a socket that is destroyed, but not yet known to be closed, does not count as taken, with the window %s',
  async (_, options) => {
    const { hub, join } = simulatedHub(options)
    const feed = hub.feed('f')
    const socket = join(feed, 'latest')
    socket.destroyed = true
    feed.publish({ payload: 'lost' })
    await turn()
    expect(hub.readers()[0]!.account).toMatchObject({ published: 1, taken: 0, queued: 1 })
  },
)

test.each(ON_AND_OFF)(
  'of pings that come while a pong is on its way, the last is answered, so that a client that does not read costs one, with the window %s',
  async (_, options) => {
    const { hub, join } = simulatedHub(options)
    const feed = hub.feed('f')
    const socket = join(feed, 'latest', 10)
    feed.publish({ payload: 'x'.repeat(100) })
    await turn()
    for (let i = 0; i < 1_000; i++) socket.emit('ping', Buffer.from('b'))
    expect(socket.pongs).toBe(1)
    expect(socket.writableLength).toBeLessThan(110)
    socket.read(Number.POSITIVE_INFINITY)
    expect(socket.pongs).toBe(2)
  },
)

test.each(ON_AND_OFF)(
  'many live readers that leave a quiet feed are let go of, without a message to sort them out, with the window %s',
  async (_, options) => {
    const { hub, join } = simulatedHub(options)
    const feed = hub.feed('f')
    const sockets = Array.from({ length: 300 }, () => join(feed, 'latest'))
    for (const socket of sockets.slice(10)) socket.lose()
    expect(feed.readers.size).toBe(10)
    expect(feed.readers.live.length).toBeLessThan(100)
  },
)

test('past the ceiling in the printed bound, the largest unfinished writes are cut off', async () => {
  const { hub, client } = await startHub({ maxClients: 4, stallTimeoutMs: 0, targetDelayMs: 0 })
  const feed = hub.feed('f', { capacity: 4 * MIB, maxMessageBytes: MIB })
  const payload = 'x'.repeat(MIB - 100)
  for (let stuck = 1; stuck <= 3; stuck++) {
    await client('/feeds/f', { reading: false })
    await until('it to have joined', () => hub.clients.size === stuck || (feed.evictions.get('pinned') ?? 0) > 0)
    for (let i = 0; i < 14; i++) {
      feed.publish({ payload })
      await turn()
    }
  }
  await until('the largest to be cut off', () => (feed.evictions.get('pinned') ?? 0) > 0)
  await until('the pinned bytes to be back', () => feed.log.pinned <= hub.memoryBound().pinned + MIB)
  expect(hub.clients.size).toBeGreaterThan(0)
  expect([...feed.evictions.keys()]).toEqual(['pinned'])
})
