/**
 * Being watched is not felt: with ten thousand clients on twenty feeds a scrape has less than 3,000 series, takes less than 50 ms of the event
 * loop, and those who keep up hear what is published as soon as without it. Hub and clients in processes of their own. The small size
 * judges only what does not depend on the machine.
 */
import { expect, test } from 'vitest'
import { type Run, type Span, start } from '../../scripts/bench/run.ts'
import { type Family, scrape } from '../support/exposition.ts'
import { FULL, tell } from '../support/trial.ts'

const FEEDS = 20
const CLIENTS = FULL ? 10_000 : 100
const PER_SECOND = 100
const SECONDS = FULL ? 15 : 0.5
const PAIRS = FULL ? 3 : 1
const SCRAPE_EVERY_MS = FULL ? 1_000 : 100

const own = (families: Map<string, Family>, name: string) => families.get(`spillway_${name}`)!.series.get('')!
const millis = (value: number) => Math.round(value * 100) / 100
const p99 = (spans: readonly Span[]) => Math.min(...spans.map(({ delays }) => delays.at(0.99)))

/** A span of time in which somebody scrapes. */
async function scraped(run: Run): Promise<Span> {
  const url = `http://127.0.0.1:${run.port}/`
  const scraping = setInterval(() => void scrape(url), SCRAPE_EVERY_MS)
  try {
    return await run.span(SECONDS)
  } finally {
    clearInterval(scraping)
  }
}

test('a scrape of ten thousand clients on twenty feeds is not felt', async () => {
  const run = await start('spillway', { feeds: FEEDS, load: { fast: CLIENTS, timed: true } })
  try {
    const url = `http://127.0.0.1:${run.port}/`
    await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: 128 })
    await run.span(FULL ? 5 : 0.2) // first answers, and code that gets warm
    const first = await scrape(url)
    const series = [...first.values()].reduce((sum, family) => sum + family.series.size, 0)
    const [without, during]: [Span[], Span[]] = [[], []]
    for (let pair = 0; pair < PAIRS; pair++) {
      without.push(await run.span(SECONDS))
      during.push(await scraped(run))
    }
    const last = await scrape(url)
    const scrapes = own(last, 'scrapes_total') - 1
    const cold = own(last, 'scrapes_total') === 0 ? 0 : own(await scrape(url), 'scrape_seconds_total')
    const took = ((own(last, 'scrape_seconds_total') - 0) / Math.max(1, own(last, 'scrapes_total'))) * 1_000
    expect(last.get('spillway_clients')!.series.size).toBe(1)
    tell('scrape', {
      clients: CLIENTS,
      series,
      scrapes,
      tookMs: millis(took),
      allSeconds: millis(cold),
      p99Without: without.map(({ delays }) => millis(delays.at(0.99))),
      p99During: during.map(({ delays }) => millis(delays.at(0.99))),
      serverCpu: [without[0]!.serverCpu, during[0]!.serverCpu].map(millis),
    })
    expect(series).toBeLessThan(3_000)
    if (!FULL) return
    expect(took).toBeLessThan(50)
    expect(p99(during)).toBeLessThanOrEqual(Math.max(1.5 * p99(without), p99(without) + 3))
  } finally {
    await run.close()
  }
}, 300_000)
