/** What goes into each feed and what comes out: its messages, its losses and why, its log, its source. */
import { DRY_RUN_REASONS } from '../../dry-run.ts'
import { EVICT_CAUSES, RESUMES, SOURCE_STATES } from '../../events.ts'
import { type Metric, metric, ofFeed, ofFeedBy } from './metric.ts'

const messages: readonly Metric[] = [
  ofFeed(
    'counter',
    'published_messages_total',
    'Messages the feed took from its source.',
    ({ feed }) => feed.log.count,
  ),
  ofFeed('counter', 'published_bytes_total', 'Bytes of the frames published.', ({ feed }) => feed.log.bytes),
  ofFeed(
    'counter',
    'reader_published_messages_total',
    'Messages published while a reader was there, over all readers.',
    ({ account }) => account.published,
  ),
  ofFeed(
    'counter',
    'delivered_messages_total',
    'Messages taken, over all readers: a pong came back from behind them.',
    ({ account }) => account.delivered,
  ),
  ofFeed(
    'counter',
    'delivered_bytes_total',
    'Bytes of frames taken, over all readers.',
    ({ account }) => account.deliveredBytes,
  ),
  ofFeed('counter', 'skipped_messages_total', 'Messages that readers passed over.', ({ account }) => account.skipped),
  ofFeed(
    'counter',
    'undelivered_messages_total',
    'Messages queued for clients when they closed.',
    ({ account }) => account.undelivered,
  ),
  ofFeed(
    'counter',
    'unknown_messages_total',
    'Messages in flight to clients when they closed.',
    ({ account }) => account.unknown,
  ),
  ofFeed(
    'gauge',
    'in_flight_messages',
    'Messages in flight to all readers of the feed, clients that never answer included.',
    ({ account }) => account.inFlight,
  ),
  ofFeed(
    'gauge',
    'in_flight_bytes',
    'Bytes in flight to all readers of the feed, besides clients that never answer.',
    ({ confirmableBytes }) => confirmableBytes,
  ),
  ofFeed('gauge', 'queued_messages', 'Messages queued for all readers of the feed.', ({ account }) => account.queued),
]

const losses: readonly Metric[] = [
  ofFeedBy('reason', 'counter', 'gaps_total', 'Gaps, by reason; source: holes that the source left.', (of, add) => {
    add(of.feed.gaps.overflow, 'overflow')
    add(of.feed.gaps.rate, 'rate')
    add(of.feed.log.holes, 'source')
  }),
  ofFeedBy('reason', 'counter', 'evictions_total', 'Clients the hub closed for being slow, by reason.', (of, add) => {
    for (const reason of EVICT_CAUSES) add(of.feed.evictions.get(reason) ?? 0, reason)
  }),
  ofFeedBy(
    'reason',
    'counter',
    'dry_run_evictions_total',
    'Readers that the limits of a dry run would have evicted, by reason; of all dry runs there were.',
    ({ feed }, add) => {
      for (const reason of DRY_RUN_REASONS) add(feed.dryRunEvictions[reason], reason)
    },
  ),
  ofFeedBy(
    'outcome',
    'counter',
    'resumes_total',
    'Clients that came back with a position, by what became of it.',
    (of, add) => {
      for (const outcome of RESUMES) add(of.feed.resumes[outcome], outcome)
    },
  ),
]

const log: readonly Metric[] = [
  ofFeed('gauge', 'log_bytes', 'Memory the log holds.', ({ feed }) => feed.log.held),
  ofFeed('gauge', 'log_capacity_bytes', 'Memory the log may hold.', ({ feed }) => feed.settings.capacity.bytes),
  ofFeed(
    'gauge',
    'pinned_bytes',
    'Memory outside the log that unfinished writes keep alive.',
    ({ feed }) => feed.log.pinned,
  ),
]

const source: readonly Metric[] = [
  metric('gauge', 'feed_info', 'What a feed is; always 1.', ['feed', 'policy', 'format'], ({ figures }, add) => {
    for (const { name, settings } of figures.feeds.keys()) add(1, name, settings.overflow, settings.format)
  }),
  ofFeedBy('state', 'gauge', 'source_state', 'What the source does: 1 for its state, 0 for the others.', (of, add) => {
    for (const state of SOURCE_STATES) add(of.feed.source.state === state ? 1 : 0, state)
  }),
  ofFeed('gauge', 'source_paused', 'Whether the source has to wait (1) or not (0).', ({ feed }) =>
    feed.demand.cause === undefined ? 0 : 1,
  ),
  ofFeed('counter', 'source_paused_seconds_total', 'How long the source has had to wait.', ({ feed }) =>
    feed.demand.pausedSeconds(performance.now()),
  ),
  ofFeed('counter', 'source_failures_total', 'Sources that ended with an error.', ({ feed }) => feed.failures),
  ofFeed('counter', 'source_restarts_total', 'How often a source was asked again.', ({ feed }) => feed.source.restarts),
  ofFeed(
    'counter',
    'refused_messages_total',
    'Messages a source gave that broke a rule.',
    ({ feed }) => feed.source.refused,
  ),
  ofFeed(
    'counter',
    'filtered_messages_total',
    'Messages a source gave that the pipeline of its feed did not pass on.',
    ({ feed }) => feed.source.filtered,
  ),
]

export const FEEDS: readonly Metric[] = [...messages, ...losses, ...log, ...source]
