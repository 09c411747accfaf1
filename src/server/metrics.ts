/**
 * `/metrics`: what operators see, in the Prometheus text format. Everything is counted as plain numbers on the way and read here, at
 * scrape. Closed label sets, base units, never a label per client; what there is stands in the tables of metrics/, and docs/metrics.md is
 * made of the same tables.
 *
 * A scrape must not be felt. All of it asks one pass over the readers (metrics/figures.ts); it is made and written in pieces of a
 * millisecond, so that messages pass in between; and after it there is a rest, so that the port, which is open to everybody, cannot be
 * used to keep the hub from its work: who asks meanwhile waits, and all who wait share one pass.
 */
import { existsSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Hub } from '../hub.ts'
import type { Door } from './admit.ts'
import { CLIENTS } from './metrics/clients.ts'
import { FEEDS } from './metrics/feeds.ts'
import { Figures } from './metrics/figures.ts'
import type { Metric, Scrape } from './metrics/metric.ts'
import { NODE, PROCESS } from './metrics/process.ts'
import { READERS } from './metrics/readers.ts'
import { textOf } from './metrics/text.ts'
import { Pieces } from './pieces.ts'

/** Every metric of ours. */
export const METRICS: readonly Metric[] = [...FEEDS, ...READERS, ...CLIENTS, ...PROCESS]

/** After a scrape the hub rests from scrapes for so many times as long as it took, at the most for… */
const REST = 20
const REST_MOST_MS = 1_000

export class Metrics {
  readonly contentType = Registry.PROMETHEUS_CONTENT_TYPE

  readonly #scrape: Scrape
  readonly #node = nodeRegistry()
  #next: Promise<string> | undefined
  #last: Promise<unknown> = Promise.resolve()
  #restUntil = 0

  constructor(hub: Hub, door: Door) {
    this.#scrape = { hub, door, figures: new Figures(), own: { count: 0, seconds: 0 } }
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
    for (const metric of METRICS) {
      texts.push(textOf(metric, this.#scrape))
      await pieces.next()
    }
    const node = this.#node.metrics()
    // What is left waits for a thread to count descriptors, and the event loop goes on meanwhile.
    const { tookMs } = pieces
    texts.push(await node)
    own.count++
    own.seconds += tookMs / 1_000
    this.#restUntil = performance.now() + Math.min(REST_MOST_MS, tookMs * REST)
    return texts.join('\n\n')
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
  for (const { name } of node.getMetricsAsArray()) {
    if (NODE[name] === undefined || name === OPEN_FDS) node.removeSingleMetric(name)
  }
  if (existsSync(FDS)) addOpenFds(node)
  return node
}

const OPEN_FDS = 'process_open_fds'
const FDS = '/proc/self/fd'

/** prom-client lists them in the event loop: 12 ms with ten thousand clients. Linux tells how many there are from 6.2 on; before, a thread lists them. */
function addOpenFds(registry: Registry): void {
  const gauge: Gauge = new Gauge({
    name: OPEN_FDS,
    help: 'Number of open file descriptors.',
    registers: [registry],
    async collect() {
      const { size } = await stat(FDS)
      gauge.set(size > 0 ? size : (await readdir(FDS)).length)
    },
  })
}
