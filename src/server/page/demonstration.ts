/**
 * The demonstration: a button opens a few slow readers in this page and one healthy one, so that a visitor sees lag grow, the
 * policies act, and the healthy one unaffected. At most SHARES.length readers, for at most LASTS_MS, closed with the page. They never ask
 * for `pause`: nobody's source is to wait for a demonstration. What they cannot be in a browser without
 * `WebSocketStream`, the page says, with what to do instead. Called by page.ts at each poll.
 */

import { addressOf, queryOf } from './address.ts'
import { behindMs, SAME_CLOCK } from './behind.ts'
import { byId, copyOf, part, setText, sparkline } from './draw.ts'
import { age, bytes, count, percent, perSecond } from './format.ts'
import { HealthyReader } from './healthy.ts'
import type { Minutes } from './minute.ts'
import type { FeedReport, HubReport } from './report.ts'
import { BROWSER_BYTES, canBeSlow, LOST, SlowReader } from './slow.ts'
import { Trend } from './trend.ts'

/** What the slow readers take, as a share of what is published. */
const SHARES = [1 / 3, 1 / 3, 1 / 10, 1 / 10, 0, 0] as const
const POLICIES = ['skip', 'evict']
const LASTS_MS = 120_000
const DRAW_EVERY_MS = 250
const CLOCKS = SAME_CLOCK
  ? ''
  : ' Ages count from the quickest message: this machine\u2019s clock and the hub\u2019s may differ.'
const CALM_MS = 1_000
/** Half a minute of a line. */
const POINTS = 120
/** A feed with less is too thin: the browser would take for too long what it takes by itself. */
const ENOUGH_BYTES_PER_SECOND = BROWSER_BYTES / 2

/** Brings the row of a reader up to date, and returns how old what it has is, in milliseconds. */
type Draw = (row: HTMLElement, now: number) => number | undefined

export class Demonstration {
  readonly #minutes: Minutes
  readonly #onRunning: (running: boolean) => void
  readonly #start = byId('demo-start')
  readonly #end = byId('demo-end')
  readonly #feeds = byId('demo-feed') as HTMLSelectElement
  #reports: readonly FeedReport[] = []
  #clientsUrl: HubReport['clientsUrl']
  #chosen = false
  #stop: AbortController | undefined

  /** `onRunning` is told when there are slow readers, and when there are none any more. */
  constructor(minutes: Minutes, onRunning: (running: boolean) => void) {
    this.#minutes = minutes
    this.#onRunning = onRunning
    this.#start.addEventListener('click', () => this.#open())
    this.#end.addEventListener('click', () => this.#close('Ended.'))
    this.#feeds.addEventListener('change', () => {
      this.#chosen = true
      this.#tell()
    })
    byId('demo-cannot').hidden = canBeSlow()
    byId('demo-can').hidden = !canBeSlow()
    this.#start.hidden = !canBeSlow()
  }

  update(reports: readonly FeedReport[], clientsUrl: HubReport['clientsUrl']): void {
    this.#reports = reports
    this.#clientsUrl = clientsUrl
    const fits = (feed: FeedReport) => clientsUrl !== null && feed.ending === null && policiesOf(feed).length > 0
    const fit = reports.filter(fits).map(({ name }) => name)
    if (fit.join() !== [...this.#feeds.options].map(({ value }) => value).join()) {
      const before = this.#feeds.value
      this.#feeds.replaceChildren(...fit.map(name => new Option(name, name)))
      if (fit.includes(before)) this.#feeds.value = before
    }
    if (!this.#chosen && this.#stop === undefined) this.#choose(fit)
    if (this.#stop === undefined) (this.#start as HTMLButtonElement).disabled = fit.length === 0
    setText(byId('demo-command'), `npx spillway tail '${this.#address()}' | less`)
    this.#tell()
  }

  /** The feed with most bytes shows most. */
  #choose(fit: readonly string[]): void {
    const rates = fit.map(name => [name, this.#minutes.of(name)?.bytesPerSecond ?? 0] as const)
    const [most] = [...rates].sort(([, a], [, b]) => b - a)
    if (most !== undefined && this.#feeds.value !== most[0]) this.#feeds.value = most[0]
  }

  #report(): FeedReport | undefined {
    return this.#reports.find(({ name }) => name === this.#feeds.value)
  }

  #bytesPerSecond(): number {
    return this.#minutes.of(this.#feeds.value)?.bytesPerSecond ?? 0
  }

  #isThin(): boolean {
    return this.#bytesPerSecond() < ENOUGH_BYTES_PER_SECOND
  }

  /** What is special about the feed that is chosen. */
  #tell(): void {
    const thin = this.#feeds.value !== '' && this.#isThin()
    const why = `This feed has ${bytes(this.#bytesPerSecond())}/s, less than a browser takes by itself`
    setText(byId('demo-thin'), thin ? `${why}, so they begin a while back.` : '')
  }

  #address(): string {
    return addressOf(this.#feeds.value, this.#clientsUrl) ?? ''
  }

  /** Where a slow reader begins: so far back that what the browser takes by itself is there at once, and not in the way. */
  #from(): Readonly<Record<string, string>> {
    const feed = this.#report()
    if (feed === undefined || feed.published === 0) return {}
    return { from: `-${Math.ceil(BROWSER_BYTES / Math.max(1, feed.publishedBytes / feed.published))}` }
  }

  #open(): void {
    const feed = this.#report()
    if (feed === undefined || this.#stop !== undefined) return
    const stop = new AbortController()
    this.#stop = stop
    const policies = policiesOf(feed)
    const healthy = new HealthyReader()
    healthy.run(`${this.#address()}?${queryOf(feed, 'demonstration')}`, stop.signal)
    const slow = SHARES.map((share, i) => new SlowReader(policies[i % policies.length] ?? '', share))
    for (const reader of slow) {
      const query = { name: 'demonstration', overflow: reader.overflow }
      const address = () => `${this.#address()}?${new URLSearchParams({ ...query, ...this.#from() })}`
      void reader.run(address, () => this.#bytesPerSecond(), stop.signal)
    }
    this.#show(healthy, slow, stop.signal)
    this.#setRunning(true)
    location.hash = encodeURIComponent(feed.name) // its panel shows what the hub sees of them
  }

  #close(why: string): void {
    if (this.#stop === undefined) return
    this.#stop.abort()
    this.#stop = undefined
    this.#setRunning(false)
    setText(byId('demo-left'), why)
  }

  #setRunning(running: boolean): void {
    byId('demo').setAttribute('data-running', String(running))
    this.#start.hidden = running
    this.#end.hidden = !running
    this.#feeds.disabled = running
    const button = running ? this.#end : this.#start
    if (document.activeElement === document.body) button.focus() // the one that was pressed has gone
    this.#onRunning(running)
  }

  #show(healthy: HealthyReader, slow: readonly SlowReader[], signal: AbortSignal): void {
    const draws: Draw[] = [
      (row, now) => this.#drawHealthy(row, healthy, now),
      ...slow.map(
        (reader): Draw =>
          row =>
            drawSlow(row, reader),
      ),
    ]
    const rows = draws.map(draw => ({ draw, element: copyOf('demo-row'), trend: new Trend(0, POINTS) }))
    byId('demo-rows').replaceChildren(...rows.map(({ element }) => element))
    byId('demo-table').hidden = false
    const until = performance.now() + LASTS_MS
    const draw = (): void => {
      const now = performance.now()
      if (now >= until) {
        this.#close('Ended after two minutes.')
        return
      }
      setText(byId('demo-left'), `Ends by itself in ${count(Math.ceil((until - now) / 1_000))} s.${CLOCKS}`)
      let most = CALM_MS // one scale for all, so that the healthy one lies flat below the others
      for (const { trend, element, draw } of rows) {
        trend.add(draw(element, now) ?? 0, now)
        for (const { y } of trend.points()) most = Math.max(most, y)
      }
      for (const { trend, element } of rows) sparkline(part(element, 'spark'), trend.points(), 0, most)
    }
    draw()
    const timer = setInterval(draw, DRAW_EVERY_MS)
    signal.addEventListener('abort', () => clearInterval(timer))
  }

  #drawHealthy(element: HTMLElement, healthy: HealthyReader, now: number): number | undefined {
    const { perSecond: rate, ageMs } = healthy.look(now)
    const published = this.#report()?.publishedPerSecond ?? 0
    element.setAttribute('data-reader', 'healthy')
    setText(part(element, 'reader'), 'healthy')
    setText(part(element, 'takes'), 'takes all')
    setText(part(element, 'age'), ageMs === undefined ? '–' : age(ageMs / 1_000))
    setFate(element, `${perSecond(rate)} of ${perSecond(published)} messages/s`)
    return ageMs
  }
}

function drawSlow(element: HTMLElement, reader: SlowReader): number | undefined {
  const { state, overflow, share, time } = reader
  const ageMs = time === undefined ? undefined : behindMs(time)
  element.setAttribute('data-reader', state)
  setText(part(element, 'reader'), overflow)
  setText(part(element, 'takes'), share === 0 ? 'sleeps' : `takes ${percent(share)}`)
  setText(part(element, 'age'), state === 'reading' && ageMs !== undefined ? age(ageMs / 1_000) : '–')
  setFate(element, fateOf(reader))
  return state === 'reading' ? ageMs : undefined
}

/** Said in a column, and on a phone below the name: the style sheet shows one of them. */
function setFate(element: HTMLElement, text: string): void {
  setText(part(element, 'fate'), text)
  setText(part(element, 'fate-below'), text)
}

/** What the hub did to it. */
function fateOf({ state, skips, skippedMs, closes, last }: SlowReader): string {
  if (state === 'connecting') return 'connecting'
  // Evicted while it did not read: the close frame stood behind what it had not read, and was lost with the connection.
  const how = last?.code === LOST ? 'cut off in its sleep (1006)' : `${last?.code} ${last?.reason}`
  if (state === 'away') return how
  const times = (n: number): string => (n === 1 ? 'once' : `${n} times`)
  const skipped = skips === 0 ? '' : `moved on ${times(skips)}, by ${age(skippedMs / 1_000)}`
  const closed = closes === 0 ? '' : `closed ${times(closes)}, and back`
  return [skipped, closed].filter(Boolean).join(' · ') || 'falls behind'
}

/** Those of the feed under which a slow reader harms nobody but itself. */
function policiesOf({ policies, overflow }: FeedReport): readonly string[] {
  return POLICIES.filter(policy => policy === overflow || policies.includes(policy))
}
