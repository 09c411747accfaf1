/**
 * What a busy page in a real Chromium has handled, against what the hub calls taken. Chromium reads on while its page is busy, about
 * 128 KiB, and then its pongs wait for the page (docs/decisions.md); so taken is ahead of handled by no more than that and the window.
 */
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { CHROMIUM_FLAGS } from '../support/chromium.ts'
import { startHub } from '../support/hub.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'

const executablePath = needs('chromium')
const KIB = 1024
const PAYLOAD = 'x'.repeat(KIB)
/** What Chromium keeps between its network and its page (measured). */
const BROWSER_BYTES = 128 * KIB

describe.skipIf(executablePath === undefined)('in a browser', () => {
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: executablePath!, args: CHROMIUM_FLAGS })
  })
  afterAll(() => browser?.close())

  test('a page whose handler takes 50 ms has handled nearly all that counts as taken', async () => {
    const { hub, port } = await startHub()
    const feed = hub.feed('f')
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    await page.goto(`http://127.0.0.1:${port}/healthz`)
    // Told by the console, with the time, because the page is too busy to be asked and what it says may come late.
    const handledAt: number[] = []
    page.on('console', message => handledAt.push(Number(message.text())))
    await page.evaluate(address => {
      const socket = new WebSocket(address)
      socket.onmessage = () => {
        const until = performance.now() + 50
        while (performance.now() < until) {}
        console.log(performance.timeOrigin + performance.now())
      }
      return new Promise(resolve => {
        socket.onopen = resolve
      })
    }, `ws://127.0.0.1:${port}/feeds/f`)
    const started = performance.now()
    let published = 0
    const [client] = hub.clients
    // What one read of the browser brought, a window at the most, is answered though its buffer for the page is full.
    let widest = 0
    const timer = setInterval(() => {
      for (; published < performance.now() - started; published++) feed.publish({ payload: PAYLOAD })
      widest = Math.max(widest, client!.window!.limit)
    }, 5)
    onTestFinished(() => clearInterval(timer))
    await until('a window of the page to be full', () => client!.reader.state === 'full')
    const samples: { readonly at: number; readonly taken: number; readonly window: number }[] = []
    for (const second of [4, 6, 8]) {
      await until(`${second} seconds to have passed`, () => performance.now() - started > second * 1_000, 20_000)
      const at = performance.timeOrigin + performance.now()
      samples.push({ at, taken: client!.reader.cursor.taken, window: widest })
    }
    await until('the page to have told what it did until then', () => handledAt.at(-1)! > samples.at(-1)!.at)
    for (const { at, taken, window } of samples) {
      const handled = handledAt.filter(time => time <= at).length
      expect((taken - handled) * KIB).toBeLessThanOrEqual(BROWSER_BYTES + window)
      expect(handled).toBeGreaterThan(10)
    }
    // A thousand messages a second were there; so what is not bounded would be far over by now.
    expect(published * KIB).toBeGreaterThan(40 * BROWSER_BYTES)
  })
})
