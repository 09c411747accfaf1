/**
 * Questions in PromQL that both dashboards ask. What is counted goes through `rate` before it is summed, so that a hub that
 * started again does not count backwards; what is measured is taken at its worst over instances, because an average hides the
 * one reader that is behind.
 */
import { TERMS } from '../swarm/hub.ts'

/** The labels of what the hub has once, and of what each of its feeds has, with more labels behind. */
export const hub = (more: string) => labels('instance=~"$instance"', more)
export const perFeed = (more: string) => labels('instance=~"$instance"', 'feed=~"$feed"', more)

const labels = (...parts: readonly string[]) => parts.filter(part => part !== '').join(', ')

/** The metric, for what is chosen. */
export const ofHub = (metric: string, more = '') => `spillway_${metric}{${hub(more)}}`
export const ofFeeds = (metric: string, more = '') => `spillway_${metric}{${perFeed(more)}}`

const grouped = (by: string) => (by === '' ? '' : ` by (${by})`)

/** A second, from what is counted. */
export const perSecond = (by: string, selector: string) => `sum${grouped(by)} (rate(${selector}[$__rate_interval]))`
export const perMinute = (by: string, selector: string) => `60 * ${perSecond(by, selector)}`
/** In all of the time that is shown. */
export const inAll = (by: string, selector: string) => `sum${grouped(by)} (increase(${selector}[$__range]))`

export const sumOf = (by: string, selector: string) => `sum${grouped(by)} (${selector})`
export const most = (by: string, selector: string) => `max${grouped(by)} (${selector})`
export const least = (by: string, selector: string) => `min${grouped(by)} (${selector})`

/** A quantile of a histogram, by its name without `_bucket`. */
export const quantile = (q: number, metric: string) =>
  `histogram_quantile(${q}, sum by (le) (rate(${ofHub(`${metric}_bucket`)}[$__rate_interval])))`

/** The mean of a histogram. */
export const mean = (metric: string) =>
  `sum (rate(${ofHub(`${metric}_sum`)}[$__rate_interval])) / (sum (rate(${ofHub(`${metric}_count`)}[$__rate_interval])) > 0)`

/** Of what was published to readers, what they took: 1 is everything. */
export const deliveredShare = (by: string) =>
  `sum${grouped(by)} (rate(${ofFeeds('delivered_messages_total')}[$__rate_interval])) / (sum${grouped(by)} (rate(${ofFeeds('reader_published_messages_total')}[$__rate_interval])) > 0)`

/** Where messages went that were published to readers, less those that were: 0, or somebody miscounts. */
export const account = (by: string) =>
  ['spillway_reader_published_messages_total', ...TERMS]
    .map(metric => sumOf(by, `${metric}{${perFeed('')}}`))
    .join(' - ')

/** A line for each quantile over readers; at the worst of the chosen feeds. */
export const spread = (metric: string) =>
  ['p50', 'p90', 'p99', 'max'].map(name => [most('', ofFeeds(metric, `stat="${name}"`)), name] as const)
