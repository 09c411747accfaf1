/**
 * Asks the hub how it fares: `GET /feeds` about once a second, one request at a time, and none while nobody looks. The
 * next poll is timed from the end of the last, so a slow hub is asked less often. Made once, by page.ts.
 */
import type { Door } from './door.ts'
import type { HubReport } from './report.ts'

const EVERY_MS = 1_000
/** As often as the hub makes the document anew. */
const CLOSELY_MS = 500

export class Poll {
  readonly #door: Door
  readonly #onReport: (report: HubReport | undefined) => void
  #everyMs = EVERY_MS
  #wake = (): void => {}

  /** `onReport` gets undefined when the hub does not answer. */
  constructor(door: Door, onReport: (report: HubReport | undefined) => void) {
    this.#door = door
    this.#onReport = onReport
  }

  /** Polls for as long as the page lives. */
  async run(): Promise<never> {
    for (;;) {
      await visible()
      const report = await this.#ask()
      try {
        this.#onReport(report)
      } catch (error) {
        reportError(error) // what a proxy answers in place of the hub, or a hub of another version; the next may be ours again
      }
      await new Promise<void>(resolve => {
        this.#wake = resolve
        setTimeout(resolve, this.#everyMs)
      })
    }
  }

  /** While something is to be seen that takes a second or two: twice a second. */
  watchClosely(closely: boolean): void {
    this.#everyMs = closely ? CLOSELY_MS : EVERY_MS
    this.soon()
  }

  /** The next poll is due now. */
  soon(): void {
    this.#wake()
  }

  async #ask(): Promise<HubReport | undefined> {
    try {
      const response = await this.#door.fetch('/feeds', { cache: 'no-store' })
      return response.ok ? ((await response.json()) as HubReport) : undefined
    } catch {
      return undefined // a hub that is restarting; the next poll tells
    }
  }
}

async function visible(): Promise<void> {
  while (document.hidden) {
    await new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }))
  }
}
