/**
 * The clients that have left, as a log, the newest first, and how each left: evicted and why, closed by the hub, gone, lost.
 * The page keeps the last LINES it was told of. Who cannot see it is told of evictions only, in one sentence, and not more than
 * once in ten seconds: a crowd that is evicted shall not be a flood of announcements.
 */
import { byId, copyOf, keepHeight, part, setText } from './draw.ts'
import { count, timeOfDay } from './format.ts'
import type { ClosedReport, HubReport } from './report.ts'

const LINES = 100
const ANNOUNCE_EVERY_MS = 10_000

export class ClosedLog {
  readonly #list = byId('closed-list')
  readonly #only = byId('closed-only')
  #newest: number | undefined
  #uptimeSeconds = 0
  #evicted: ClosedReport[] = []
  #announcing = false

  constructor() {
    this.#only.addEventListener('click', () => {
      const only = this.#only.getAttribute('aria-pressed') !== 'true'
      this.#only.setAttribute('aria-pressed', String(only))
      this.#list.setAttribute('data-only', only ? 'evicted' : '')
      this.#tellNone()
    })
  }

  update({ closed, uptimeSeconds }: HubReport): void {
    const newest = closed[0]?.seq ?? 0
    const known = this.#newest
    // another hub, or the same one anew
    const another = known !== undefined && (newest < known || uptimeSeconds < this.#uptimeSeconds)
    if (another) this.#list.replaceChildren()
    this.#uptimeSeconds = uptimeSeconds
    const since = known === undefined || another ? 0 : known
    const fresh = closed.filter(({ seq }) => seq > since)
    this.#newest = newest
    this.#list.prepend(...fresh.map(lineOf))
    while (this.#list.children.length > LINES) this.#list.lastElementChild?.remove()
    this.#tellNone()
    keepHeight(byId('closed-log'))
    // what was there before the page came is no news
    if (known !== undefined) this.#announce(fresh.filter(({ cause }) => cause !== null))
  }

  #tellNone(): void {
    const only = this.#only.getAttribute('aria-pressed') === 'true'
    byId('closed-none').hidden = this.#list.querySelector(only ? '[data-how=evicted]' : 'li') !== null
  }

  #announce(evicted: readonly ClosedReport[]): void {
    this.#evicted.push(...evicted)
    if (this.#announcing || this.#evicted.length === 0) return
    this.#announcing = true
    const feeds = [...new Set(this.#evicted.map(({ feed }) => feed))].slice(0, 3).join(', ')
    const clients = this.#evicted.length === 1 ? 'One client' : `${this.#evicted.length} clients`
    setText(byId('announcement'), `${clients} evicted from ${feeds}.`)
    this.#evicted = []
    setTimeout(() => {
      this.#announcing = false
      setText(byId('announcement'), '')
      this.#announce([])
    }, ANNOUNCE_EVERY_MS)
  }
}

function lineOf(closed: ClosedReport): HTMLElement {
  const line = copyOf('closed-line')
  const { how, verdict } = verdictOn(closed)
  line.setAttribute('data-how', how)
  line.setAttribute('data-seq', String(closed.seq))
  line.setAttribute('data-client', String(closed.id))
  const time = part(line, 'time')
  time.setAttribute('datetime', new Date(closed.at).toISOString())
  setText(time, timeOfDay(closed.at))
  setText(part(line, 'verdict'), verdict)
  setText(part(line, 'code'), String(closed.code))
  setText(part(line, 'client'), `#${closed.id}${closed.name ? ` ${closed.name}` : ''}`)
  setText(part(line, 'of'), `${closed.feed} · ${closed.policy}`)
  setText(part(line, 'who'), [closed.address, closed.agent].filter(Boolean).join(' · '))
  part(line, 'who').title = closed.agent ?? ''
  setText(part(line, 'reason'), closed.reason)
  setText(part(line, 'account'), accountOf(closed))
  return line
}

type How = 'evicted' | 'closed' | 'left' | 'lost'

function verdictOn({ cause, initiator }: ClosedReport): { readonly how: How; readonly verdict: string } {
  if (cause !== null) return { how: 'evicted', verdict: `evicted: ${cause}` }
  if (initiator === 'hub') return { how: 'closed', verdict: 'closed by the hub' }
  return initiator === 'client' ? { how: 'left', verdict: 'left' } : { how: 'lost', verdict: 'connection lost' }
}

function accountOf({ account: { taken, skipped, unknown, undelivered }, outcome }: ClosedReport): string {
  const parts = [`${count(taken)} taken`]
  if (skipped > 0) parts.push(`${count(skipped)} skipped`)
  if (unknown > 0) parts.push(`${count(unknown)} unknown`)
  if (undelivered > 0) parts.push(`${count(undelivered)} undelivered`)
  if (outcome === 'terminated') parts.push('terminated')
  return parts.join(' · ')
}
