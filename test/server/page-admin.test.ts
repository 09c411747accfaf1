/** The page on the admin port: who the clients are, evicting one of them, and the token it asks for. */
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from '../support/browser.ts'
import { CHROMIUM_FLAGS } from '../support/chromium.ts'
import { type Running, serveCli } from '../support/cli.ts'
import { RawClient } from '../support/raw-client.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'

const executablePath = needs('chromium')
const TOKEN = 'a-token-of-more-than-sixteen-characters'

describe.skipIf(executablePath === undefined)('the page on the admin port', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS })
  })
  afterAll(() => browser?.close())

  test('shows who a client is, evicts it after a question that says whom, and shows what came of it', async () => {
    const hub = await serveCli(['--feed', 'ticks=ticker'])
    const client = new RawClient(hub.port, '/feeds/ticks?name=till-7', { headers: { 'User-Agent': 'till/2' } })
    const { page, complaints } = await openPage(browser, adminUrl(hub))
    const row = page.locator('#slowest-rows tr', { hasText: 'till-7' })
    await row.waitFor()
    expect(await row.locator('[data-part=who]').textContent()).toMatch(
      /^127\.0\.0\.1:\d+ · till\/2 · since \d\d:\d\d:\d\d$/,
    )
    expect(await page.locator('#admin-mark').isVisible()).toBe(true)
    await page.locator('#state[data-state=live]').waitFor() // it listens at the port of the feeds

    const button = row.getByRole('button', { name: /^Evict client \d+, till-7$/ })
    await button.click()
    expect(await page.locator('#evict-whom').textContent()).toMatch(
      /^Client #\d+ of feed ticks: named till-7, 127\.0\.0\.1:\d+, till\/2$/,
    )
    expect(await page.evaluate('document.activeElement.id')).toBe('evict-cancel')
    await page.keyboard.press('Escape')
    expect(client.gone).toBe(false)

    await button.click()
    await page.locator('#evict-reason').fill('closing time')
    await page.locator('#evict-form button[type=submit]').click()
    await until('the close', () => client.closeCode !== undefined)
    expect([client.closeCode, client.closeReason]).toEqual([4408, 'closing time'])
    await page.locator('#evict-result', { hasText: /^Client #\d+ is evicted \(4408\)\.$/ }).waitFor()
    const line = page.locator('#closed-list li[data-how=evicted]')
    await line.waitFor()
    expect(await line.innerText()).toMatch(/evicted: operator\s+4408[\s\S]*till-7[\s\S]*closing time/)
    await expect.poll(() => page.locator('#feed [data-loss=evicted-operator] dd').textContent()).toBe('1')
    expect(complaints).toEqual([])
  })

  test('shows who has a number now, though somebody else had it before the hub has restarted', async () => {
    const hub = await serveCli(['--feed', 'ticks=ticker'])
    new RawClient(hub.port, '/feeds/ticks?name=before', { headers: { 'User-Agent': 'old/1' } })
    const { page } = await openPage(browser, adminUrl(hub))
    const rows = page.locator('#slowest-rows tr')
    await rows.filter({ hasText: 'before' }).waitFor()
    await page.route('**/feeds', async route => {
      const response = await route.fetch()
      const report = (await response.json()) as { readonly slowest: readonly { name: string; agent: string }[] }
      for (const client of report.slowest)
        if (client.name === 'before') Object.assign(client, { name: 'after', agent: 'new/2' })
      await route.fulfill({ response, json: report })
    })
    await rows.filter({ hasText: 'after' }).filter({ hasText: 'new/2' }).waitFor()
    expect(await rows.filter({ hasText: 'before' }).count()).toBe(0)
    await page.getByRole('button', { name: /^Evict client \d+, after$/ }).click()
    expect(await page.locator('#evict-whom').textContent()).toMatch(/: named after, 127\.0\.0\.1:\d+, new\/2$/)
  })

  test('asks for the token, says when it is wrong, and keeps it nowhere', async () => {
    const hub = await serveCli(['--feed', 'ticks=ticker', '--admin-token', TOKEN])
    const { page } = await openPage(browser, adminUrl(hub))
    await page.locator('#token-dialog[open]').waitFor()
    await page.keyboard.press('Escape')
    const wrong = page.locator('#token-wrong', { hasText: 'The hub does not know this token.' })
    await page.locator('#token').fill('a token that cannot stand in a header…')
    await page.keyboard.press('Enter')
    await wrong.waitFor()
    await page.locator('#token').fill('a-token-of-somebody-else')
    await page.keyboard.press('Enter')
    await page.locator('#token-wrong', { hasText: 'The hub does not know this token.' }).waitFor()
    await page.locator('#token').fill(TOKEN)
    await page.keyboard.press('Enter')
    await page.locator('#cards [data-feed=ticks]').waitFor()
    expect(await page.locator('#token-dialog').isVisible()).toBe(false)
    expect(await page.evaluate('localStorage.length + sessionStorage.length + document.cookie.length')).toBe(0)
    await page.reload()
    await page.locator('#token-dialog[open]').waitFor()
  })

  test('on the feed port nothing says who a client is, and nobody can be evicted', async () => {
    const hub = await serveCli(['--feed', 'ticks=ticker'])
    new RawClient(hub.port, '/feeds/ticks?name=till-7', { headers: { 'User-Agent': 'till/2' } })
    const { page } = await openPage(browser, `http://127.0.0.1:${hub.port}/`)
    await page.locator('#slowest-rows tr').nth(1).waitFor()
    expect(await page.locator('main').innerText()).not.toContain('till')
    expect(await page.locator('#slowest-rows button:visible').count()).toBe(0)
  })
})

function adminUrl(hub: Running): string {
  return /admin +(http:\S+)/.exec(hub.out())![1]!.replace('localhost', '127.0.0.1')
}
