/**
 * The feed that is selected, as figures: what goes in, what comes out, who is behind and by how much, what was lost and why,
 * and what its source does. Filled at each poll by page.ts; every figure stands in an element of its own, so that a new
 * value moves nothing beside it.
 */
import { drawBands, tellBands } from './bands.ts'
import { byId, part, setText, sparkline } from './draw.ts'
import { age, bytes, count, duration, perSecond } from './format.ts'
import type { Minute } from './minute.ts'
import type { FeedReport } from './report.ts'
import { sourceOf } from './source.ts'
import type { Trend } from './trend.ts'

/** A steady rate is a line with air above it, not a block. */
const AIR = 1.25
/** Ages below a second look calm. */
const CALM_SECONDS = 1

export class FeedPanel {
  readonly #root = byId('feed')
  readonly #losses = new Map<string, HTMLElement>()

  constructor() {
    for (const loss of this.#root.querySelectorAll<HTMLElement>('[data-loss]'))
      this.#losses.set(loss.dataset['loss'] ?? '', loss)
  }

  update(feed: FeedReport, minute: Minute | undefined): void {
    const source = sourceOf(feed)
    this.#root.setAttribute('data-source', source.mark)
    this.#set('name', feed.name)
    this.#set('source', source.short)
    this.#set('sentence', source.sentence)
    this.#set(
      'kind',
      [feed.format, feed.overflow, `readers may ask for ${feed.policies.join(', ') || 'nothing else'}`, pausedOf(feed)]
        .filter(Boolean)
        .join(' · '),
    )

    this.#set('published', perSecond(feed.publishedPerSecond))
    this.#set('published-bytes', `${bytes(minute?.bytesPerSecond ?? 0)}/s`)
    this.#set('delivered', perSecond(feed.deliveredPerSecond))
    this.#set('delivered-bytes', `${bytes(feed.deliveredBytesPerSecond)}/s`)
    this.#set('readers', count(feed.readers))
    this.#set('states', statesOf(feed) || 'nobody listens')
    this.#set('age', age(feed.dataAge.p99))
    this.#set('ages', `p50 ${age(feed.dataAge.p50)} · max ${age(feed.dataAge.max)}`)
    const { headroom } = feed
    this.#set('headroom', headroom === null ? '–' : bytes(headroom.bytes))
    this.#set('headroom-time', headroomOf(feed))
    if (minute !== undefined) {
      this.#draw('published-spark', minute.published, 1)
      this.#draw('delivered-spark', minute.delivered, 1)
      this.#draw('age-spark', minute.dataAge, CALM_SECONDS)
      this.#draw('headroom-spark', minute.headroom, 1)
    }

    drawBands(part(this.#root, 'bands'), feed.bands)
    tellBands(part(this.#root, 'legend'), feed.bands)
    this.#lose(feed)
  }

  #set(name: string, text: string): void {
    setText(part(this.#root, name), text)
  }

  #draw(name: string, trend: Trend, least: number): void {
    const points = trend.points()
    sparkline(part(this.#root, name), points, 0, Math.max(least, ...points.map(({ y }) => y)) * AIR)
  }

  #lose({ skipped, undelivered, unknown, gaps, evictions }: FeedReport): void {
    const losses: Readonly<Record<string, number>> = {
      skipped,
      undelivered,
      unknown,
      ...prefixed('gap', gaps),
      ...prefixed('evicted', evictions),
    }
    for (const [name, element] of this.#losses) {
      const value = losses[name] ?? 0
      element.setAttribute('data-none', String(value === 0))
      setText(part(element, 'count'), count(value))
    }
  }
}

function prefixed(prefix: string, counts: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(counts).map(([name, value]) => [`${prefix}-${name}`, value]))
}

function statesOf({ states }: FeedReport): string {
  const some = Object.entries(states).filter(([, readers]) => readers > 0)
  return some.map(([state, readers]) => `${count(readers)} ${state}`).join(' · ')
}

/** For how long its source has had to wait so far. */
function pausedOf({ pausedSeconds }: FeedReport): string {
  return pausedSeconds < 1 ? '' : `paused for ${duration(pausedSeconds)} so far`
}

function headroomOf({ headroom, readers }: FeedReport): string {
  if (headroom === null) return readers === 0 ? 'no reader' : 'no reader has a limit'
  return headroom.seconds === null ? 'to its limit' : `${age(headroom.seconds)} to its limit`
}
