/**
 * `/metrics`: what operators see, in the Prometheus text format. Everything is counted as plain numbers on the way and
 * collected here, at scrape. Closed label sets (`feed`, `reason`, `state`, `stat`), base units, never a label per client;
 * docs/metrics.md says what each means, and a test holds the two together.
 */
import { Counter, Gauge, Registry } from 'prom-client'
import { EVICT_CAUSES } from '../events.ts'
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'
import { type Door, REFUSALS } from './admit.ts'
import { STATS, spread } from './stats.ts'

const READER_STATES = ['live', 'catching', 'blocked', 'sampled', 'closed'] as const

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
  totalPerFeed('delivered_messages_total', 'Messages taken, over all readers.', feed => feed.totals().delivered)
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
  gauge('memory_used_bytes', 'Resident memory of the process.', [], g => g.set(process.memoryUsage.rss()))
  return registry
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
      const states = { live: 0, catching: 0, blocked: 0, sampled: 0, closed: 0 }
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
