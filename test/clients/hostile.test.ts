/** Corners that a hostile reader of the code found: each was wrong once. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { latenessOf } from '../../src/clients/late.ts'
import { attach, Hub, type Logger, SpillwayError } from '../../src/index.ts'
import { balance, startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

const KIB = 1024
const MIB = 1024 * KIB
const turn = () => new Promise<void>(resolve => setImmediate(resolve))

describe('a source that is always ready does not have the event loop to itself', () => {
  test.each([
    ['where the log keeps only the newest message', { capacity: { messages: 1 } }, 10],
    ['where one message is most of the limit', { maxLag: 64 * KIB }, 40_000],
  ])('%s', async (_, options, bytes) => {
    const { hub, client } = await startHub()
    let given = 0
    async function* endless() {
      for (; given < 3_000; given++) yield 'x'.repeat(bytes)
    }
    const feed = hub.feed('f', { ...options, minClients: 1, source: endless() })
    const a = await client('/feeds/f', { keep: false })
    let turns = 0
    while (feed.takesMore) {
      await turn()
      turns++
    }
    expect(turns).toBeGreaterThan(300)
    await a.closed()
    balance(hub)
  })
})

test.each([
  ['its window is full', 'full', {}],
  ['its socket is stuck', 'blocked', { targetDelayMs: 0 }],
] as const)(
  'a peer that sends FIN and reads no more while %s is gone after the grace, also without a stall timeout',
  async (_, stuck, options) => {
    const { hub, client } = await startHub({ stallTimeoutMs: 0, evictGraceMs: 200, ...options })
    const feed = hub.feed('f', { capacity: 32 * MIB })
    const a = await client('/feeds/f', { reading: false })
    while (![...feed.readers].some(({ state }) => state === stuck)) {
      feed.publish({ payload: 'x'.repeat(100_000) })
      await turn()
    }
    a.socket.end()
    await until('it to be gone', () => hub.clients.size === 0, 5_000)
    expect(feed.log.pinned).toBe(0)
  },
)

describe('a reader that begins far behind', () => {
  test.each(['evict', 'skip'] as const)('is under no limit until it has been within it once (%s)', async overflow => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow, capacity: 4 * MIB, maxLag: 64 * KIB })
    for (let i = 0; i < 1_000; i++) feed.publish({ payload: `${i}`.padEnd(1_000) })
    await turn()
    const late = await client('/feeds/f?from=earliest')
    await until('everything', () => late.messages === 1_000)
    expect(late.gone).toBe(false)
    late.stop()
    while (feed.evictions.size === 0 && feed.gaps.overflow === 0) {
      feed.publish({ payload: 'x'.repeat(10_000) })
      await turn()
    }
    balance(hub)
  })

  test('catches up with a fast source, because its rounds go on within the budget', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'evict' })
    for (let i = 0; i < 1_000; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    await turn()
    const late = await client('/feeds/f?from=earliest', { keep: false })
    let published = 1_000
    await until('it to have joined', () => feed.readers.size === 1)
    const [reader] = feed.readers
    while (reader!.state !== 'live' && published < 20_000) {
      feed.publish({ payload: 'x'.repeat(10_000) })
      published++
      await turn()
    }
    await until('everything', () => late.messages === published)
    expect(feed.evictions.size).toBe(0)
  })
})

test('what a sampled reader lost to the tail is skipped, not taken', async () => {
  const { hub, client } = await startHub()
  const feed = hub.feed('f', { capacity: 64 * KIB })
  const a = await client('/feeds/f?maxRate=1000000')
  const n = 5_000
  for (let i = 0; i < n; i++) feed.publish({ payload: `${i}`.padEnd(100) })
  await until('the newest', () => a.texts.at(-1)?.trim() === `${n - 1}`)
  await until('it to be taken', () => hub.readers()[0]!.account.inFlight === 0)
  const { account } = hub.readers()[0]!
  expect(account.taken).toBe(a.messages)
  expect(account.taken + account.skipped).toBe(n)
  expect(account.skipped).toBeGreaterThan(0)
})

test('a clock that comes late judges nobody, once', () => {
  const late = latenessOf(50)
  const now = performance.now()
  expect([late(now + 50), late(now + 110), late(now + 3_000), late(now + 3_050)]).toEqual([false, false, true, false])
})

test('a blocked event loop does not cost the gate its holder', async () => {
  const { hub, client } = await startHub()
  const feed = hub.feed('f', { overflow: 'pause', capacity: MIB, maxPauseMs: 400 })
  const a = await client('/feeds/f', { reading: false, keep: false })
  while (feed.demand.cause !== 'gate') {
    if (!feed.publish({ payload: 'x'.repeat(10_000) })) await Promise.race([feed.ready(), turn()])
  }
  a.go()
  const started = performance.now()
  while (performance.now() - started < 800) {
    // The event loop stands still, and with it everything the hub could see.
  }
  await until('demand to open', () => feed.demand.open)
  expect(feed.evictions.size).toBe(0)
})

test('a logger that throws does not take the hub down', async () => {
  const broken = () => {
    throw new Error('disk full')
  }
  const logger: Logger = { info: broken, warn: broken, error: broken }
  const { hub } = await startHub({ logger })
  async function* failing() {
    yield 42 as never
    throw new Error('broken source')
  }
  const feed = hub.feed('f', { source: failing() })
  await until('the end', () => feed.ending !== undefined)
  expect(feed.ending).toMatchObject({ code: 4500, reason: 'source failed: broken source' })
  expect([feed.source.refused, feed.failures]).toEqual([1, 1])
})

test('codes that no close frame may carry, and times that are none, are refused', async () => {
  const { hub } = await startHub()
  const feed = hub.feed('f')
  for (const code of [0, 999, 1005, 5_000, 1.5, Number.NaN]) {
    expect(() => feed.end({ code, reason: '' })).toThrow(SpillwayError)
  }
  expect(feed.takesMore).toBe(true)
  for (const drainMs of [Number.NaN, -1, Number.POSITIVE_INFINITY])
    expect(() => hub.close({ drainMs })).toThrow(SpillwayError)
  expect(hub.closing).toBe(false)
})

describe('options that contradict each other are refused', () => {
  test.each([
    [{ minClients: 20_000 }, /^f\.minClients: expected at most maxClients \(10000\), got 20000$/],
    [
      { overflow: 'pause', minGateBytesPerSec: 1, maxPauseMs: 0 },
      /^f\.minGateBytesPerSec: expected maxPauseMs above 0/,
    ],
    [
      { capacity: { messages: 10 }, maxLag: { messages: 11 } },
      /^f\.maxLag\.messages: expected at most the capacity \(10\), got 11$/,
    ],
    [{ softForMs: 5 }, /^f\.softForMs: expected softLag beside it/],
    [{ rate: 5 }, /^f\.source: expected one beside rate or chunkBytes/],
  ] as const)('%j', async (options, sentence) => {
    const { hub } = await startHub()
    expect(() => hub.feed('f', options)).toThrow(sentence)
    expect(hub.feeds.size).toBe(0)
  })
})

describe('a request that offers another protocol', () => {
  test('is answered, and its socket ended, so that closing does not wait for it', async () => {
    const hub = new Hub()
    const { serve } = await import('../../src/index.ts')
    const { url, close } = await serve(hub, { port: 0 })
    const socket = connect({ port: Number(new URL(url).port), host: '127.0.0.1', allowHalfOpen: true })
    onTestFinished(() => void socket.destroy())
    socket.write('GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 200 /)
    await close({ drainMs: 0 })
  })

  test('does not lose a body in silence: with one it is refused', async () => {
    const hub = new Hub()
    const server = createServer((request, response) => {
      request.resume().on('end', () => response.end('fine'))
    })
    attach(hub, server)
    expect(() => attach(hub, server)).toThrow(/^server: expected one without a hub/)
    server.listen(0)
    onTestFinished(async () => {
      await hub.close()
      server.close()
    })
    await once(server, 'listening')
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    socket.write('POST / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 501 [\s\S]*expected none on a request with a body, got "h2c"/)
    socket.destroy()
  })
})
