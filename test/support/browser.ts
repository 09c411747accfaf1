/** Pages in a real browser: what it complains about is kept, and a page is closed when its test is over. */
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { onTestFinished } from 'vitest'

export interface Opened {
  readonly page: Page
  /** Errors and warnings of the console, uncaught errors, and requests that failed. */
  readonly complaints: string[]
}

export async function openPage(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Opened> {
  const context = await browser.newContext(options)
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(error.message))
  page.on('requestfailed', request => complaints.push(`${request.url()}: ${request.failure()?.errorText}`))
  await page.goto(url)
  return { page, complaints }
}

/** A figure as the page writes it: `1,204` is 1204. */
export function figureIn(text: string | null): number {
  return Number(text?.replaceAll(',', '').trim() || Number.NaN)
}
