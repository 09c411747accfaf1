/**
 * One feed, live. A message only turns the ring and a counter; ten times a second, in an animation frame, what is in the
 * ring is drawn, so the page falls behind by one picture at most, whatever the rate. Pausing holds the view, not the
 * reader: messages go on being taken and counted. Called by page.ts when a feed is selected and at each poll.
 */
import { addressOf, queryOf } from './address.ts'
import { byId, setText } from './draw.ts'
import { count, perSecond } from './format.ts'
import { type Connection, listen } from './listen.ts'
import { type Message, Newest } from './newest.ts'
import { Rate } from './rate.ts'
import type { FeedReport, HubReport } from './report.ts'
import { VIEWS, type View, type ViewName, viewFor } from './views.ts'

const RATE_EVERY_MS = 500
/**
 * Ten pictures a second are live to the eye. As many as the screen can show kept a small machine's main thread 60 to 80 %
 * busy at 2,000 messages a second, ten of them 30 to 55 % (measured; 20 % is the receiving itself).
 */
const DRAW_EVERY_MS = 100

/** What stands in the place of a view before the first message. */
const EMPTY: Readonly<Record<Connection['kind'], string>> = {
  connecting: 'Connecting…',
  live: 'Connected; no message yet.',
  waiting: 'Not connected.',
  ended: 'The feed has ended.',
  closed: 'Not connected.',
}

export class Live {
  readonly #root = byId('live')
  readonly #pause = byId('pause')
  readonly #payloads = byId('payloads')
  #feed = ''
  #address = ''
  #stop = new AbortController()
  #newest = new Newest()
  #rate = new Rate()
  #received = 0
  #view: View | undefined
  #viewName: ViewName | undefined
  /** The message drawn last: a view that is changed to begins with it. */
  #last: Message | undefined
  #due = false
  #drawnAt = -Infinity
  #paused = false
  /** Whether the visitor asked for the payloads as they came. */
  #asMessages = false

  constructor() {
    this.#pause.addEventListener('click', () => this.#setPaused(!this.#paused))
    this.#payloads.addEventListener('click', () => this.#setAsMessages(!this.#asMessages))
    byId('again').addEventListener('click', () => this.#connect())
    byId('view').tabIndex = 0 // it scrolls, so the keyboard must reach it
    setInterval(() => this.#count(), RATE_EVERY_MS)
  }

  /** Leaves the feed shown now, if any, and shows this one, or says that there is none of this name. */
  show(name: string, feed: FeedReport | undefined, clientsUrl: HubReport['clientsUrl']): void {
    this.#report(feed)
    const address = addressOf(name, clientsUrl)
    const query = feed === undefined ? 'name=page' : queryOf(feed, 'page')
    const wanted = address === undefined ? '' : `${address}?${query}`
    if (name === this.#feed && wanted === this.#address) return
    this.#feed = name
    this.#address = wanted
    this.#root.setAttribute('data-feed', name)
    setText(byId('live-name'), name)
    setText(byId('address'), address ?? '')
    this.#received = 0
    this.#rate = new Rate()
    this.#setPaused(false)
    this.#last = undefined
    this.#setView(undefined)
    this.#count()
    this.#connect()
  }

  #report(feed: FeedReport | undefined): void {
    setText(byId('head'), feed === undefined ? '–' : feed.head.toLocaleString('en'))
    setText(byId('tail'), feed === undefined ? '–' : feed.tail.toLocaleString('en'))
    setText(byId('epoch'), feed?.epoch ?? '–')
  }

  #connect(): void {
    this.#stop.abort()
    this.#stop = new AbortController()
    this.#newest = new Newest()
    if (this.#address === '') {
      this.#setState({ kind: 'closed', text: 'clients of this hub connect elsewhere' })
      return
    }
    const newest = this.#newest
    const onPayload = (payload: string | ArrayBuffer): void => {
      this.#received++
      newest.add({ payload, at: Date.now() })
      if (!this.#due && !this.#paused) this.#drawSoon()
    }
    listen(this.#address, { onPayload, onState: connection => this.#setState(connection) }, this.#stop.signal)
  }

  /** With the next frame, or where the last one is too fresh, with the first that is due. */
  #drawSoon(): void {
    this.#due = true
    const waitMs = this.#drawnAt + DRAW_EVERY_MS - performance.now()
    if (waitMs <= 0) requestAnimationFrame(() => this.#draw())
    else setTimeout(() => requestAnimationFrame(() => this.#draw()), waitMs)
  }

  #draw(): void {
    this.#due = false
    if (this.#paused) return
    this.#drawnAt = performance.now()
    this.#put(this.#newest.take())
  }

  #put(messages: readonly Message[]): void {
    const last = messages.at(-1)
    if (last === undefined) return
    this.#last = last
    // a view that does not fit any more gives way to the list of messages, for good: changing back and forth would flicker
    if (this.#viewName === undefined) this.#setView(this.#asMessages ? 'messages' : viewFor(last))
    else if (!VIEWS[this.#viewName].fits(last)) this.#setView('messages')
    this.#view?.draw(messages)
  }

  #setView(name: ViewName | undefined): void {
    this.#viewName = name
    this.#view = name === undefined ? undefined : VIEWS[name].make()
    this.#root.setAttribute('data-view', name ?? '')
    byId('view').replaceChildren(...(this.#view === undefined ? [] : [this.#view.element]))
    byId('waiting').hidden = name !== undefined
  }

  #setPaused(paused: boolean): void {
    this.#paused = paused
    this.#root.setAttribute('data-paused', String(paused))
    setText(this.#pause, paused ? 'Resume' : 'Pause')
    if (!paused) this.#draw()
  }

  #setAsMessages(asMessages: boolean): void {
    this.#asMessages = asMessages
    this.#payloads.setAttribute('aria-pressed', String(asMessages))
    this.#setView(undefined)
    if (this.#last !== undefined) this.#put([this.#last])
  }

  #setState({ kind, text }: Connection): void {
    const state = byId('state')
    state.setAttribute('data-state', kind)
    setText(state, text)
    setText(byId('waiting'), EMPTY[kind])
    byId('again').hidden = this.#address === '' || (kind !== 'ended' && kind !== 'closed')
  }

  #count(): void {
    this.#rate.mark(this.#received, performance.now())
    setText(byId('rate'), perSecond(this.#rate.perSecond))
    setText(byId('received'), count(this.#received))
  }
}
