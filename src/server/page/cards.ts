/**
 * The feeds as cards: what each is, how fast it runs, whether its source runs, and how far behind its readers are. A card
 * is a link to `#NAME`: selecting, the keyboard and the address bar are the browser's own. One card per feed and never
 * two; a feed that has gone takes its card along. Called by page.ts at each poll and each selection.
 */
import { drawBands } from './bands.ts'
import { copyOf, part, setText, sparkline } from './draw.ts'
import { age, bytes, count, perSecond } from './format.ts'
import type { Minutes } from './minute.ts'
import type { FeedReport } from './report.ts'
import { sourceOf } from './source.ts'

/** As the row of cards begins, in page.css. */
const EDGE_PX = 16
/** A steady rate is a line with air above it, not a block. */
const AIR = 1.25

export class Cards {
  readonly #list: HTMLElement
  readonly #minutes: Minutes
  readonly #cards = new Map<string, HTMLElement>()
  #selected = ''

  constructor(list: HTMLElement, minutes: Minutes) {
    this.#list = list
    this.#minutes = minutes
  }

  /** Brings the cards up to date with a poll. */
  update(feeds: readonly FeedReport[]): void {
    const gone = new Set(this.#cards.keys())
    for (const feed of feeds) {
      gone.delete(feed.name)
      this.#fill(this.#cards.get(feed.name) ?? this.#add(feed), feed)
    }
    for (const name of gone) {
      this.#cards.get(name)?.remove()
      this.#cards.delete(name)
    }
  }

  /** Marks the card of the feed that is shown. */
  select(name: string): void {
    this.#selected = name
    for (const [of, card] of this.#cards) this.#mark(of, card)
  }

  #add(feed: FeedReport): HTMLElement {
    const card = copyOf('card')
    card.setAttribute('data-feed', feed.name)
    const link = part(card, 'name')
    link.setAttribute('href', `#${encodeURIComponent(feed.name)}`)
    setText(link, feed.name)
    this.#cards.set(feed.name, card)
    this.#list.append(card)
    this.#mark(feed.name, card)
    return card
  }

  #fill(card: HTMLElement, feed: FeedReport): void {
    const source = sourceOf(feed)
    card.setAttribute('data-source', source.mark)
    setText(part(card, 'source'), source.short)
    setText(part(card, 'rate'), perSecond(feed.publishedPerSecond))
    setText(part(card, 'readers'), count(feed.readers))
    setText(part(card, 'age'), age(feed.dataAge.p99))
    setText(part(card, 'headroom'), feed.headroom === null ? '–' : bytes(feed.headroom.bytes))
    drawBands(part(card, 'bands'), feed.bands)
    const points = this.#minutes.of(feed.name)?.published.points() ?? []
    sparkline(part(card, 'spark'), points, 0, Math.max(1, ...points.map(({ y }) => y)) * AIR)
  }

  #mark(name: string, card: HTMLElement): void {
    const selected = name === this.#selected
    if (selected === card.classList.contains('selected')) return
    card.classList.toggle('selected', selected)
    const link = part(card, 'name')
    if (!selected) {
      link.removeAttribute('aria-current')
      return
    }
    link.setAttribute('aria-current', 'true')
    // where the cards are a row to swipe; elsewhere there is nothing to scroll, and the page itself stays where it is
    this.#list.scrollBy({ left: card.getBoundingClientRect().left - EDGE_PX })
  }
}
