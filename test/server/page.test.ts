/** The page of a hub in a real browser, and what a browser is told when it is refused. */
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from '../support/browser.ts'
import { CHROMIUM_FLAGS } from '../support/chromium.ts'
import { type Running, serveCli } from '../support/cli.ts'
import { needs } from '../support/tools.ts'

const executablePath = needs('chromium')

const DEMONSTRATION = ['--feed', 'ticks=ticker', '--feed', 'host=host']

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS })
  })
  afterAll(() => browser?.close())

  /** The page of a new hub, and everything the browser complains about. */
  async function open(flags: readonly string[] = DEMONSTRATION): Promise<{
    readonly page: Page
    readonly hub: Running
    readonly complaints: readonly string[]
  }> {
    const hub = await serveCli(flags)
    return { hub, ...(await openPage(browser, `http://127.0.0.1:${hub.port}/`)) }
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

  test('a refused WebSocket gets the code and the sentence, which an HTTP status could not tell it', async () => {
    const { page, hub } = await open()
    const closeOf = (path: string) =>
      page.evaluate(
        address =>
          new Promise<{ readonly code: number; readonly reason: string }>(resolve => {
            new WebSocket(address).onclose = ({ code, reason }) => resolve({ code, reason })
          }),
        `ws://127.0.0.1:${hub.port}${path}`,
      )
    expect(await closeOf('/feeds/nope')).toEqual({
      code: 4404,
      reason: 'path: expected /feeds/NAME with one of ticks, host, got "/feeds/nope"',
    })
    expect(await closeOf('/feeds/ticks?from=x:5')).toEqual({
      code: 4410,
      reason: expect.stringMatching(/^from: expected a position of epoch [0-9a-f]+, now at \d+, got "x:5"$/),
    })
    expect(await closeOf('/feeds/ticks?overflow=pause')).toEqual({
      code: 4403,
      reason: 'overflow: expected one of those feed ticks allows (skip, evict), got "pause"',
    })
  })
})
