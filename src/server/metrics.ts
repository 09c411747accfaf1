/**
 * `/metrics`: what operators see, in the Prometheus text format. Everything is counted as plain numbers on the way and read here, at
 * scrape. Closed label sets, base units, never a label per client; what there is stands in the tables of metrics/, and docs/metrics.md is
 * made of the same tables.
 *
 * A scrape must not be felt. All of it asks one pass over the readers (metrics/figures.ts); it is made and written in pieces of a
 * millisecond, so that messages pass in between; and after it there is a rest, so that the port, which is open to everybody, cannot be
 * used to keep the hub from its work: who asks meanwhile waits, and all who wait share one pass.
 */
import { setImmediate, setTimeout } from 'node:timers/promises'
import { collectDefaultMetrics, type Metric as PromMetric, Registry } from 'prom-client'
import type { Histogram } from '../clients/histogram.ts'
import type { Hub } from '../hub.ts'
import type { Door } from './admit.ts'
import { CLIENTS } from './metrics/clients.ts'
import { FEEDS } from './metrics/feeds.ts'
import { Figures } from './metrics/figures.ts'
import type { Metric, Scrape } from './metrics/metric.ts'
import { Pieces } from './metrics/pieces.ts'
import { NODE, PROCESS } from './metrics/process.ts'
import { READERS } from './metrics/readers.ts'

/** Every metric of ours. */
export const METRICS: readonly Metric[] = [...FEEDS, ...READERS, ...CLIENTS, ...PROCESS]

/** After a scrape the hub rests from scrapes for so many times as long as it took, at the most for… */
const REST = 20
const REST_MOST_MS = 1_000

export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE

  readonly #scrape: Scrape
  readonly #registries: readonly Registry[]
  #next: Promise<string> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #restUntil = 0

  constructor(hub: Hub, door: Door) {
    this.#scrape = { hub, door, figures: new Figures(), own: { count: 0, seconds: 0 } }
    this.#registries = [registryOf(METRICS, this.#scrape), nodeRegistry()]
  }

  /** The figures as they are when it is this scrape's turn. */
  metrics(): Promise<string> {
    if (this.#next === undefined) {
      this.#next = this.#write(this.#last)
      this.#last = this.#next.catch(() => {})
    }
    return this.#next
  }

  async #write(last: Promise<unknown>): Promise<string> {
    await last
    const restMs = this.#restUntil - performance.now()
    // Even where there is nothing to wait for, a turn: two that are read in the same turn share a pass.
    await (restMs > 0 ? setTimeout(restMs, undefined, { ref: false }) : setImmediate())
    this.#next = undefined
    const pieces = new Pieces()
    const { hub, figures, own } = this.#scrape
    await figures.take(hub, pieces)
    const texts: string[] = []
    for (const registry of this.#registries) {
      for (const { name } of registry.getMetricsAsArray()) {
        texts.push(await registry.getSingleMetricAsString(name))
        await pieces.next()
      }
    }
    own.count++
    own.seconds += pieces.tookMs / 1_000
    this.#restUntil = performance.now() + Math.min(REST_MOST_MS, pieces.tookMs * REST)
    return `${texts.join('\n\n')}\n`
  }
}

export function metricsOf(hub: Hub, door: Door): Metrics {
  return new Metrics(hub, door)
}

/** How many event loops there are in a process: one. So its figures are collected once, whoever shows them. */
let node: Registry | undefined

function nodeRegistry(): Registry {
  if (node !== undefined) return node
  node = new Registry()
  collectDefaultMetrics({ register: node })
  for (const { name } of node.getMetricsAsArray()) if (NODE[name] === undefined) node.removeSingleMetric(name)
  return node
}

/** prom-client writes the format; the values come from us, because its own counters cost more than most of what is counted. */
function registryOf(metrics: readonly Metric[], scrape: Scrape): Registry {
  const registry = new Registry()
  for (const metric of metrics) {
    const { name, help, type } = metric
    const get = async () => ({ name, help, type, aggregator: 'sum', values: valuesOf(metric, scrape) })
    registry.registerMetric({ name, help, type, get } as unknown as PromMetric)
  }
  return registry
}

interface Value {
  readonly metricName: string
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
}

function valuesOf(metric: Metric, scrape: Scrape): Value[] {
  if (metric.type === 'histogram') return bucketsOf(metric.name, metric.of(scrape))
  const { name: metricName, labels: names } = metric
  const values: Value[] = []
  metric.collect(scrape, (value, ...given) => {
    const labels: Record<string, string> = {}
    for (const [i, name] of names.entries()) labels[name] = given[i]!
    values.push({ metricName, labels, value })
  })
  return values
}

function bucketsOf(name: string, histogram: Histogram | undefined): Value[] {
  if (histogram === undefined) return []
  let value = 0
  const values: Value[] = [...histogram.counts].map((count, i) => {
    value += count
    return { metricName: `${name}_bucket`, labels: { le: histogram.bounds[i] ?? '+Inf' }, value }
  })
  const total = (part: string, value: number) => ({ metricName: `${name}_${part}`, labels: {}, value })
  return [...values, total('sum', histogram.sum), total('count', value)]
}
