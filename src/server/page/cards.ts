/**
 * The feeds as cards: what each is, how fast it runs, how far behind its slowest reader is, and whether its source runs.
 * A card is a link to `#NAME`: selecting, the keyboard and the address bar are the browser's own. One card per feed
 * and never two; a feed that has gone takes its card along. Called by page.ts at each poll and each selection.
 */
import { copyOf, part, setText, sparkline } from './draw.ts'
import { count, percent, perSecond } from './format.ts'
import type { FeedReport } from './poll.ts'
import { Rate } from './rate.ts'

interface Card {
  readonly element: HTMLElement
  readonly rate: Rate
}

/** As the row of cards begins, in page.css. */
const EDGE_PX = 16
/** A steady rate is a line with air above it, not a block. */
const HEADROOM = 1.25

/** Why a source waits: a word or two for the card, a sentence for the live view. */
const PAUSED: Readonly<Record<string, readonly [short: string, sentence: string]>> = {
  gate: ['paused: gate', 'The source is paused: it waits for the slowest reader, which holds the gate.'],
  pace: ['paused: pace', 'The source is paused for a moment: it runs at the pace of the fastest reader.'],
  'min-clients': ['paused: few clients', 'The source is paused: it waits until enough clients are here.'],
}

/** The state of a feed's source: for the eye (`state`), for a card (`short`), and as a sentence unless it just runs. */
export function sourceOf(feed: FeedReport): { state: 'running' | 'paused' | 'ended'; short: string; sentence: string } {
  if (feed.ending !== null)
    return { state: 'ended', short: 'ended', sentence: `This feed takes no more messages: ${feed.ending}.` }
  if (feed.paused === null) return { state: 'running', short: 'running', sentence: '' }
  const [short, sentence] = PAUSED[feed.paused] ?? [`paused: ${feed.paused}`, `The source is paused: ${feed.paused}.`]
  return { state: 'paused', short, sentence }
}

export class Cards {
  readonly #list: HTMLElement
  readonly #cards = new Map<string, Card>()
  #selected = ''

  constructor(list: HTMLElement) {
    this.#list = list
  }

  /** Brings the cards up to date with a poll. */
  update(feeds: readonly FeedReport[], now: number): void {
    const gone = new Set(this.#cards.keys())
    for (const feed of feeds) {
      gone.delete(feed.name)
      this.#fill(this.#cards.get(feed.name) ?? this.#add(feed), feed, now)
    }
    for (const name of gone) {
      this.#cards.get(name)?.element.remove()
      this.#cards.delete(name)
    }
  }

  /** Marks the card of the feed that is shown live. */
  select(name: string): void {
    this.#selected = name
    for (const [of, card] of this.#cards) this.#mark(of, card)
  }

  #add(feed: FeedReport): Card {
    const card: Card = { element: copyOf('card'), rate: new Rate() }
    card.element.setAttribute('data-feed', feed.name)
    const link = part(card.element, 'name')
    link.setAttribute('href', `#${feed.name}`)
    setText(link, feed.name)
    setText(part(card.element, 'format'), feed.format)
    this.#cards.set(feed.name, card)
    this.#list.append(card.element)
    this.#mark(feed.name, card)
    return card
  }

  #fill(card: Card, feed: FeedReport, now: number): void {
    const { element, rate } = card
    rate.mark(feed.published, now)
    const source = sourceOf(feed)
    element.setAttribute('data-source', source.state)
    setText(part(element, 'source'), source.short)
    setText(part(element, 'overflow'), feed.overflow)
    setText(part(element, 'rate'), perSecond(rate.perSecond))
    setText(part(element, 'readers'), count(feed.readers))
    setText(part(element, 'queued'), count(feed.queuedMessages))
    setText(part(element, 'log'), percent(feed.capacityBytes > 0 ? feed.logBytes / feed.capacityBytes : 0))
    const history = rate.history()
    sparkline(part(element, 'spark'), history, 0, Math.max(...history.map(({ y }) => y)) * HEADROOM)
  }

  #mark(name: string, { element }: Card): void {
    const selected = name === this.#selected
    if (selected === element.classList.contains('selected')) return
    element.classList.toggle('selected', selected)
    const link = part(element, 'name')
    if (!selected) {
      link.removeAttribute('aria-current')
      return
    }
    link.setAttribute('aria-current', 'true')
    // where the cards are a row to swipe; elsewhere there is nothing to scroll, and the page itself stays where it is
    this.#list.scrollBy({ left: element.getBoundingClientRect().left - EDGE_PX })
  }
}
