/**
 * What a metric is here: a name, a type, a sentence, labels with closed sets of values, and how it is read when somebody asks. The
 * tables in this folder are made of them; docs/metrics.md is generated from the same tables. No package.
 */
import type { Histogram } from '../../clients/histogram.ts'
import type { Hub } from '../../hub.ts'
import type { Door } from '../admit.ts'
import { type Sample, STATS } from '../stats.ts'
import type { FeedFigures, Figures } from './figures.ts'

/** What metrics are read from, at one moment. */
export interface Scrape {
  readonly hub: Hub
  readonly door: Door
  readonly figures: Figures
  /** Scrapes before this one, and how much of the event loop they took. */
  readonly own: { count: number; seconds: number }
}

/** Adds a series; the values stand for the metric's labels, in their order. */
type Add = (value: number, ...labels: string[]) => void

interface Described {
  readonly name: string
  readonly help: string
}

export interface Plain extends Described {
  readonly type: 'counter' | 'gauge'
  readonly labels: readonly string[]
  readonly collect: (scrape: Scrape, add: Add) => void
}

export interface Distribution extends Described {
  readonly type: 'histogram'
  readonly labels: readonly []
  /** Undefined where nothing is measured. */
  readonly of: (scrape: Scrape) => Histogram | undefined
}

export type Metric = Plain | Distribution

type Type = Plain['type']
type Collect = Plain['collect']

export function metric(type: Type, name: string, help: string, labels: readonly string[], collect: Collect): Plain {
  return { type, name: `spillway_${name}`, help, labels, collect }
}

/** One figure for the hub. */
export function ofHub(type: Type, name: string, help: string, value: (scrape: Scrape) => number): Plain {
  return metric(type, name, help, [], (scrape, add) => add(value(scrape)))
}

/** One figure for each feed. */
export function ofFeed(type: Type, name: string, help: string, value: (figures: FeedFigures) => number): Plain {
  return metric(type, name, help, ['feed'], ({ figures }, add) => {
    for (const [{ name }, of] of figures.feeds) add(value(of), name)
  })
}

/** Several for each feed. */
export function ofFeedBy(
  label: string,
  type: Type,
  name: string,
  help: string,
  collect: (figures: FeedFigures, add: (value: number, label: string) => void) => void,
): Plain {
  return metric(type, name, help, ['feed', label], ({ figures }, add) => {
    for (const [{ name }, of] of figures.feeds) collect(of, (value, label) => add(value, name, label))
  })
}

/** How a figure is spread over the readers of each feed. */
export function ofReaders(name: string, help: string, sample: (figures: FeedFigures) => Sample): Plain {
  return ofFeedBy('stat', 'gauge', name, help, (figures, add) => {
    const { spread } = sample(figures)
    for (const stat of STATS) add(spread[stat], stat)
  })
}

export function histogram(name: string, help: string, of: Distribution['of']): Distribution {
  return { type: 'histogram', name: `spillway_${name}`, help, labels: [], of }
}
