/** A scrape itself: its account adds up while everything comes and goes, and however many ask, the hub is not kept from its work. */
import { pbkdf2 } from 'node:crypto'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { Hub } from '../../src/index.ts'
import { Door } from '../../src/server/admit.ts'
import { Figures } from '../../src/server/metrics/figures.ts'
import { metric } from '../../src/server/metrics/metric.ts'
import { textOf } from '../../src/server/metrics/text.ts'
import { METRICS, metricsOf } from '../../src/server/metrics.ts'
import { Pieces } from '../../src/server/pieces.ts'
import { type Family, parse, scrape } from '../support/exposition.ts'
import { startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

const ACCOUNT = [
  ...['delivered_messages_total', 'in_flight_messages', 'skipped_messages_total', 'queued_messages'],
  ...['unknown_messages_total', 'undelivered_messages_total'],
]

function difference(families: Map<string, Family>, feed: string): number {
  const of = (name: string) => families.get(`spillway_${name}`)!.series.get(`feed="${feed}"`)!
  return ACCOUNT.reduce((left, term) => left - of(term), of('reader_published_messages_total'))
}

/** One figure of a scrape. */
const figure = (text: string, name: string, labels = '') => parse(text).get(`spillway_${name}`)!.series.get(labels)!

test('the account is off by 0 at every scrape while clients come, go, vanish, skip and are evicted', async () => {
  const { hub, url, client } = await startHub({ stallTimeoutMs: 0, evictGraceMs: 50 })
  const names = ['skip', 'evict', 'pause'] as const
  const feeds = names.map(name => hub.feed(name, { overflow: name, capacity: 300_000, maxPauseMs: 100 }))
  const payload = 'x'.repeat(2_000)
  let over = false
  const publishing = setInterval(() => {
    for (const feed of feeds) for (let i = 0; i < 5 && feed.demand.open; i++) feed.publish({ payload })
  }, 1)
  const coming = async (path: string) => {
    while (!over) {
      const [stays, leaves, sticks] = [await client(path, { keep: false }), await client(path), await client(path)]
      await until('the first message', () => stays.messages > 0 || over)
      sticks.stop()
      leaves.close()
      await until('a hundred messages', () => stays.messages >= 100 || stays.gone || over)
      stays.destroy()
    }
  }
  const crowds = names.map(name => coming(`/feeds/${name}`))
  const enough = () => {
    const evicted = feeds.every(({ evictions }, i) => names[i] === 'skip' || evictions.size > 0)
    return evicted && feeds[0]!.gaps.overflow > 0 && hub.closes.outcomes.terminated > 5
  }
  let scrapes = 0
  const deadline = performance.now() + 20_000
  while ((scrapes < 15 || !enough()) && performance.now() < deadline) {
    const families = await scrape(url)
    expect(names.map(name => difference(families, name))).toEqual([0, 0, 0])
    scrapes++
  }
  over = true
  clearInterval(publishing)
  await Promise.all(crowds)
  expect(enough()).toBe(true)
})

test('two that ask at once get the same, from one pass', async () => {
  const hub = new Hub()
  hub.feed('f')
  const metrics = metricsOf(hub, new Door(hub))
  const [first, second] = await Promise.all([metrics.metrics(), metrics.metrics()])
  expect(second).toBe(first)
  expect(
    parse(await metrics.metrics())
      .get('spillway_scrapes_total')!
      .series.get(''),
  ).toBe(1)
  await hub.close()
})

test('who asks again and again waits, shares a pass with all who wait, and gets figures of the end of the wait', async () => {
  const hub = new Hub()
  onTestFinished(() => hub.close())
  const feed = hub.feed('f')
  const metrics = metricsOf(hub, new Door(hub))
  await metrics.metrics()
  const started = performance.now()
  const crowd = Array.from({ length: 50 }, () => metrics.metrics())
  feed.publish({ payload: 'published while they wait' })
  const seen = await Promise.all(crowd)
  const elapsed = performance.now() - started
  expect(new Set(seen).size).toBe(1)
  expect(figure(seen[0]!, 'published_messages_total', 'feed="f"')).toBe(1)
  expect(figure(seen[0]!, 'scrapes_total')).toBe(1)
  expect(elapsed).toBeGreaterThan(Math.min(1_000, figure(seen[0]!, 'scrape_seconds_total') * 20_000) * 0.8)
})

test('what a scrape waits for a thread is no time of the event loop', async () => {
  const hub = new Hub()
  onTestFinished(() => hub.close())
  const door = new Door(hub)
  await metricsOf(hub, door).metrics() // so that the next is not slow for being the first
  const metrics = metricsOf(hub, door)
  // Twice as many as there are threads: who asks one waits.
  const hash = promisify(pbkdf2)
  const busy = Array.from({ length: 8 }, () => hash('x', 'y', 300_000, 64, 'sha512'))
  const started = performance.now()
  await metrics.metrics()
  const waited = performance.now() - started
  await Promise.all(busy)
  expect(figure(await metrics.metrics(), 'scrape_seconds_total') * 1_000).toBeLessThan(waited / 2)
})

test('clients are as many as readers, whoever leaves while the scrape is made', async () => {
  const { hub, client } = await startHub()
  const door = new Door(hub)
  hub.feed('f')
  const leaves = await client('/feeds/f')
  await client('/feeds/f')
  const figures = new Figures()
  await figures.take(hub, new Pieces())
  leaves.destroy()
  await until('it to have left', () => hub.clients.size === 1)
  const scrape = { hub, door, figures, own: { count: 0, seconds: 0 } }
  const { series } = parse(`${METRICS.map(metric => textOf(metric, scrape)).join('\n')}\n`).get('spillway_readers')!
  expect([...series.values()].reduce((sum, readers) => sum + readers, 0)).toBe(2)
  expect(textOf(METRICS.find(({ name }) => name === 'spillway_clients')!, scrape)).toMatch(/ 2$/)
})

test('the account of each feed adds up, whatever comes and goes between one feed and the next', async () => {
  const { hub, client } = await startHub()
  const door = new Door(hub)
  const feeds = ['f', 'g'].map(name => hub.feed(name))
  const clients = await Promise.all(feeds.flatMap(({ name }) => [client(`/feeds/${name}`), client(`/feeds/${name}`)]))
  const figures = new Figures()
  let turns = 0
  const next = async () => {
    for (const feed of feeds) for (let i = 0; i < 3; i++) feed.publish({ payload: 'x' })
    clients[turns]?.destroy()
    turns++
    await until('it to have left', () => hub.clients.size === Math.max(0, 4 - turns))
  }
  await figures.take(hub, Object.assign(new Pieces(), { next }))
  expect(turns).toBeGreaterThan(2)
  const scrape = { hub, door, figures, own: { count: 0, seconds: 0 } }
  const families = parse(`${METRICS.map(metric => textOf(metric, scrape)).join('\n')}\n`)
  expect(feeds.map(({ name }) => difference(families, name))).toEqual([0, 0])
  const readers = [...families.get('spillway_readers')!.series.values()].reduce((sum, each) => sum + each, 0)
  expect(readers).toBe(4)
})

test('values of labels are escaped, and a bound that there is none is +Inf', () => {
  const hub = new Hub({ targetDelayMs: 0 })
  const scrape = { hub, door: new Door(hub), figures: new Figures(), own: { count: 0, seconds: 0 } }
  const told = metric('gauge', 'odd', 'A sentence\nof two lines.', ['text', 'other'], (_, add) =>
    add(Number.POSITIVE_INFINITY, 'a "b" \\ c\nd', 'plain'),
  )
  expect(textOf(told, scrape)).toBe(
    [
      '# HELP spillway_odd A sentence\\nof two lines.',
      '# TYPE spillway_odd gauge',
      'spillway_odd{text="a \\"b\\" \\\\ c\\nd",other="plain"} +Inf',
    ].join('\n'),
  )
  void hub.close()
})

test('work in pieces lets the event loop turn, and counts only its own time', async () => {
  const pieces = new Pieces()
  let turns = 0
  const turning = setInterval(() => turns++, 0)
  const started = performance.now()
  for (let i = 0; i < 10; i++) {
    const since = performance.now()
    while (performance.now() - since < 3) {} // a step that takes its time
    await pieces.next()
  }
  clearInterval(turning)
  expect(turns).toBeGreaterThanOrEqual(5)
  expect(pieces.tookMs).toBeGreaterThanOrEqual(30)
  expect(pieces.tookMs).toBeLessThanOrEqual(performance.now() - started)
})
