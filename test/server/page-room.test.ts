/** The page has room for what stands in it: large counts beside their words, and no more than it takes for an empty table. */
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openPage } from '../support/browser.ts'
import { CHROMIUM_FLAGS } from '../support/chromium.ts'
import { serveCli } from '../support/cli.ts'
import { needs } from '../support/tools.ts'

const executablePath = needs('chromium')

describe.skipIf(executablePath === undefined)('the room on the page', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS })
  })
  afterAll(() => browser?.close())

  test('no count of losses reaches into the words beside it, on a phone, a laptop and a wide screen', async () => {
    const hub = await serveCli(['--config', 'data/demonstration.json'])
    const { page } = await openPage(browser, `http://127.0.0.1:${hub.port}/`)
    await page.locator('#state[data-state=live]').waitFor()
    for (const width of [360, 1_024, 1_181, 1_280, 1_600]) {
      await page.setViewportSize({ width, height: 860 })
      // counts and rectangles in one go: the next poll puts the counts right again
      const outside = await page.evaluate<string[]>(`[...document.querySelectorAll('[data-loss]')].filter(loss => {
        const count = loss.querySelector('dd')
        count.textContent = '999,999'
        return count.getBoundingClientRect().right > loss.getBoundingClientRect().right + 1
      }).map(loss => loss.dataset.loss)`)
      expect(outside, `at ${width} pixels`).toEqual([])
    }
  })

  test('a table that has grown keeps its height when its rows go, and an empty one is small', async () => {
    const hub = await serveCli(['--config', 'data/demonstration.json'])
    const { page } = await openPage(browser, `http://127.0.0.1:${hub.port}/`)
    const height = () => page.locator('#slowest-table').evaluate(table => table.offsetHeight)
    await page.locator('#slowest-rows tr').first().waitFor()
    expect(await height()).toBeLessThan(200)
    await page.locator('#demo-start:enabled').click()
    await page.locator('#slowest-rows tr').nth(6).waitFor()
    const grown = await height()
    expect(grown).toBeGreaterThan(300)
    await page.locator('#demo-end').click()
    await expect.poll(() => page.locator('#slowest-rows tr').count(), { timeout: 10_000 }).toBeLessThan(3)
    expect(await height()).toBeGreaterThanOrEqual(grown)
  })

  test('a state says in words what it means of its client', async () => {
    const hub = await serveCli(['--config', 'data/demonstration.json'])
    const { page } = await openPage(browser, `http://127.0.0.1:${hub.port}/`)
    const state = page.locator('#slowest-rows [data-part=state]').first()
    await state.waitFor()
    expect(await state.getAttribute('title')).toMatch(/^[A-Z].{20,}\.$/)
  })
})
