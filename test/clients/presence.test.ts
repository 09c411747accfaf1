/** Who is there and who is not: silence, vanishing, goodbye, and the end of a hub. */
import { once } from 'node:events'
import { test as alone, expect } from 'vitest'
import type { HubEvent } from '../../src/index.ts'
import { balance, startHub } from '../support/hub.ts'
import type { RawClient } from '../support/raw-client.ts'
import { onTestFinished, together } from '../support/together.ts'
import { until } from '../support/until.ts'

const { describe, test } = together()

/** Does it every so many milliseconds, until it is cleared or the test is over. */
function repeat(ms: number, act: () => void): NodeJS.Timeout {
  const timer = setInterval(act, ms)
  onTestFinished(() => clearInterval(timer))
  return timer
}

describe('a silent peer', () => {
  test('is pinged, and stays when it answers', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_500 })
    hub.feed('f')
    const a = await client('/feeds/f')
    await until('three pings', () => a.pings >= 3)
    expect(hub.clients.size).toBe(1)
    expect(a.gone).toBe(false)
  })

  test('that answers nothing is evicted with 4409 where the window is off', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000, targetDelayMs: 0 })
    const feed = hub.feed('f')
    const a = await client('/feeds/f', { pongs: false })
    expect(await a.closed(8_000)).toBe(4409)
    expect(a.closeReason).toMatch(/^stalled: no sign of life for \d+ ms$/)
    expect([...feed.evictions]).toEqual([['stall', 1]])
  })

  test('that never answers stays, is shown as unconfirmed, and goes on receiving', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000 })
    const feed = hub.feed('f')
    const a = await client('/feeds/f', { pongs: false })
    const started = performance.now()
    let n = 0
    repeat(10, () => feed.publish({ payload: `${n++}` }))
    await until('four timeouts to have passed', () => performance.now() - started > 4_000 || a.gone)
    expect(a.gone).toBe(false)
    expect(hub.readers()[0]).toMatchObject({ unconfirmed: true, account: { taken: 0 } })
    const { messages } = a
    await until('more messages', () => a.messages > messages + 20)
    expect(a.texts).toEqual(Array.from({ length: a.messages }, (_, i) => `${i}`))
    expect(feed.evictions.size).toBe(0)
    balance(hub)
  })

  test('that never answers is confirmed by the first answer after all', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000 })
    const feed = hub.feed('f')
    const a = await client('/feeds/f', { pongs: false })
    let n = 0
    const timer = repeat(10, () => feed.publish({ payload: `${n++}` }))
    await until('it to count as one that never answers', () => hub.readers()[0]!.unconfirmed)
    expect(hub.readers()[0]!.account.taken).toBe(0)
    a.answers = true
    // There is no other ping before this one is answered.
    a.send(10, a.lastPing!)
    clearInterval(timer)
    await until('everything to be taken', () => hub.readers()[0]!.account.taken === n)
    expect(hub.readers()[0]!.unconfirmed).toBe(false)
    balance(hub)
  })

  test.each([
    ['falls silent', (a: RawClient) => a.hush()],
    ['reads no more', (a: RawClient) => a.stop()],
  ])('that answered once and then %s is evicted with 4409, and a feed that moves does not hide it', async (_, quit) => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000 })
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    const left: HubEvent[] = []
    hub.events$.subscribe(event => void (event.type === 'client-left' && left.push(event)))
    repeat(10, () => feed.publish({ payload: 'x' }))
    await until('it to have taken something', () => feed.totals().delivered > 0)
    quit(a)
    await until('the eviction', () => feed.evictions.get('stall') === 1, 8_000)
    await until('its socket to be gone', () => hub.clients.size === 0)
    await until('the event', () => left.length === 1)
    expect(left[0]).toMatchObject({
      code: 4409,
      reason: expect.stringMatching(/^stalled: no sign of life for \d+ ms$/),
    })
  })

  test('that answered once and is asked in vain on a quiet feed is evicted with 4409', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000 })
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    feed.publish({ payload: 'x' })
    await until('it to have taken something', () => feed.totals().delivered === 1)
    a.hush()
    expect(await a.closed(8_000)).toBe(4409)
    expect([...feed.evictions]).toEqual([['stall', 1]])
  })

  test('that never answered is evicted too once its socket is stuck, though a feed that moves would hide it', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000 })
    const feed = hub.feed('f', { maxMessageBytes: 8_000_000 })
    await client('/feeds/f', { reading: false })
    feed.publish({ payload: 'x'.repeat(7_500_000) })
    await until('it to be stuck', () => [...feed.readers].some(({ state }) => state === 'blocked'))
    repeat(10, () => feed.publish({ payload: 'x' }))
    await until('the eviction', () => feed.evictions.get('stall') === 1, 8_000)
    await until('its socket to be gone', () => hub.clients.size === 0)
    expect(feed.log.pinned).toBe(0)
  })

  test.each([
    ['on', 1_000],
    ['off', 0],
  ])('that still takes what is stuck is alive, however late its pong, with the window %s', async (_, targetDelayMs) => {
    const { hub, client } = await startHub({ stallTimeoutMs: 1_000, targetDelayMs })
    const feed = hub.feed('f', { capacity: 64 * 2 ** 20 })
    const slow = await client('/feeds/f', { pongs: false, keep: false })
    slow.readAt(6 * 2 ** 20)
    for (let i = 0; i < 1_500; i++) feed.publish({ payload: 'x'.repeat(20_000) })
    const started = performance.now()
    await until('it to have read for four timeouts', () => performance.now() - started > 4_000 || slow.gone)
    expect(feed.evictions.size).toBe(0)
    expect(slow.bytes).toBeLessThan(30_000_000)
  })

  test('is left alone when the timeout is off', async () => {
    const { hub, client } = await startHub({ stallTimeoutMs: 0 })
    hub.feed('f')
    const a = await client('/feeds/f', { pongs: false })
    const b = await client('/feeds/f', { pongs: false })
    const started = performance.now()
    await until('two sweeps to have passed', () => performance.now() - started > 2_200)
    expect(hub.clients.size).toBe(2)
    expect(Math.max(a.pings, b.pings), 'the first ping, and when that is long overdue another').toBeLessThanOrEqual(2)
  })
})

test('a client that vanishes leaves in the next moment, with its account', async () => {
  const { hub, client } = await startHub()
  const feed = hub.feed('f')
  const events: HubEvent[] = []
  hub.events$.subscribe(event => void events.push(event))
  const a = await client('/feeds/f?name=desk%207')
  feed.publish({ payload: 'x' })
  await until('the message', () => a.messages === 1)
  await until('it to be taken', () => feed.totals().delivered === 1)
  a.destroy()
  await until('it to have left', () => hub.clients.size === 0)
  await until('the event', () => events.some(({ type }) => type === 'client-left'))
  expect(events[0]).toMatchObject({
    type: 'client-joined',
    client: { name: 'desk 7' },
    position: `${feed.log.epoch}:0`,
  })
  expect(events.at(-1)).toMatchObject({ type: 'client-left', code: 1006, outcome: 'terminated', account: { taken: 1 } })
})

describe('closing a hub', () => {
  test('lets everybody have what is left, then closes with 1012 and when to come back', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const slow = await client('/feeds/f')
    slow.readAt(8 * 2 ** 20)
    const n = 600
    for (let i = 0; i < n; i++) feed.publish({ payload: 'x'.repeat(10_000) })
    const closing = hub.close({ drainMs: 8_000 })
    expect(hub.closing).toBe(true)
    expect(() => feed.publish({ payload: 'more' })).toThrow(expect.objectContaining({ code: 'feed_ended' }))
    await closing
    await slow.closed()
    expect(slow.messages).toBe(n)
    expect(slow.closeCode).toBe(1012)
    expect(slow.closeReason).toMatch(/^restarting; retry=\d+s$/)
    expect(feed.totals()).toMatchObject({ delivered: n, unknown: 0, undelivered: 0 })
  })

  test('ends those who do not read, at the deadline and after the grace', async () => {
    const { hub, client } = await startHub({ evictGraceMs: 100 })
    const feed = hub.feed('f')
    await client('/feeds/f', { reading: false })
    while (![...feed.readers].some(({ state }) => state === 'full')) {
      if (!feed.publish({ payload: 'x'.repeat(100_000) })) await feed.ready()
    }
    await hub.close({ drainMs: 100 })
    expect(hub.clients.size).toBe(0)
    const { unknown, undelivered } = feed.totals()
    expect(unknown).toBeGreaterThan(0)
    expect(undelivered).toBeGreaterThanOrEqual(0)
  })

  test('hurries when it is asked again', async () => {
    const { hub, client } = await startHub()
    hub.feed('f')
    await Promise.all(Array.from({ length: 10 }, () => client('/feeds/f')))
    const closing = hub.close({ drainMs: 600_000 })
    await hub.close({ drainMs: 0 })
    await closing
    expect(hub.clients.size).toBe(0)
  })

  test('does not wait for a source that never answers', async () => {
    const { hub } = await startHub()
    const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) }
    hub.feed('f', { source: never })
    await hub.close({ drainMs: 0 })
    expect(hub.closing).toBe(true)
  })
})

// Asked again where the machine stood still for as long as the closes take: then all of them come at once.
alone('closing a hub spreads the closes over the time it has', { retry: 2 }, async () => {
  const { hub, client } = await startHub()
  hub.feed('f')
  const times: number[] = []
  const clients = await Promise.all(Array.from({ length: 40 }, () => client('/feeds/f')))
  for (const c of clients) c.socket.once('close', () => times.push(performance.now()))
  const started = performance.now()
  await hub.close({ drainMs: 2_000 })
  await until('all to be gone', () => times.length === 40)
  const buckets = [0, 0, 0, 0]
  for (const time of times) buckets[Math.min(3, Math.floor((time - started) / 400))]!++
  expect(Math.min(...buckets)).toBeGreaterThanOrEqual(1)
})

test('finished() waits for every feed to end and every client to leave', async () => {
  const { hub, client } = await startHub()
  const [f, g] = [hub.feed('f'), hub.feed('g')]
  let done = false
  const finished = hub.finished().then(() => {
    done = true
  })
  const a = await client('/feeds/f')
  f.end()
  expect(await a.closed()).toBe(1000)
  expect(done).toBe(false)
  g.end()
  await finished
})

test.each([
  ['with its window off', { targetDelayMs: 0 }, 100_000],
  ['of a message larger than the kernel takes', {}, 7_500_000],
] as const)(
  'a client whose peer resets the connection in the middle of a write %s costs nobody anything',
  async (_, options, bytes) => {
    const { hub, client } = await startHub(options)
    const feed = hub.feed('f', { maxMessageBytes: 8_000_000 })
    const healthy = await client('/feeds/f')
    const broken = await client('/feeds/f', { reading: false })
    let n = 0
    while (![...feed.readers].some(({ state }) => state === 'blocked')) {
      if (!feed.publish({ payload: `${n++} `.padEnd(bytes, '.') })) await feed.ready()
    }
    broken.socket.resetAndDestroy()
    await once(broken.socket, 'close')
    await until('it to have left', () => hub.clients.size === 1)
    expect(feed.log.pinned).toBe(0)
    feed.publish({ payload: 'after' })
    n++
    await until('the healthy one to have everything', () => healthy.messages === n)
    balance(hub)
  },
)
