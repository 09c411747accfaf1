/** `/metrics`: a format that parses, names and labels that keep their rules, and figures that are the hub's own. */
import { readdirSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Feed, Hub } from '../../src/index.ts'
import { READER_STATES } from '../../src/reader.ts'
import { NODE } from '../../src/server/metrics/process.ts'
import { METRICS } from '../../src/server/metrics.ts'
import { type Family, scrape as scrapeUrl } from '../support/exposition.ts'
import { type Served, startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

const scrape = ({ url }: Served): Promise<Map<string, Family>> => scrapeUrl(url)

/** Everything that can happen to a client: one that keeps up, one that is skipped, one that is evicted, one with a rate, four refused. */
async function busy(): Promise<Served & { readonly feeds: readonly Feed[] }> {
  const served = await startHub()
  const { hub, client } = served
  const skip = hub.feed('skip', { capacity: 500_000 })
  const evict = hub.feed('evict', { overflow: 'evict', capacity: 500_000 })
  const pause = hub.feed('pause', { overflow: 'pause', capacity: 500_000 })
  const broken = hub.feed('broken', {
    source: (async function* () {
      yield { payload: 'fine', offset: 0 }
      yield { payload: 'after a hole', offset: 10 }
      yield { payload: Buffer.from([0xff]) }
      throw new Error('out of ink')
    })(),
  })
  const healthy = [await client('/feeds/skip', { keep: false }), await client('/feeds/evict', { keep: false })]
  for (const feed of ['skip', 'evict', 'pause']) await client(`/feeds/${feed}`, { reading: false })
  await client('/feeds/skip?maxRate=10', { keep: false })
  for (const path of ['/feeds/nope', '/feeds/skip?from=x', '/feeds/nope']) await client(path)
  const browser = await client('/feeds/nope', { headers: { Origin: 'https://example.org' } })
  await browser.closed()

  const payload = 'x'.repeat(10_000)
  await until('gaps, an eviction, a pause and a failure', () => {
    // No faster than the healthy ones read, however slow the machine: they are not to be skipped.
    const abreast = healthy.every((client, i) => client.messages >= [skip, evict][i]!.log.count - 10)
    for (let i = 0; abreast && i < 10; i++) {
      skip.publish({ payload })
      evict.publish({ payload })
      if (pause.demand.open) pause.publish({ payload })
    }
    const slow = skip.gaps.overflow >= 2 && skip.gaps.rate >= 1 && evict.readers.size === 1
    return slow && pause.demand.cause === 'gate' && broken.failures > 0
  })
  await until('the healthy ones to have everything', () =>
    healthy.every((client, i) => client.messages === [skip, evict][i]!.log.count),
  )
  await until('the one with a rate to be at rest', () =>
    [...skip.readers].every(({ state, cursor }) => state !== 'sampled' || cursor.at.count === skip.log.count),
  )
  return { ...served, feeds: [skip, evict, pause, broken] }
}

describe('the format', () => {
  test('parses; every metric has a type, a help and a value, even where nothing happens', async () => {
    const families = await scrape(await startHub())
    const idle = await startHub()
    idle.hub.feed('f')
    const withFeed = await scrape(idle)
    expect([...withFeed.keys()]).toEqual([...families.keys()])
    for (const [name, { type, help, series }] of withFeed) {
      if (NODE[name] !== undefined) continue
      expect(['counter', 'gauge', 'histogram'], name).toContain(type)
      expect(help, name).toMatch(/^[A-Z].*\.$/)
      expect(series.size, name).toBeGreaterThan(0)
      for (const value of series.values()) expect(Number.isFinite(value), name).toBe(true)
    }
  })

  test('begins every name with spillway_, besides those of Node; counters end in _total and nothing else does', async () => {
    for (const [name, { type }] of await scrape(await startHub())) {
      if (NODE[name] === undefined) expect(name).toMatch(/^spillway_[a-z]/)
      expect(name.endsWith('_total'), name).toBe(type === 'counter')
    }
  })

  test('has closed label sets: no client, however many, adds a series', async () => {
    const served = await startHub()
    served.hub.feed('f')
    const seriesOf = (families: Map<string, Family>) =>
      [...families].filter(([name]) => NODE[name] === undefined).map(([name, { series }]) => [name, [...series.keys()]])
    const before = await scrape(served)
    for (let i = 0; i < 5; i++) await served.client(`/feeds/f?name=client-${i}`)
    const after = await scrape(served)
    expect(seriesOf(after)).toEqual(seriesOf(before))
    const labels = METRICS.flatMap(({ name, labels }) => {
      const written = [...after.get(name)!.series.keys()].flatMap(key =>
        [...key.matchAll(/([a-z]+)="/g)].map(([, label]) => label!),
      )
      expect(new Set(written), name).toEqual(new Set(after.get(name)!.type === 'histogram' ? ['le'] : labels))
      return written
    })
    expect([...new Set(labels)].sort()).toEqual([
      ...['band', 'code', 'feed', 'format', 'initiator', 'le', 'node', 'outcome', 'part', 'policy', 'reason'],
      ...['stat', 'state', 'version'],
    ])
  })
})

/** Where messages go that were published while a reader was there. */
const TERMS = [
  'delivered_messages_total',
  'in_flight_messages',
  'skipped_messages_total',
  'queued_messages',
  'unknown_messages_total',
  'undelivered_messages_total',
]

describe('the figures', () => {
  /** Compares one metric, label by label, with what the hub says. */
  const check = (families: Map<string, Family>, name: string, series: Readonly<Record<string, number>>) =>
    expect(Object.fromEntries(families.get(`spillway_${name}`)!.series), name).toEqual(series)

  const perFeed = (feeds: readonly Feed[], value: (feed: Feed) => number) =>
    Object.fromEntries(feeds.map(feed => [`feed="${feed.name}"`, value(feed)]))

  test('of messages are those of the feeds, after skips, an eviction and refusals', async () => {
    const served = await busy()
    const { feeds } = served
    const families = await scrape(served)
    const each = (name: string, value: (feed: Feed) => number) => check(families, name, perFeed(feeds, value))
    each('published_messages_total', ({ log }) => log.count)
    each('published_bytes_total', ({ log }) => log.bytes)
    each('delivered_messages_total', feed => feed.totals().delivered)
    each('delivered_bytes_total', feed => feed.totals().deliveredBytes)
    each('skipped_messages_total', feed => feed.totals().skipped)
    each('undelivered_messages_total', feed => feed.totals().undelivered)
    each('unknown_messages_total', feed => feed.totals().unknown)
    each('refused_messages_total', ({ name }) => (name === 'broken' ? 1 : 0))
    each('source_failures_total', ({ name }) => (name === 'broken' ? 1 : 0))
    each('log_bytes', ({ log }) => log.held)
    each('log_capacity_bytes', ({ settings }) => settings.capacity.bytes)
    each('pinned_bytes', ({ log }) => log.pinned)
    each('source_paused', ({ name }) => (name === 'pause' ? 1 : 0))
    const [skip, evict] = feeds as [Feed, Feed]
    expect(skip.totals().skipped).toBeGreaterThan(0)
    expect(evict.totals().undelivered).toBeGreaterThan(0)
    expect(evict.totals().unknown).toBeGreaterThan(0)
    expect(families.get('spillway_source_paused_seconds_total')!.series.get('feed="pause"')).toBeGreaterThan(0)
  })

  test('of what was published to readers add up with what became of it, whoever has left', async () => {
    const served = await busy()
    const { hub, client } = served
    const leaving = await client('/feeds/skip?from=earliest')
    const balanced = async () => {
      const families = await scrape(served)
      const of = (name: string, feed: string) => families.get(`spillway_${name}`)!.series.get(`feed="${feed}"`)!
      for (const { name } of served.feeds) {
        const sum = TERMS.reduce((total, term) => total + of(term, name), 0)
        expect(sum, name).toBe(of('reader_published_messages_total', name))
      }
      return of('reader_published_messages_total', 'skip')
    }
    const before = await balanced()
    expect(before).toBe([...hub.feeds.get('skip')!.readers].reduce((sum, r) => sum + r.account().published, 0))
    leaving.destroy()
    await until('it to have left', () => hub.feeds.get('skip')!.readers.size === 3)
    hub.feeds.get('skip')!.publish({ payload: 'x' })
    expect(await balanced()).toBe(before + 3)
  })

  test('of gaps, evictions and refusals are told by reason', async () => {
    const served = await busy()
    const [skip] = served.feeds as [Feed]
    const families = await scrape(served)
    const notZero = (name: string) =>
      Object.fromEntries([...families.get(`spillway_${name}`)!.series].filter(([, value]) => value > 0))
    expect(notZero('gaps_total')).toEqual({
      'feed="skip",reason="overflow"': skip.gaps.overflow,
      'feed="skip",reason="rate"': skip.gaps.rate,
      'feed="broken",reason="source"': 1,
    })
    const evictions = Object.entries(notZero('evictions_total'))
    expect(evictions).toHaveLength(1)
    expect(evictions[0]).toEqual([expect.stringMatching(/^feed="evict",reason="(lag|overrun)"$/), 1])
    expect(notZero('refused_clients_total')).toEqual({
      'code="4404",reason="no-feed"': 3,
      'code="4400",reason="query"': 1,
    })
  })

  test('of readers are those that are there, by state and by how far they are behind', async () => {
    const served = await busy()
    const { hub, feeds } = served
    const families = await scrape(served)
    check(families, 'clients', { '': hub.clients.size })
    const readers = families.get('spillway_readers')!.series
    for (const feed of feeds) {
      for (const state of READER_STATES) {
        const there = hub.readers().filter(reader => reader.feed === feed.name && reader.state === state)
        expect(readers.get(`feed="${feed.name}",state="${state}"`), `${feed.name} ${state}`).toBe(there.length)
      }
    }
    expect(readers.get('feed="pause",state="full"')).toBe(1)
    for (const unit of ['messages', 'bytes'] as const) {
      const queued = families.get(`spillway_reader_queued_${unit}`)!.series
      const most = hub.readers().filter(({ feed }) => feed === 'pause')[0]!.queued[unit]
      expect(most).toBeGreaterThan(0)
      expect(queued.get('feed="pause",stat="max"')).toBe(most)
      expect(queued.get('feed="broken",stat="max"')).toBe(0)
    }
    const seconds = families.get('spillway_reader_queued_seconds')!.series.get('feed="pause",stat="max"')!
    expect(seconds).toBeGreaterThan(0)
    expect(seconds).toBeLessThan(30)
  })

  test('of what sockets have not taken are told where there is no window before it', async () => {
    const served = await startHub({ targetDelayMs: 0 })
    const { hub, client } = served
    const feed = hub.feed('f')
    await client('/feeds/f', { reading: false })
    await until('a socket that takes no more', () => {
      feed.publish({ payload: 'x'.repeat(100_000) })
      return mostBuffered(hub) > 0
    })
    const families = await scrape(served)
    expect(families.get('spillway_client_buffered_bytes')!.series.get('stat="max"')).toBe(mostBuffered(hub))
    expect(families.get('spillway_client_window_bytes')!.series.get('stat="max"')).toBe(Number.POSITIVE_INFINITY)
    expect(families.get('spillway_in_flight_bound_bytes')!.series.get('')).toBe(Number.POSITIVE_INFINITY)
  })

  test('of what is in flight, of windows and of pings are those of the clients', async () => {
    const served = await startHub()
    const { hub, client } = served
    const feed = hub.feed('f')
    const healthy = await client('/feeds/f')
    const stuck = await client('/feeds/f')
    feed.publish({ payload: 'x' })
    await until('both to have answered', () => hub.readers().every(({ account }) => account.taken === 1))
    stuck.stop()
    healthy.send(10, Buffer.from('made up'))
    await until('a full window', () => {
      feed.publish({ payload: 'x'.repeat(1_000) })
      return [...feed.readers].some(({ state }) => state === 'full')
    })
    await until('the other to have everything', () => hub.readers().some(({ account: a }) => a.taken === a.published))
    const families = await scrape(served)
    const [least, most] = hub.readers().sort((a, b) => a.inFlightBytes - b.inFlightBytes)
    expect([least!.inFlightBytes, most!.inFlightBytes > 10_000]).toEqual([0, true])
    check(families, 'in_flight_bytes', { 'feed="f"': most!.inFlightBytes })
    const inFlight = families.get('spillway_reader_in_flight_bytes')!.series
    expect([inFlight.get('feed="f",stat="p50"'), inFlight.get('feed="f",stat="max"')]).toEqual([0, most!.inFlightBytes])
    check(families, 'client_window_bytes', windowStats(hub))
    check(families, 'unconfirmed_clients', { '': 0 })
    check(families, 'stray_pongs_total', { '': 1 })
    check(families, 'in_flight_bound_bytes', { '': 256 * 2 ** 20 })
    const { pings } = hub.windows!
    check(families, 'pings_total', { '': pings.sent })
    const delays = families.get('spillway_pong_delay_seconds')!.series
    const answered = delays.get('count')!
    expect(answered).toBeGreaterThanOrEqual(2)
    expect(delays.get('bucket le="+Inf"')).toBe(answered)
    expect(delays.get('bucket le="30"')).toBe(answered)
    expect(delays.get('sum')).toBeCloseTo(pings.delays.sum)
    const age = families.get('spillway_reader_data_age_seconds')!.series
    expect(age.get('feed="f",stat="p50"')).toBe(0)
    expect(age.get('feed="f",stat="max"')).toBeGreaterThan(0)
  })

  test('of memory add up to the bound that is printed at start', async () => {
    const served = await startHub({ maxClients: 9 })
    served.hub.feed('f')
    const families = await scrape(served)
    const parts = [...families.get('spillway_memory_bound_bytes')!.series.values()]
    expect(parts.reduce((sum, part) => sum + part, 0)).toBe(served.hub.memoryBound().total)
    expect(families.get('spillway_memory_used_bytes')!.series.get('')).toBeGreaterThan(10_000_000)
  })

  test.runIf(process.platform === 'linux')('of file descriptors are as many as there are', async () => {
    const served = await startHub()
    served.hub.feed('f')
    const open = async () => (await scrape(served)).get('process_open_fds')!.series.get('')!
    const before = await open()
    for (let i = 0; i < 20; i++) await served.client('/feeds/f')
    // Both ends of each are in this process; connections of scrapes come and go.
    expect((await open()) - before).toBeGreaterThanOrEqual(35)
    expect(Math.abs((await open()) - readdirSync('/proc/self/fd').length)).toBeLessThan(10)
  })

  test('of counters never go down, not even when the client that was counted leaves', async () => {
    const served = await startHub()
    const feed = served.hub.feed('f')
    const counters = async () =>
      [...(await scrape(served))].flatMap(([name, { type, series }]) =>
        type === 'counter' ? [...series].map(([labels, value]) => [`${name} ${labels}`, value] as const) : [],
      )
    const a = await served.client('/feeds/f')
    for (let i = 0; i < 20; i++) feed.publish({ payload: 'x' })
    await until('the messages', () => a.messages === 20)
    await until('them to be taken', () => feed.totals().delivered === 20)
    const before = new Map(await counters())
    expect(before.get('spillway_delivered_messages_total feed="f"')).toBe(20)
    a.destroy()
    await until('it to have left', () => served.hub.clients.size === 0)
    for (const [name, value] of await counters()) expect(value, name).toBeGreaterThanOrEqual(before.get(name)!)
  })
})

function windowStats(hub: Hub): Readonly<Record<string, number>> {
  const [small, large] = hub
    .readers()
    .map(({ windowBytes }) => windowBytes)
    .sort((a, b) => a - b)
  return { 'stat="min"': small!, 'stat="p50"': small!, 'stat="max"': large! }
}

function mostBuffered(hub: Hub): number {
  return Math.max(...[...hub.clients].map(({ bufferedBytes }) => bufferedBytes))
}
