/** What an engineer who embeds Spillway meets: a feed in five lines, events, readers, errors. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { interval, map, of, Subject, throwError } from 'rxjs'
import { describe, expect, onTestFinished, test } from 'vitest'
import { attach, Hub, type HubEvent, SpillwayError } from '../src/index.ts'
import { startHub } from './support/hub.ts'
import { RawClient } from './support/raw-client.ts'
import { until } from './support/until.ts'

test('a feed on an Observable, on an existing server, in five lines', async () => {
  const server = createServer()
  const hub = new Hub()
  hub.feed('numbers', { source: interval(5).pipe(map(String)) })
  attach(hub, server)
  server.listen(0)
  onTestFinished(async () => {
    await hub.close({ drainMs: 0 })
    server.close()
  })
  const client = await RawClient.open((server.address() as AddressInfo).port, '/feeds/numbers')
  await until('three numbers', () => client.messages >= 3)
  const [first, second, third] = client.texts.map(Number)
  expect([second, third]).toEqual([first! + 1, first! + 2])
  client.destroy()
})

describe('events$', () => {
  test('tells of clients and sources in the order in which it happened', async () => {
    const { hub, client } = await startHub()
    const types: string[] = []
    hub.events$.subscribe(({ type }) => void types.push(type))
    const source = new Subject<string>()
    hub.feed('f', { source })
    const a = await client('/feeds/f')
    source.next('x')
    source.complete()
    expect(await a.closed()).toBe(1000)
    await until('it to have left', () => types.includes('client-left'))
    expect(types).toEqual(['source-running', 'client-joined', 'source-ended', 'client-left'])
  })

  test('is delivered outside of what caused it', async () => {
    const { hub } = await startHub()
    const feed = hub.feed('f')
    const seen: HubEvent[] = []
    hub.events$.subscribe(event => void seen.push(event))
    feed.end()
    expect(seen).toEqual([])
    await until('the event', () => seen.length === 1)
  })

  test('an observer that throws is reported, and the hub and the other observers go on', async () => {
    const { hub, client, lines } = await startHub()
    const feed = hub.feed('f')
    const others: string[] = []
    const broken = () => {
      throw new Error('broken observer')
    }
    hub.events$.subscribe(broken)
    hub.events$.subscribe({ next: broken, complete: broken })
    hub.events$.pipe(map(({ type }) => type)).subscribe(broken)
    hub.events$.pipe(map(broken)).subscribe()
    hub.events$.pipe().subscribe({ next: broken })
    hub.events$.subscribe(({ type }) => void others.push(type))
    const a = await client('/feeds/f')
    feed.publish({ payload: 'still here' })
    await until('the message', () => a.messages === 1)
    await until('the reports', () => lines.filter(line => line.includes('broken observer')).length >= 5)
    feed.end()
    await until('the others to be told', () => others.includes('client-left'))
    expect(others).toEqual(['client-joined', 'source-ended', 'client-left'])
  })

  test('completes when the hub has closed, after the last event', async () => {
    const hub = new Hub()
    hub.feed('f', { source: of('x') })
    const seen: string[] = []
    hub.events$.subscribe({ next: ({ type }) => void seen.push(type), complete: () => void seen.push('complete') })
    await until('the end of the source', () => hub.feeds.get('f')!.ending !== undefined)
    await hub.close()
    expect(seen).toEqual(['source-ended', 'complete'])
  })

  test('hands an error of an operator to the observer that asks for it', async () => {
    const { hub } = await startHub()
    const errors: unknown[] = []
    const failing = () => throwError(() => new Error('mine'))
    hub.events$.pipe(failing).subscribe({ error: error => void errors.push(error) })
    await until('the error', () => errors.length === 1)
  })
})

test.each([
  ['whose window is full', 'full', {}],
  ['whose socket is stuck, with the window off', 'blocked', { targetDelayMs: 0 }],
] as const)(
  'readers() shows each reader with its place, its lag and its account: one %s',
  async (_, state, options) => {
    const { hub, client } = await startHub(options)
    const feed = hub.feed('f', { capacity: 32 * 2 ** 20 })
    const a = await client('/feeds/f?name=desk', { headers: { 'User-Agent': 'test/1' } })
    feed.publish({ payload: 'first' })
    await until('it to be taken', () => feed.totals().delivered === 1)
    a.stop()
    while (![...feed.readers].some(reader => reader.state === state)) {
      if (!feed.publish({ payload: 'x'.repeat(50_000) })) await feed.ready()
    }
    for (let i = 0; i < 10; i++) feed.publish({ payload: 'queued' })
    const [reader] = hub.readers()
    const { account } = reader!
    expect(reader).toMatchObject({
      feed: 'f',
      overflow: 'skip',
      state,
      unconfirmed: false,
      client: { name: 'desk', agent: 'test/1' },
    })
    expect(reader!.client.address).toMatch(/^127\.0\.0\.1:\d+$/)
    expect(reader!.position).toBe(`${feed.log.epoch}:${account.taken}`)
    expect(account.taken).toBeGreaterThan(0)
    expect(account.inFlight).toBeGreaterThan(0)
    expect(account.queued).toBeGreaterThanOrEqual(10)
    expect(account.published).toBe(account.taken + account.inFlight + account.queued)
    expect(reader!.queued.messages).toBe(account.queued)
    expect(reader!.queued.seconds).toBeGreaterThanOrEqual(0)
    expect(reader!.dataAgeSeconds).toBeGreaterThanOrEqual(reader!.queued.seconds)
    expect(reader!.inFlightBytes).toBeGreaterThan(0)
    if (state === 'blocked') expect(reader!.bufferedBytes).toBeGreaterThan(0)
    else expect(reader!.inFlightBytes).toBeLessThanOrEqual(Math.max(reader!.windowBytes, 50_010))
  },
)

test("a feed's position is where a client goes on that has everything so far", async () => {
  const { hub, client } = await startHub()
  const feed = hub.feed('f')
  feed.publish({ payload: 'had' })
  const { position } = feed
  feed.publish({ payload: 'new' })
  const a = await client(`/feeds/f?from=${position}`)
  await until('the rest', () => a.messages === 1)
  expect([position, a.texts]).toEqual([`${feed.log.epoch}:1`, ['new']])
})

describe('wrong use is refused with a code and a sentence', () => {
  const cases: readonly (readonly [string, (hub: Hub) => unknown, string, RegExp])[] = [
    ['a name that does not fit a path', hub => hub.feed('a/b'), 'bad_option', /^feed: expected 1 to 64 of/],
    ['a name that is taken', hub => hub.feed('taken'), 'feed_exists', /taken exists already/],
    [
      'an unknown option',
      hub => hub.feed('f', { colour: 'red' } as never),
      'bad_option',
      /^f: expected no option but .*overflow.*, got "colour"$/,
    ],
    [
      'an unknown policy',
      hub => hub.feed('f', { overflow: 'drop' as never }),
      'bad_option',
      /^f\.overflow: expected pause, evict or skip, got "drop"$/,
    ],
    ['no capacity', hub => hub.feed('f', { capacity: 0 }), 'bad_option', /^f\.capacity: expected/],
    [
      'a rate below nothing',
      hub => hub.feed('f', { rate: -1 }),
      'bad_option',
      /^f\.rate: expected 0 or messages per second from 0\.001 to .*, got -1$/,
    ],
    [
      'chunks larger than messages',
      hub => hub.feed('f', { maxMessageBytes: 10, chunkBytes: 11 }),
      'bad_option',
      /^f\.chunkBytes: .* got 11$/,
    ],
    [
      'a source that is none',
      hub => hub.feed('f', { source: 42 as never }),
      'bad_source',
      /^source: expected an AsyncIterable, a Readable, an Observable or a function that gives one, got 42$/,
    ],
    [
      'pause on an Observable',
      hub => hub.feed('f', { source: of('x'), overflow: 'pause' }),
      'cannot_wait',
      /cannot wait, got "pause"$/,
    ],
    [
      'pause allowed on an Observable',
      hub => hub.feed('f', { source: of('x'), allow: ['pause'] }),
      'cannot_wait',
      /cannot wait/,
    ],
    [
      'a rate on an Observable',
      hub => hub.feed('f', { source: of('x'), rate: 5 }),
      'cannot_wait',
      /cannot wait, got 5$/,
    ],
    [
      'minClients on an Observable',
      hub => hub.feed('f', { source: of('x'), minClients: 2 }),
      'cannot_wait',
      /cannot wait, got 2$/,
    ],
  ]
  test.each(cases)('%s', async (_, use, code, sentence) => {
    const { hub } = await startHub()
    hub.feed('taken')
    let failure: unknown
    try {
      use(hub)
    } catch (error) {
      failure = error
    }
    expect(failure).toBeInstanceOf(SpillwayError)
    expect(failure).toMatchObject({ code })
    expect((failure as Error).message).toMatch(sentence)
    expect([...hub.feeds.keys()]).toEqual(['taken'])
  })

  test('a feed on a hub that closes', async () => {
    const hub = new Hub()
    await hub.close()
    expect(() => hub.feed('f')).toThrow(expect.objectContaining({ code: 'hub_closed' }))
  })

  test('messages that break a rule leave the feed as it was', async () => {
    const { hub } = await startHub()
    const feed = hub.feed('f', { maxMessageBytes: 10 })
    feed.publish({ payload: 'fine', offset: 5 })
    const wrong: readonly (readonly [unknown, string])[] = [
      [{ payload: 42 }, 'bad_message'],
      [{ payload: 'x'.repeat(11) }, 'message_too_large'],
      [{ payload: Buffer.from([0xc3, 0x28]) }, 'bad_utf8'],
      [{ payload: 'x', offset: 5 }, 'offset_backwards'],
      [{ payload: 'x', offset: 7.5 }, 'bad_message'],
    ]
    for (const [message, code] of wrong) {
      expect(() => feed.publish(message as never)).toThrow(expect.objectContaining({ code }))
    }
    expect([feed.log.count, feed.log.head]).toEqual([1, 6])
    expect(feed.publish({ payload: 'next' })).toBe(true)
  })
})

test('a hub is disposed of with `await using`, and closing twice is closing once', async () => {
  const hub = new Hub()
  await hub[Symbol.asyncDispose]()
  await hub.close()
  expect(hub.closing).toBe(true)
})
