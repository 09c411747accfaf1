/**
 * Being watched is not felt: with ten thousand clients on twenty feeds a scrape has less than 3,000 series, takes less than 50 ms of the event
 * loop, and those who keep up hear what is published as soon as without it. Hub and clients in processes of their own. The small size
 * judges only what does not depend on the machine.
 */
import { expect, test } from 'vitest'
import { median } from '../../scripts/bench/results.ts'
import { type Run, type Span, start } from '../../scripts/bench/run.ts'
import { type Family, parse } from '../support/exposition.ts'
import { FULL, tell } from '../support/trial.ts'

const FEEDS = 20
const CLIENTS = FULL ? 10_000 : 100
const PER_SECOND = FULL ? 20 : 100
const SECONDS = FULL ? 15 : 0.5
const PAIRS = FULL ? 3 : 1
const SCRAPE_EVERY_MS = FULL ? 1_000 : 100

const own = (families: Map<string, Family>, name: string) => families.get(`spillway_${name}`)!.series.get('')!
const millis = (value: number) => Math.round(value * 100) / 100
/** The middle one of several: what else the machine does makes some of them worse. */
const p99 = (spans: readonly Span[]) => median(spans.map(({ delays }) => delays.at(0.99)))

async function textOf(run: Run): Promise<string> {
  return (await fetch(`http://127.0.0.1:${run.port}/metrics`)).text()
}

/** A span of time in which somebody scrapes; what each scrape took is told by the one behind it. */
async function scraped(run: Run, told: number[]): Promise<Span> {
  const scrape = async () => told.push(own(parse(await textOf(run)), 'scrape_seconds_total') * 1_000)
  const scraping = setInterval(() => void scrape(), SCRAPE_EVERY_MS)
  try {
    return await run.span(SECONDS)
  } finally {
    clearInterval(scraping)
  }
}

test('a scrape of ten thousand clients on twenty feeds is not felt', async () => {
  const run = await start('spillway', { feeds: FEEDS, load: { fast: CLIENTS, timed: true } })
  try {
    await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: 128 })
    await run.span(FULL ? 5 : 0.2) // until all have answered once
    await textOf(run)
    const first = parse(await textOf(run))
    const series = [...first.values()].reduce((sum, family) => sum + family.series.size, 0)
    const [without, during]: [Span[], Span[]] = [[], []]
    const told: number[] = []
    for (let pair = 0; pair < PAIRS; pair++) {
      without.push(await run.span(SECONDS))
      during.push(await scraped(run, told))
    }
    const last = parse(await textOf(run))
    const took = told.slice(1).map((total, i) => total - told[i]!)
    const tookMs = median(took)
    tell('scrape', {
      ...{ clients: CLIENTS, series, scrapes: took.length, tookMs: millis(tookMs), mostMs: millis(Math.max(...took)) },
      coldMs: millis(own(first, 'scrape_seconds_total') * 1_000),
      p99Without: without.map(({ delays }) => millis(delays.at(0.99))),
      p99During: during.map(({ delays }) => millis(delays.at(0.99))),
      serverCpu: [without, during].map(spans => spans.map(({ serverCpu }) => millis(serverCpu))),
    })
    expect(own(last, 'clients')).toBe(CLIENTS)
    expect(series).toBeLessThan(3_000)
    if (!FULL) return
    expect(tookMs).toBeLessThan(50)
    expect(p99(during)).toBeLessThanOrEqual(Math.max(1.5 * p99(without), p99(without) + 3))
  } finally {
    await run.close()
  }
}, 300_000)
