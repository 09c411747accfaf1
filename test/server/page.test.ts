/** The page of a hub in a real browser, and what a browser is told when it is refused. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type Running, serveCli } from '../support/cli.ts'
import { needs } from '../support/tools.ts'

const executablePath = needs('chromium')

/** No sandbox, because CI runs as root; nothing that calls home. */
const ARGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--no-first-run',
]

const DEMONSTRATION = ['--feed', 'ticks=ticker', '--feed', 'host=host']

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: ARGS })
  })
  afterAll(() => browser?.close())

  /** The page of a new hub, and everything the browser complains about. */
  async function open(flags: readonly string[] = DEMONSTRATION): Promise<{
    readonly page: Page
    readonly hub: Running
    readonly complaints: readonly string[]
  }> {
    const hub = await serveCli(flags)
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    const complaints: string[] = []
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(error.message))
    page.on('requestfailed', request => complaints.push(`${request.url()}: ${request.failure()?.errorText}`))
    await page.goto(`http://127.0.0.1:${hub.port}/`)
    return { page, hub, complaints }
  }

  test('the page shows the feeds, and quotes as a table whose prices move, without a complaint', async () => {
    const { page, complaints } = await open()
    await page.locator('#cards [data-feed=host]').waitFor()
    expect(
      await page
        .locator('#cards > [data-feed]')
        .evaluateAll(cards => cards.map(card => card.getAttribute('data-feed'))),
    ).toEqual(['ticks', 'host'])
    expect(await page.locator('#feed-count').textContent()).toBe('2')

    await page.locator('#live[data-feed=ticks][data-view=table]').waitFor()
    const rows = page.locator('#view tr[data-symbol]')
    await rows.nth(5).waitFor()
    const prices = () => rows.locator('[data-part=price]').allTextContents()
    const before = (await prices()).join()
    await expect.poll(async () => (await prices()).join()).not.toBe(before)
    expect(await page.locator('#state').getAttribute('data-state')).toBe('live')
    await expect.poll(() => page.locator('#cards [data-feed=ticks] [data-part=readers]').textContent()).toBe('1')
    expect(complaints).toEqual([])
  })

  test('selecting another feed shows that one, and its figures move', async () => {
    const { page, complaints } = await open()
    await page.locator('#cards [data-feed=host] a').click()
    await page.locator('#live[data-feed=host][data-view=figures]').waitFor()
    const values = () => page.locator('#view [data-figure] [data-part=value]').allTextContents()
    await expect.poll(async () => (await values()).length).toBeGreaterThan(3)
    const before = (await values()).join()
    await expect.poll(async () => (await values()).join(), { timeout: 10_000 }).not.toBe(before)
    expect(complaints).toEqual([])
  })

  test('what comes as markup is shown as text', async () => {
    const { page, hub, complaints } = await open([])
    await page.locator('#state[data-state=live]').waitFor()
    hub.child.stdin!.write('<img src=x onerror="document.title=1"><script>document.title=2</script>\n')
    const line = page.locator('#view li [data-part=payload]')
    await line.waitFor()
    expect(await line.textContent()).toBe('<img src=x onerror="document.title=1"><script>document.title=2</script>')
    expect(await page.title()).toBe('stdin · Spillway')
    expect(complaints).toEqual([])
  })

  test('the end of a feed is shown with its reason', async () => {
    const { page, hub } = await open([])
    await page.locator('#state[data-state=live]').waitFor()
    hub.child.stdin!.end('last\n')
    await page.locator('#state[data-state=ended]').waitFor()
    expect(await page.locator('#state').textContent()).toBe('feed ended')
  })

  test.each([
    ['/feeds/nope', 4404, 'path: expected /feeds/NAME with one of ticks, host, got "/feeds/nope"'],
    ['/feeds/ticks?from=x:5', 4410, /^from: expected a position of epoch [0-9a-f]+, now at \d+, got "x:5"$/],
    [
      '/feeds/ticks?overflow=pause',
      4403,
      'overflow: expected one of those feed ticks allows (skip, evict), got "pause"',
    ],
  ] as const)(
    'a refused WebSocket gets the code and the sentence, which HTTP could not tell it: %s',
    async (path, code, reason) => {
      const { page, hub } = await open()
      const closed = await page.evaluate(
        address =>
          new Promise<{ readonly code: number; readonly reason: string }>(resolve => {
            new WebSocket(address).onclose = ({ code, reason }) => resolve({ code, reason })
          }),
        `ws://127.0.0.1:${hub.port}${path}`,
      )
      expect(closed.code).toBe(code)
      if (typeof reason === 'string') expect(closed.reason).toBe(reason)
      else expect(closed.reason).toMatch(reason)
    },
  )
})
