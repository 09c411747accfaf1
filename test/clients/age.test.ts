/** Connections have an age (`maxConnectionAgeMs`): whoever has reached it is told to come back, and has lost nothing by it. */
import { test as alone, expect } from 'vitest'
import { Hub, type HubEvent } from '../../src/index.ts'
import { balance, startHub } from '../support/hub.ts'
import { SimulatedSocket } from '../support/simulated.ts'
import { onTestFinished, together } from '../support/together.ts'
import { until } from '../support/until.ts'

const { test } = together()

const REASON = 'the connection has reached its age; retry=1s'

function repeat(ms: number, act: () => void): void {
  const timer = setInterval(act, ms)
  onTestFinished(() => clearInterval(timer))
}

test('those who came together do not go together, and none a tenth too early or much too late', async () => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 5_000 })
  hub.feed('f')
  const started = performance.now()
  const ages: number[] = []
  const clients = await Promise.all(Array.from({ length: 60 }, () => client('/feeds/f')))
  for (const c of clients) c.socket.once('close', () => ages.push(performance.now() - started))
  await until('all to be gone', () => ages.length === clients.length, 10_000)
  for (const c of clients) expect([c.closeCode, c.closeReason]).toEqual([1012, REASON])
  expect(Math.min(...ages)).toBeGreaterThan(4_500)
  expect(Math.max(...ages)).toBeLessThan(8_000)
  // The sweep comes once a second, and the jitter is as long.
  expect(new Set(ages.map(age => Math.round(age / 500))).size).toBeGreaterThan(1)
})

test('who resumes from where it was has every message once, however fast they come', async () => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 1_500 })
  const feed = hub.feed('f')
  let published = 0
  repeat(2, () => {
    for (let i = 0; i < 20; i++) feed.publish({ payload: `${published++}` })
  })
  const texts: string[] = []
  let offset = 0
  for (let connection = 0; connection < 3; connection++) {
    const c = await client(`/feeds/f?from=${feed.log.epoch}:${offset}`)
    expect(await c.closed()).toBe(1012)
    texts.push(...c.texts)
    offset += c.messages
  }
  expect(offset).toBeGreaterThan(1_000)
  expect(texts).toEqual(Array.from({ length: offset }, (_, i) => `${i}`))
  await until('them to have left', () => hub.clients.size === 0)
  expect(feed.totals()).toMatchObject({ delivered: offset, unknown: 0, undelivered: 0, skipped: 0 })
})

test('one that is always behind goes a tenth later, with what it has, and is not counted as evicted', async () => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 1_500 })
  const feed = hub.feed('f', { overflow: 'evict' })
  const left: HubEvent[] = []
  hub.events$.subscribe(event => void (event.type === 'client-left' && left.push(event)))
  const slow = await client('/feeds/f', { keep: false })
  slow.readAt(100_000)
  for (let i = 0; i < 1_500; i++) feed.publish({ payload: 'x'.repeat(10_000) })
  expect(await slow.closed()).toBe(1012)
  await until('it to have left', () => left.length === 1)
  expect(left[0]).toMatchObject({ code: 1012, reason: REASON })
  expect(feed.evictions.size).toBe(0)
  const { delivered, unknown, undelivered } = feed.totals()
  expect(delivered + unknown + undelivered).toBe(1_500)
  expect(slow.messages).toBeGreaterThanOrEqual(delivered)
  expect(undelivered).toBeGreaterThan(0)
})

test('one that holds the gate stays until it has everything: its feed has promised that', async () => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 500 })
  const capacity = 2 ** 20
  const feed = hub.feed('f', { overflow: 'pause', capacity })
  const slow = await client('/feeds/f', { keep: false })
  const published = 300
  await until('its first pong', () => hub.readers()[0]?.unconfirmed === false && slow.pings > 0)
  slow.readAt(1_000_000)
  const started = performance.now()
  for (let i = 0; i < published; i++) if (!feed.publish({ payload: 'x'.repeat(10_000) })) await feed.ready()
  expect(await slow.closed()).toBe(1012)
  expect(performance.now() - started).toBeGreaterThan(2_000)
  expect(slow.messages).toBe(published)
  await until('it to have left', () => hub.clients.size === 0)
  expect(feed.totals()).toMatchObject({ delivered: published, unknown: 0, undelivered: 0 })
})

test('and until it has taken it, though that takes longer than others are given', async () => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 500 })
  const feed = hub.feed('f', { overflow: 'pause' })
  const slow = await client('/feeds/f')
  await until('its first pong', () => [...hub.clients][0]?.window?.state === 'open')
  slow.stop()
  for (let i = 0; i < 10; i++) feed.publish({ payload: 'x'.repeat(1_000) })
  await until('it to be sent no more', () => hub.readers()[0]?.state === 'closed')
  const closedAt = performance.now()
  await until('others to be gone', () => performance.now() - closedAt > 3_000)
  slow.go()
  expect(await slow.closed()).toBe(1012)
  expect(slow.messages).toBe(10)
  await until('it to have left', () => hub.clients.size === 0)
  expect(feed.totals()).toMatchObject({ delivered: 10, unknown: 0, undelivered: 0 })
})

test.each([
  ['that never answers', { pongs: false }, ''],
  ['that does not read', { reading: false }, ''],
  ['that asked for a rate', {}, '?overflow=skip&maxRate=5'],
] as const)('a client %s goes too', async (_, options, query) => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 1_000, stallTimeoutMs: 0 })
  const feed = hub.feed('f')
  await client(`/feeds/f${query}`, options)
  repeat(10, () => {
    balance(hub)
    if (feed.takesMore) feed.publish({ payload: 'x'.repeat(1_000) })
  })
  await until('it to be gone', () => hub.clients.size === 0, 8_000)
})

alone(
  'one that keeps up with a source that is always ready goes too, though there is always something for it',
  async () => {
    const hub = new Hub({ maxConnectionAgeMs: 1, targetDelayMs: 0, evictGraceMs: 1 })
    onTestFinished(() => hub.close({ drainMs: 0 }))
    const source = (async function* () {
      for (;;) yield { payload: 'x' }
    })()
    const feed = hub.feed('f', { source })
    const socket = new SimulatedSocket(0)
    socket.write = (_, done) => {
      done?.()
      return true
    }
    const joining = { at: feed.log.end, overflow: 'skip', maxRate: 0 } as const
    hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, joining)
    await until('it to be gone', () => hub.clients.size === 0)
    expect(socket.closedWith).toEqual({ code: 1012, reason: REASON })
    expect(feed.totals()).toMatchObject({ skipped: 0, unknown: 0, undelivered: 0 })
    expect(feed.totals().delivered).toBeGreaterThan(0)
  },
)

test('with the window off, what a socket has taken is had', async () => {
  const { hub, client } = await startHub({ maxConnectionAgeMs: 1_000, targetDelayMs: 0 })
  const feed = hub.feed('f')
  const c = await client('/feeds/f')
  repeat(10, () => feed.takesMore && feed.publish({ payload: 'x' }))
  expect(await c.closed()).toBe(1012)
  await until('it to have left', () => hub.clients.size === 0)
  expect(feed.totals()).toMatchObject({ delivered: c.messages, unknown: 0, undelivered: 0 })
})

test('without an age nobody goes', async () => {
  const { hub } = await startHub()
  expect(hub.settings.maxConnectionAgeMs).toBe(0)
})
