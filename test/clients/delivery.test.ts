/** What clients get: order, formats, where they begin, how a feed ends. Real sockets throughout. */
import { describe, expect, test } from 'vitest'
import { balance, startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

const text = (prefix: string, n: number) => Array.from({ length: n }, (_, i) => `${prefix}${i}`)

describe('a plain client', () => {
  test('gets every message in order, one frame each, exactly as published', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    const sent = ['', 'x', 'grün ✓', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65_535), 'x'.repeat(65_536)]
    for (const payload of sent) feed.publish({ payload })
    await until('all messages', () => a.messages === sent.length)
    expect(a.texts).toEqual(sent)
    expect(a.dataOpcodes).toEqual([1])
    balance(hub)
  })

  test('gets binary frames from a binary feed', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { format: 'binary' })
    const a = await client('/feeds/f')
    feed.publish({ payload: new Uint8Array([0, 255, 128]) })
    await until('the message', () => a.messages === 1)
    expect([...a.payloads[0]!]).toEqual([0, 255, 128])
    expect(a.dataOpcodes).toEqual([2])
  })

  test('begins where it asks to: the end, the beginning, so many messages back, a position', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    for (const payload of text('m', 10)) feed.publish({ payload })
    const asked = ['latest', 'earliest', '-3', `${feed.log.epoch}:7`, '-1h', '-100']
    const clients = await Promise.all(asked.map(from => client(`/feeds/f?from=${from}`)))
    await until('all to have joined', () => hub.clients.size === asked.length)
    feed.publish({ payload: 'last' })
    await until('the last message everywhere', () => clients.every(c => c.texts.at(-1) === 'last'))
    expect(clients.map(c => c.messages)).toEqual([1, 11, 4, 4, 11, 11])
    balance(hub)
  })

  test('resumes from its position without losing or repeating a message', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const first = await client('/feeds/f')
    const position = first.headers['spillway-position']
    feed.publish({ payload: 'a' })
    feed.publish({ payload: 'b' })
    await until('both', () => first.messages === 2)
    first.destroy()
    feed.publish({ payload: 'c' })
    const [epoch, offset] = position!.split(':')
    const second = await client(`/feeds/f?from=${epoch}:${Number(offset) + first.messages}`)
    await until('the rest', () => second.messages === 1)
    expect(second.texts).toEqual(['c'])
  })

  test('reads across segments and the wrap of the log while it is live', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { capacity: 64 * 1024 })
    const a = await client('/feeds/f')
    const n = 5_000
    for (let i = 0; i < n; i++) if (!feed.publish({ payload: `${i}`.padStart(200) })) await feed.ready()
    await until('all messages', () => a.messages === n)
    expect(a.texts.map(Number)).toEqual(Array.from({ length: n }, (_, i) => i))
    expect(feed.log.held).toBeLessThanOrEqual(2 * 64 * 1024)
    balance(hub)
  })

  test.each([
    ['larger than the log, with the window off', { targetDelayMs: 0 }, { capacity: 64 * 1024 }],
    ['much larger than its window and not larger than the log', {}, { capacity: 512 * 1024 }],
    ['much larger than its window and within the limit', {}, { maxLag: 512 * 1024 }],
  ] as const)('loses nothing of a burst in one turn that is %s', async (_, options, feedOptions) => {
    const { hub, client } = await startHub(options)
    const feed = hub.feed('f', feedOptions)
    const a = await client('/feeds/f')
    const n = 2_000
    for (let i = 0; i < n; i++) feed.publish({ payload: `${i}`.padStart(200) })
    await until('all messages', () => a.messages === n)
    expect(a.texts.map(Number)).toEqual(Array.from({ length: n }, (_, i) => i))
    await until('all to be taken', () => hub.readers()[0]!.account.taken === n)
    expect(hub.readers()[0]!.account).toMatchObject({ published: n, skipped: 0 })
    expect(feed.gaps.overflow).toBe(0)
  })

  test('gets what is left when the feed ends, then 1000 once it has taken everything', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    for (const payload of text('m', 500)) feed.publish({ payload })
    feed.end()
    expect(await a.closed()).toBe(1000)
    expect(a.messages).toBe(500)
    expect(a.closeReason).toBe('feed ended')
    await until('it to have left', () => hub.clients.size === 0)
    expect(feed.totals()).toMatchObject({ delivered: 500, unknown: 0, undelivered: 0 })
  })

  test('that takes its time is not closed before it has taken everything, though all is written', async () => {
    const { hub, client } = await startHub({ evictGraceMs: 50 })
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    a.stop()
    for (const payload of text('m', 500)) feed.publish({ payload })
    feed.end()
    await until('all to be written', () => hub.readers()[0]!.account.inFlight === 500)
    const written = performance.now()
    await until('several graces to have passed', () => performance.now() - written > 300)
    expect([hub.clients.size, a.gone]).toEqual([1, false])
    a.go()
    expect(await a.closed()).toBe(1000)
    expect(a.messages).toBe(500)
    await until('it to have left', () => hub.clients.size === 0)
    expect(feed.totals()).toMatchObject({ delivered: 500, unknown: 0, undelivered: 0 })
  })

  test('that comes after the end reads what is kept, then 1000', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    feed.publish({ payload: 'kept' })
    feed.end()
    const late = await client('/feeds/f?from=earliest')
    expect(await late.closed()).toBe(1000)
    expect(late.texts).toEqual(['kept'])
    const latest = await client('/feeds/f')
    expect(await latest.closed()).toBe(1000)
    expect(latest.messages).toBe(0)
  })

  test('that closes is told goodbye and forgotten, with its account in the totals', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    feed.publish({ payload: 'x' })
    await until('the message to be taken', () => feed.totals().delivered === 1)
    a.close()
    expect(await a.closed()).toBe(1000)
    await until('the hub to forget it', () => hub.clients.size === 0)
    expect(feed.totals()).toEqual({ delivered: 1, deliveredBytes: 3, skipped: 0, unknown: 0, undelivered: 0 })
    feed.publish({ payload: 'y' })
    expect(feed.readers.size).toBe(0)
  })
})

test('clients of one feed are not touched by what happens in another', async () => {
  const { hub, client } = await startHub()
  const [f, g] = [hub.feed('f'), hub.feed('g')]
  const [a, b] = [await client('/feeds/f'), await client('/feeds/g')]
  f.publish({ payload: 'for f' })
  g.publish({ payload: 'for g' })
  await until('both', () => a.messages === 1 && b.messages === 1)
  expect([a.texts, b.texts]).toEqual([['for f'], ['for g']])
})

describe('holes that a source leaves', () => {
  test('are counted as gaps of the feed and passed by readers, and are no part of the account', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const a = await client('/feeds/f')
    for (const offset of [0, 1, 5, 6, 100]) feed.publish({ payload: `${offset}`, offset })
    await until('all messages', () => a.messages === 5)
    expect([feed.log.holes, feed.log.missing, feed.log.head]).toEqual([2, 96, 101])
    await until('all to be taken', () => hub.readers()[0]!.account.taken === 5)
    expect(hub.readers()[0]!.account).toMatchObject({ published: 5, missing: 96 })
    const later = await client(`/feeds/f?from=${feed.log.epoch}:50`)
    await until('the one after the hole', () => later.messages === 1)
    expect(later.texts).toEqual(['100'])
  })
})

describe('a reader with a rate', () => {
  test('gets the newest messages, no more than its rate, and the rest is a gap', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const a = await client('/feeds/f?maxRate=20')
    const started = performance.now()
    let i = 0
    const timer = setInterval(() => feed.publish({ payload: `${i++}` }), 1)
    await until('ten messages and a gap', () => a.messages >= 10 && feed.gaps.rate > 0)
    clearInterval(timer)
    const seconds = (performance.now() - started) / 1_000
    expect(a.messages).toBeLessThanOrEqual(20 * (seconds + 1))
    await until('the newest', () => a.texts.at(-1) === `${i - 1}`)
    const numbers = a.texts.map(Number)
    expect([...numbers].sort((x, y) => x - y)).toEqual(numbers)
    await until('it to be taken', () => hub.readers()[0]!.account.inFlight === 0)
    const { account } = hub.readers()[0]!
    expect(account.taken + account.skipped).toBe(account.published)
    expect(account.taken).toBe(a.messages)
    expect(account.skipped).toBeGreaterThan(0)
    balance(hub)
  })

  test('gets the last message of a feed that ends', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f')
    const a = await client('/feeds/f?maxRate=50')
    for (const payload of text('m', 100)) feed.publish({ payload })
    feed.end()
    expect(await a.closed()).toBe(1000)
    expect(a.texts.at(-1)).toBe('m99')
  })
})
