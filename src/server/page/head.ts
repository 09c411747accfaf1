/**
 * The hub itself, at the top of the page: who is there, what it holds, and whether it answers. A hub that is gone, or that came
 * back as another, is told in words; the figures then stay the last it gave. Filled at each poll by page.ts.
 */
import { byId, setText } from './draw.ts'
import { age, bytes, count, duration, timeOfDay } from './format.ts'
import type { HubReport } from './report.ts'

/** How long it is told that the hub is another. */
const TOLD_MS = 10_000

export class Head {
  readonly #notice = byId('hub-state')
  #last: HubReport | undefined
  #lastAt = 0
  #restartedAt = -Infinity
  #restarted = ''

  /** Undefined: the hub did not answer. */
  update(report: HubReport | undefined): void {
    const now = performance.now()
    document.body.setAttribute('data-stale', String(report === undefined))
    if (report === undefined) {
      this.#tell('away', this.#away())
      return
    }
    if (this.#last !== undefined && report.uptimeSeconds < this.#last.uptimeSeconds) {
      this.#restartedAt = now
      const other = report.version !== this.#last.version
      this.#restarted = `The hub has restarted: its counts began again.${other ? ' It has another version now: reload this page.' : ''}`
    }
    const told = now - this.#restartedAt < TOLD_MS
    this.#tell(told ? 'restarted' : 'here', told ? this.#restarted : '')
    this.#last = report
    this.#lastAt = Date.now()
    this.#fill(report)
  }

  #away(): string {
    const again = 'asking again every second.'
    if (this.#last === undefined) return `The hub does not answer; ${again}`
    return `The hub does not answer. The figures are those of ${timeOfDay(this.#lastAt)}; ${again}`
  }

  #tell(state: string, text: string): void {
    this.#notice.setAttribute('data-state', state)
    setText(this.#notice, text)
  }

  #fill({
    version,
    clients,
    maxClients,
    uptimeSeconds,
    memory,
    inFlight,
    eventLoop,
    feeds,
    unconfirmed,
    admin,
  }: HubReport): void {
    setText(byId('version'), version)
    setText(byId('clients'), count(clients))
    setText(byId('max-clients'), `of ${count(maxClients)}`)
    setText(byId('unconfirmed'), unconfirmed === 0 ? '' : `${count(unconfirmed)} unconfirmed`)
    setText(byId('uptime'), duration(uptimeSeconds))
    setText(byId('event-loop'), age(eventLoop.p99Ms / 1_000))
    setText(byId('memory-used'), bytes(memory.rssBytes))
    setText(byId('memory-bound'), `of ${bytes(memory.boundBytes)}`)
    level('memory', memory.rssBytes, memory.boundBytes)
    setText(byId('in-flight-used'), bytes(inFlight.bytes))
    setText(byId('in-flight-bound'), inFlight.boundBytes === null ? '' : `of ${bytes(inFlight.boundBytes)}`)
    level('in-flight', inFlight.bytes, inFlight.boundBytes)
    setText(byId('feed-count'), count(feeds.length))
    byId('no-feeds').hidden = feeds.length > 0
    byId('admin-mark').hidden = !admin
  }
}

/** A bar beside the same as text. */
function level(id: string, used: number, bound: number | null): void {
  const share = bound === null || bound <= 0 ? 0 : Math.min(1, used / bound)
  byId(id).setAttribute('width', (share * 100).toFixed(1))
}
