/**
 * The slowest clients of the hub as a table, with the last minute of each. Rows are kept by the client's number, so a
 * figure changes and a row does not blink; and all of a row is said anew at each poll, because a hub that has restarted counts
 * its clients from 1 again. While somebody points at the table or is in it with the keyboard, the rows keep their places, whoever
 * is slowest now: nobody shall evict the one who slipped under the pointer.
 */
import { byId, copyOf, keepHeight, part, setText, sparkline } from './draw.ts'
import { age, bytes, count, timeOfDay } from './format.ts'
import type { HubReport, SlowReport } from './report.ts'
import { pointsOf } from './trend.ts'

/** Ages below this look calm in a line. */
const CALM_SECONDS = 2
/** Points in a minute of history. */
const MINUTE = 60

/** What a state says of its client, for who points at it. */
const WHY: Readonly<Record<string, string>> = {
  live: 'It has everything, and gets the next message at once.',
  catching: 'It is behind and takes its turn: what is queued goes out as it reads.',
  blocked: 'Its socket did not take all of the last write: it gets more when it has.',
  full: 'All that may be in flight to it is: it, or its connection, is slower than the feed. Or it has not answered yet, and others come first.',
  sampled: 'It has asked for so many messages a second, and gets the newest.',
  closed: 'It is being closed.',
}

export class Slowest {
  readonly #root = byId('slowest')
  readonly #body = byId('slowest-rows')
  readonly #rows = new Map<number, HTMLElement>()
  /** Who is in each row now. */
  readonly #clients = new Map<HTMLElement, SlowReport>()
  readonly #onEvict: (client: SlowReport) => void
  readonly #points = matchMedia('(hover: hover)')

  constructor(onEvict: (client: SlowReport) => void) {
    this.#onEvict = onEvict
  }

  update({ slowest, admin, clients }: HubReport): void {
    const held = this.#held()
    const gone = new Set(this.#rows.keys())
    let before: HTMLElement | undefined
    for (const client of slowest) {
      gone.delete(client.id)
      const row = this.#rows.get(client.id) ?? this.#add(client)
      this.#fill(row, client, admin)
      if (!row.isConnected) this.#body.append(row)
      if (!held && row.previousElementSibling !== (before ?? null)) {
        if (before === undefined) this.#body.prepend(row)
        else before.after(row)
      }
      before = row
    }
    for (const id of gone) {
      const row = this.#rows.get(id)
      if (held && row?.contains(document.activeElement) === true) continue // the focus would fall back to the top of the page
      row?.remove()
      if (row !== undefined) this.#clients.delete(row)
      this.#rows.delete(id)
    }
    byId('slowest-none').hidden = slowest.length > 0
    this.#root.setAttribute('data-none', String(slowest.length === 0))
    keepHeight(byId('slowest-table'))
    setText(byId('slowest-count'), slowest.length === 0 ? '' : `${count(slowest.length)} of ${count(clients)} clients`)
  }

  #held(): boolean {
    return this.#body.contains(document.activeElement) || (this.#points.matches && this.#body.matches(':hover'))
  }

  #add(client: SlowReport): HTMLElement {
    const row = copyOf('slow-row')
    row.setAttribute('data-client', String(client.id))
    setText(part(row, 'id'), `#${client.id}`)
    part(row, 'evict').addEventListener('click', () => {
      const now = this.#clients.get(row)
      if (now !== undefined) this.#onEvict(now)
    })
    this.#rows.set(client.id, row)
    return row
  }

  #name(row: HTMLElement, { id, feed, policy, name, address, agent, since }: SlowReport): void {
    setText(part(row, 'of'), `${feed} · ${policy}`)
    part(row, 'evict').setAttribute('aria-label', `Evict client ${id}${name ? `, ${name}` : ''}`)
    setText(part(row, 'name'), name ?? '')
    const who = [address, agent, since === undefined ? undefined : `since ${timeOfDay(since)}`]
    setText(part(row, 'who'), who.filter(Boolean).join(' · '))
    part(row, 'who').title = agent ?? ''
  }

  #fill(row: HTMLElement, client: SlowReport, admin: boolean): void {
    this.#clients.set(row, client)
    this.#name(row, client)
    const { queued, inFlightBytes, windowBytes, dataAgeSeconds, history } = client
    setText(part(row, 'state'), client.unconfirmed ? `${client.state}, unconfirmed` : client.state)
    part(row, 'state').title = WHY[client.state] ?? ''
    setText(part(row, 'queued'), bytes(queued.bytes))
    setText(part(row, 'queued-messages'), `${count(queued.messages)} messages`)
    setText(part(row, 'in-flight'), bytes(inFlightBytes))
    setText(part(row, 'window'), windowBytes === null ? 'no window' : `of ${bytes(windowBytes)}`)
    setText(part(row, 'age'), age(dataAgeSeconds))
    part(row, 'evict').hidden = !admin
    const most = Math.max(CALM_SECONDS, ...history)
    const spark = part(row, 'spark')
    sparkline(spark, pointsOf(history, MINUTE), 0, most)
    spark.setAttribute('aria-label', historyOf(history))
  }
}

/** What the line shows, in words. */
function historyOf(history: readonly number[]): string {
  const first = history[0]
  const last = history.at(-1)
  if (first === undefined || last === undefined) return 'no history yet'
  return `data age ${history.length} s ago ${age(first)}, now ${age(last)}, at most ${age(Math.max(...history))}`
}
