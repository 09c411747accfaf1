/**
 * `/metrics`: what operators see, in the Prometheus text format. Everything is counted as plain numbers on the way and
 * collected here, at scrape. Closed label sets (`feed`, `reason`, `state`, `stat`), base units, never a label per client;
 * docs/metrics.md says what each means, and a test holds the two together.
 */
import { Counter, Gauge, type Metric, Registry } from 'prom-client'
import type { Client } from '../clients/client.ts'
import { DELAY_BUCKETS, type Pings } from '../clients/pings.ts'
import { EVICT_CAUSES, SOURCE_STATES } from '../events.ts'
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'
import { READER_STATES } from '../reader.ts'
import { type Door, REFUSALS } from './admit.ts'
import { STATS, spread } from './stats.ts'

/** A registry of its own for this hub; nothing global. */
export function metricsOf(hub: Hub, door: Door): Registry {
  const registry = new Registry()
  const feeds = (): Iterable<Feed> => hub.feeds.values()

  const described = (name: string, help: string, labelNames: readonly string[]) => ({
    name: `spillway_${name}`,
    help,
    labelNames,
    registers: [registry],
  })
  const gauge: AddGauge = (name, help, labels, collect) => {
    const g: Gauge = new Gauge({ ...described(name, help, labels), collect: () => collect(emptied(g)) })
  }
  const counter: AddCounter = (name, help, labels, collect) => {
    const c: Counter = new Counter({ ...described(name, help, labels), collect: () => collect(emptied(c)) })
  }
  const perFeed = (name: string, help: string, value: (feed: Feed) => number) =>
    gauge(name, help, ['feed'], g => {
      for (const feed of feeds()) g.set({ feed: feed.name }, value(feed))
    })
  const totalPerFeed = (name: string, help: string, value: (feed: Feed) => number) =>
    counter(name, help, ['feed'], c => {
      for (const feed of feeds()) c.inc({ feed: feed.name }, value(feed))
    })

  totalPerFeed('published_messages_total', 'Messages the feed took from its source.', feed => feed.log.count)
  totalPerFeed('published_bytes_total', 'Bytes of the frames published.', feed => feed.log.bytes)
  totalPerFeed(
    'delivered_messages_total',
    'Messages taken, over all readers: a pong came back from behind them.',
    feed => feed.totals().delivered,
  )
  totalPerFeed(
    'delivered_bytes_total',
    'Bytes of frames taken, over all readers.',
    feed => feed.totals().deliveredBytes,
  )
  totalPerFeed('skipped_messages_total', 'Messages that readers passed over.', feed => feed.totals().skipped)
  totalPerFeed(
    'undelivered_messages_total',
    'Messages queued for clients when they closed.',
    feed => feed.totals().undelivered,
  )
  totalPerFeed(
    'unknown_messages_total',
    'Messages in flight to clients when they closed.',
    feed => feed.totals().unknown,
  )
  totalPerFeed('refused_messages_total', 'Messages a source gave that broke a rule.', feed => feed.refused)
  totalPerFeed('source_failures_total', 'Sources that ended with an error.', feed => feed.failures)
  totalPerFeed('source_restarts_total', 'How often a source was asked again.', feed => feed.source.restarts)
  totalPerFeed(
    'filtered_messages_total',
    'Messages a source gave that the pipeline of its feed did not pass on.',
    feed => feed.source.filtered,
  )
  gauge('source_state', 'What the source does: 1 for its state, 0 for the others.', ['feed', 'state'], g => {
    for (const { name, source } of feeds()) {
      for (const state of SOURCE_STATES) g.set({ feed: name, state }, source.state === state ? 1 : 0)
    }
  })
  counter('gaps_total', 'Gaps, by reason; source: holes that the source left.', ['feed', 'reason'], c => {
    for (const { name, gaps, log } of feeds()) {
      c.inc({ feed: name, reason: 'overflow' }, gaps.overflow)
      c.inc({ feed: name, reason: 'rate' }, gaps.rate)
      c.inc({ feed: name, reason: 'source' }, log.holes)
    }
  })
  counter('evictions_total', 'Clients the hub closed for being slow, by reason.', ['feed', 'reason'], c => {
    for (const { name, evictions } of feeds()) {
      for (const reason of EVICT_CAUSES) c.inc({ feed: name, reason }, evictions.get(reason) ?? 0)
    }
  })
  counter('refused_clients_total', 'Newcomers that were not let in, by close code.', ['code'], c => {
    for (const code of REFUSALS) c.inc({ code }, door.refusals.get(code) ?? 0)
  })

  gauge('clients', 'Sockets the hub serves.', [], g => g.set(hub.clients.size))
  perFeedReaders(gauge, feeds)
  perClient(gauge, hub)
  if (hub.windows !== undefined) ofPings(registry, counter, hub.windows.pings)
  gauge('client_buffered_bytes', 'Bytes in user space that the kernel has not taken (bufferedAmount).', ['stat'], g => {
    const values = spread([...hub.clients].map(client => client.bufferedBytes))
    for (const stat of STATS) g.set({ stat }, values[stat])
  })

  perFeed('log_bytes', 'Memory the log holds.', feed => feed.log.held)
  perFeed('log_capacity_bytes', 'Memory the log may hold.', feed => feed.settings.capacity.bytes)
  perFeed('pinned_bytes', 'Memory outside the log that unfinished writes keep alive.', feed => feed.log.pinned)
  perFeed('source_paused', 'Whether the source has to wait (1) or not (0).', feed =>
    feed.demand.cause === undefined ? 0 : 1,
  )
  totalPerFeed('source_paused_seconds_total', 'How long the source has had to wait.', feed =>
    feed.demand.pausedSeconds(performance.now()),
  )
  gauge('memory_bound_bytes', 'What the memory of the process can come to, by part; printed at start.', ['part'], g => {
    const { process: base, logs, clients, pinned } = hub.memoryBound()
    for (const [part, bytes] of Object.entries({ process: base, logs, clients, pinned })) g.set({ part }, bytes)
  })
  gauge(
    'in_flight_bound_bytes',
    'What may be in flight to all clients together (maxInFlightBytes); printed at start.',
    [],
    g => g.set(hub.memoryBound().kernel),
  )
  gauge('memory_used_bytes', 'Resident memory of the process.', [], g => g.set(process.memoryUsage.rss()))
  return registry
}

const WINDOW_STATS = ['min', 'p50', 'max'] as const

/** What is in flight, how large the windows are and how old the data is: by feed, because each client has one reader. */
function perClient(gauge: AddGauge, hub: Hub): void {
  const eachFeed = (g: Gauge, value: (client: Client) => number) => {
    const values = new Map<string, number[]>([...hub.feeds.keys()].map(name => [name, []]))
    for (const client of hub.clients) values.get(client.reader.feed.name)?.push(value(client))
    for (const [feed, figures] of values) {
      const stats = spread(figures)
      for (const stat of STATS) g.set({ feed, stat }, stats[stat])
    }
  }
  gauge(
    'reader_in_flight_bytes',
    'Bytes written and not yet taken: in sockets, kernels and browsers.',
    ['feed', 'stat'],
    g => eachFeed(g, ({ reader }) => reader.cursor.inFlightBytes),
  )
  gauge(
    'reader_data_age_seconds',
    'Age of the oldest message a reader waits for: asked about and not answered, or queued.',
    ['feed', 'stat'],
    g => {
      const now = performance.now()
      eachFeed(g, client => client.dataAgeMs(now) / 1_000)
    },
  )
  gauge(
    'in_flight_bytes',
    'Bytes in flight to all readers of the feed, besides clients that never answer.',
    ['feed'],
    g => {
      for (const feed of hub.feeds.keys()) g.set({ feed }, 0)
      for (const { reader, unconfirmed } of hub.clients) {
        if (!unconfirmed) g.inc({ feed: reader.feed.name }, reader.cursor.inFlightBytes)
      }
    },
  )
  gauge('client_window_bytes', 'How much may be in flight to a client.', ['stat'], g => {
    const sizes = [...hub.clients].map(({ window }) => window?.limit ?? Number.POSITIVE_INFINITY)
    const { p50, max } = spread(sizes)
    const stats = { min: sizes.reduce((least, size) => Math.min(least, size), max), p50, max }
    for (const stat of WINDOW_STATS) g.set({ stat }, stats[stat])
  })
  gauge('unconfirmed_clients', 'Clients that have never answered a ping: nothing is known to be taken.', [], g => {
    g.set([...hub.clients].filter(({ unconfirmed }) => unconfirmed).length)
  })
}

function ofPings(registry: Registry, counter: AddCounter, pings: Pings): void {
  counter('pings_total', 'Pings written to ask what was taken.', [], c => c.inc(pings.sent))
  counter('stray_pongs_total', 'Pongs that answer nothing that was asked: unsolicited or invented.', [], c =>
    c.inc(pings.strays),
  )
  const name = 'spillway_pong_delay_seconds'
  // prom-client's own histogram would cost each pong more than the pong; this one is counted as plain numbers.
  const histogram = {
    name,
    help: 'From a ping to its pong: what is in front of it, the way there and back, and the client.',
    type: 'histogram',
    aggregator: 'sum',
    get: async () => {
      let count = 0
      const values = pings.delays.map((n, i) => {
        count += n
        return { metricName: `${name}_bucket`, labels: { le: DELAY_BUCKETS[i] ?? '+Inf' }, value: count }
      })
      const total = (metricName: string, value: number) => ({ metricName, labels: {}, value })
      return { ...histogram, values: [...values, total(`${name}_sum`, pings.delaySum), total(`${name}_count`, count)] }
    },
  }
  registry.registerMetric(histogram as unknown as Metric)
}

type Add<M> = (name: string, help: string, labels: readonly string[], collect: (metric: M) => void) => void
type AddGauge = Add<Gauge>
type AddCounter = Add<Counter>

/** Collected anew at each scrape: what was said at the last one does not linger. */
function emptied<M extends { reset(): void }>(metric: M): M {
  metric.reset()
  return metric
}

/** Readers by state, and how far behind they are: one look at each reader for each figure. */
function perFeedReaders(gauge: AddGauge, feeds: () => Iterable<Feed>): void {
  gauge('readers', 'Cursors in the feed, by state.', ['feed', 'state'], g => {
    for (const feed of feeds()) {
      const states = { live: 0, catching: 0, blocked: 0, full: 0, sampled: 0, closed: 0 }
      for (const reader of feed.readers) states[reader.state]++
      for (const state of READER_STATES) g.set({ feed: feed.name, state }, states[state])
    }
  })
  for (const unit of ['messages', 'bytes', 'seconds'] as const) {
    gauge(`reader_queued_${unit}`, `Lag of what is not yet written, in ${unit}.`, ['feed', 'stat'], g => {
      const now = performance.now()
      for (const feed of feeds()) {
        const values = spread([...feed.readers].map(reader => feed.queued(reader, now)[unit]))
        for (const stat of STATS) g.set({ feed: feed.name, stat }, values[stat])
      }
    })
  }
}
