/** The page as operators use it: figures equal to /metrics, slow readers that a button opens, and what it is for who cannot see it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EVICT_CAUSES } from '../../src/events.ts'
import { figureIn, openPage } from '../support/browser.ts'
import { CHROMIUM_FLAGS } from '../support/chromium.ts'
import { type Running, serveCli } from '../support/cli.ts'
import { RawClient } from '../support/raw-client.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'

const executablePath = needs('chromium')
/** The feeds of `npm start`. */
const START = ['--config', 'data/demonstration.json']
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
/** Longer than the second between two polls of the page. */
const POLLS = { timeout: 10_000 }
const WIDTHS = { phone: { width: 360, height: 740 }, desktop: { width: 1600, height: 1000 } } as const

describe.skipIf(executablePath === undefined)('the page of an operator', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS })
  })
  afterAll(() => browser?.close())

  async function open(flags: readonly string[], options: BrowserContextOptions = {}) {
    const hub = await serveCli(flags)
    return { hub, ...(await openPage(browser, `http://127.0.0.1:${hub.port}/`, options)) }
  }

  /** Until the page knows how much each feed publishes. */
  const settled = (page: Page) => expect.poll(() => page.locator('#demo-feed').inputValue(), POLLS).toBe('books')

  test('the button opens slow readers whose lag is seen within two seconds, and the healthy one beside them has all', async () => {
    const { page, complaints } = await open(START)
    await settled(page)
    const ms = await page.evaluate<number>(`new Promise(resolve => {
      const began = performance.now()
      document.getElementById('demo-start').click()
      const look = () => {
        // what the hub says of them, not what the page itself measures: three that wait for data of more than 0.1 s, and in the table
        const late = [...document.querySelectorAll('#feed [data-part=legend] [data-part=count]')].slice(1)
        const behind = late.reduce((sum, band) => sum + Number(band.textContent), 0)
        if (behind >= 3 && document.querySelectorAll('#slowest-rows tr').length >= 3) resolve(performance.now() - began)
        else requestAnimationFrame(look)
      }
      look()
    })`)
    expect(ms).toBeLessThan(2_000)
    expect(await page.locator('#feed [data-part=name]').textContent()).toBe('books')
    const healthy = page.locator('#demo-rows tr[data-reader=healthy]')
    await expect
      .poll(async () => figureIn((await healthy.locator('[data-part=fate]').textContent())!.split(' ')[0]!), {
        timeout: 10_000,
      })
      .toBeGreaterThan(180)
    expect(await healthy.locator('[data-part=age]').textContent()).toMatch(/^\d+ ms$/)
    expect(complaints).toEqual([])
  })

  test('the policies act on the slow readers: one is evicted, is in the log and comes back; one is moved on', {
    timeout: 100_000,
  }, async () => {
    const { page, hub, complaints } = await open(START)
    await settled(page)
    await page.locator('#demo-start').click()
    await page.locator('#closed-list li[data-how=evicted]').first().waitFor({ timeout: 25_000 })
    const line = await page.locator('#closed-list li[data-how=evicted]').first().innerText()
    expect(line).toMatch(/evicted: lag\s+4408[\s\S]*books · evict[\s\S]*too slow: .*bytes behind/)
    await page.locator('#demo-rows [data-part=fate]', { hasText: 'moved on once' }).first().waitFor({ timeout: 25_000 })
    await page.locator('#demo-rows [data-part=fate]', { hasText: 'and back' }).first().waitFor({ timeout: 40_000 })
    expect(figureIn(await page.locator('#feed [data-loss=evicted-lag] dd').textContent())).toBeGreaterThan(0)
    expect(figureIn(await page.locator('#feed [data-loss=gap-overflow] dd').textContent())).toBeGreaterThan(0)

    await page.locator('#demo-end').click()
    await clients(hub, 1) // the live view
    expect(await page.evaluate('document.activeElement.id')).toBe('demo-start')
    await expect.poll(() => page.locator('#clients').textContent(), POLLS).toBe('1')
    await lossesAreThoseOf(page, hub, 'books')
    expect(complaints).toEqual([])
  })

  test('slow readers end with the page', async () => {
    const { page, hub } = await open(START)
    await settled(page)
    await page.locator('#demo-start').click()
    await clients(hub, 8)
    await page.close()
    await clients(hub, 0)
  })

  test('slow readers never ask for pause, and the page itself holds no source', async () => {
    const { page, hub } = await open(['--overflow', 'pause'])
    hub.child.stdin!.write(`${'x'.repeat(1_000)}\n`.repeat(300))
    await page.locator('#state[data-state=live]').waitFor()
    await expect.poll(() => page.locator('#demo-feed').inputValue(), POLLS).toBe('stdin')
    await page.locator('#demo-start').click()
    const policies = page.locator('#slowest-rows [data-part=of]')
    await expect.poll(() => policies.count(), POLLS).toBe(8)
    expect(new Set(await policies.allTextContents())).toEqual(new Set(['stdin · skip', 'stdin · evict']))
    await page.locator('#demo-end').click() // and they end on a feed that has gone quiet
    await clients(hub, 1)
  })

  test('a browser that cannot be slow says so, and what to do instead', async () => {
    const { page, hub } = await open(START)
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebSocketStream'))
    await page.reload()
    await page.locator('#demo-cannot').waitFor()
    await expect
      .poll(() => page.locator('#demo-command').textContent(), POLLS)
      .toBe(`npx spillway tail 'ws://127.0.0.1:${hub.port}/feeds/books' | less`)
    expect(await page.locator('#demo-start').isVisible()).toBe(false)
  })

  test('at a quiet moment the figures are those of /metrics', async () => {
    const { page, hub, complaints } = await open([])
    await page.locator('#state[data-state=live]').waitFor()
    for (let i = 0; i < 3; i++) new RawClient(hub.port, '/feeds/stdin')
    await clients(hub, 4)
    hub.child.stdin!.write('a line\n'.repeat(4_000))
    const text = async (selector: string) => figureIn(await page.locator(selector).textContent())
    await expect.poll(() => text('#head'), POLLS).toBe(4_000)
    await expect.poll(() => text('#feed [data-part=readers]'), POLLS).toBe(4)
    const figure = await metricsOf(hub)
    expect(figure('spillway_published_messages_total{feed="stdin"}')).toBe(4_000)
    expect(figure('spillway_clients')).toBe(await text('#clients'))
    const bands = await page.locator('#feed [data-part=legend] [data-part=count]').allTextContents()
    expect(bands.map(figureIn).reduce((sum, readers) => sum + readers, 0)).toBe(4)
    await lossesAreThoseOf(page, hub, 'stdin')
    expect(complaints).toEqual([])
  })

  test('a hub that is gone is told, and the page comes back by itself when it does', { timeout: 60_000 }, async () => {
    const { page, hub } = await open(START)
    await page.locator('#state[data-state=live]').waitFor()
    hub.child.kill('SIGKILL')
    await hub.exit
    await page.locator('#hub-state[data-state=away]').waitFor()
    expect(await page.locator('#hub-state').textContent()).toMatch(
      /^The hub does not answer\. The figures are those of \d\d:\d\d:\d\d/,
    )
    await serveCli(START, hub.port)
    await page.locator('#hub-state[data-state=restarted]').waitFor()
    await page.locator('#state[data-state=live]').waitFor({ timeout: 20_000 })
  })

  test('those who have left are those of the hub that answers, though one that has restarted has counted as far again', async () => {
    const { page, hub } = await open(START)
    await page.locator('#state[data-state=live]').waitFor()
    const client = await RawClient.open(hub.port, '/feeds/ticks')
    client.close()
    const lines = page.locator('#closed-list li')
    await lines.waitFor()
    await page.route('**/feeds', async route => {
      const response = await route.fetch()
      const report = (await response.json()) as { readonly closed: readonly object[] }
      const closed = [2, 1].map(seq => ({ ...report.closed[0], seq, id: 1_000 + seq }))
      await route.fulfill({ response, json: { ...report, uptimeSeconds: 0.5, closed } })
    })
    const ids = () => lines.evaluateAll(all => all.map(line => line.getAttribute('data-client')))
    await expect.poll(ids, POLLS).toEqual(['1002', '1001'])
  })

  test('an answer that is none of a hub is not the last that the page asks for', async () => {
    const { page, complaints } = await open(START)
    await page.locator('#state[data-state=live]').waitFor()
    let asked = 0
    await page.route('**/feeds', route => (++asked <= 2 ? route.fulfill({ json: {} }) : route.continue()))
    await until('two strange answers, and more', () => asked > 3)
    const uptime = await page.locator('#uptime').textContent()
    await expect.poll(() => page.locator('#uptime').textContent(), POLLS).not.toBe(uptime)
    expect(complaints).toHaveLength(2)
  })

  test('that a source waits is read out once, and for how long stands elsewhere', async () => {
    const { page } = await open(['--min-clients', '5'])
    const kind = (text: RegExp) => page.locator('#feed [data-part=kind]', { hasText: text }).waitFor()
    const sentence = page.locator('#feed [role=status][data-part=sentence]')
    await kind(/paused for \d+ s so far/)
    const told = await sentence.textContent()
    expect(told).toBe('The source is paused: it waits until enough clients are here.')
    await kind(/paused for (?:[4-9]|\d\d) s so far/)
    expect(await sentence.textContent()).toBe(told)
  })

  test.each(['light', 'dark'] as const)(
    'nothing is out of reach of eyes, keys and screen readers, %s',
    { timeout: 60_000 },
    async colorScheme => {
      for (const [name, viewport] of Object.entries(WIDTHS)) {
        const { page, complaints } = await open(START, { colorScheme, viewport, reducedMotion: 'reduce' })
        await settled(page)
        await page.locator('#demo-start').click()
        await page.locator('#slowest-rows tr').nth(3).waitFor()
        await page.evaluate(AXE)
        // A card is a link to #NAME, which selects the feed; axe takes one that is swiped out of sight for a skip link without its target.
        const found = 'axe.run({ rules: { "skip-link": { enabled: false } } })'
        const violations = await page.evaluate<readonly string[]>(
          `${found}.then(({ violations }) => violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)].join(': ')))`,
        )
        expect(violations).toEqual([])
        const overflows = await page.evaluate('document.documentElement.scrollWidth > innerWidth')
        expect([name, overflows]).toEqual([name, false])
        expect(complaints).toEqual([])
      }
    },
  )

  test('every control is reached with Tab, shows that it has the focus, and lets it go again', async () => {
    const { page } = await open(START)
    await settled(page)
    const seen = new Set<string>()
    for (let presses = 0; presses < 60; presses++) {
      await page.keyboard.press('Tab')
      const on = await page.evaluate<{ readonly what: string; readonly outlined: boolean } | null>(`(() => {
        const element = document.activeElement
        if (element === document.body) return null
        const outlined = [undefined, '::after'].some(part => getComputedStyle(element, part).outlineStyle !== 'none')
        return { what: element.id || element.ariaLabel || element.textContent, outlined }
      })()`)
      if (on === null) break
      expect(on).toEqual({ what: on.what, outlined: true })
      seen.add(on.what)
    }
    expect([...seen]).toEqual(
      expect.arrayContaining([
        'skip',
        'ticks',
        'books',
        'host',
        'demo-feed',
        'demo-start',
        'closed-only',
        'payloads',
        'pause',
        'view',
      ]),
    )
  })
})

/** Waits until the hub has so many clients. */
async function clients(hub: Running, count: number): Promise<void> {
  await expect.poll(async () => (await metricsOf(hub))('spillway_clients'), POLLS).toBe(count)
}

/** What was lost, and why: the same on the page of the feed and in a scrape. Of a feed whose readers are all quick, so it stays. */
async function lossesAreThoseOf(page: Page, hub: Running, feed: string): Promise<void> {
  const figure = await metricsOf(hub)
  const series: Record<string, string> = {}
  for (const loss of ['skipped', 'undelivered', 'unknown'])
    series[loss] = `spillway_${loss}_messages_total{feed="${feed}"}`
  for (const reason of ['overflow', 'rate', 'source'])
    series[`gap-${reason}`] = `spillway_gaps_total{feed="${feed}",reason="${reason}"}`
  for (const cause of EVICT_CAUSES)
    series[`evicted-${cause}`] = `spillway_evictions_total{feed="${feed}",reason="${cause}"}`
  const shown: Record<string, number> = {}
  for (const loss of Object.keys(series))
    shown[loss] = figureIn(await page.locator(`#feed [data-loss=${loss}] dd`).textContent())
  expect(shown).toEqual(Object.fromEntries(Object.entries(series).map(([loss, name]) => [loss, figure(name)])))
}

/** The figures of a scrape, by name and labels as they are written. */
async function metricsOf({ port }: Running): Promise<(series: string) => number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = new Map(text.split('\n').map(line => line.split(/ (?=[^ ]*$)/) as [string, string]))
  return series => Number(lines.get(series) ?? Number.NaN)
}
