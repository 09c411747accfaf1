/** Overview: who is behind, and what was lost, by reason; and that the account is 0. */
import type { Section } from '../board.ts'
import { BANDS, EVICTIONS } from '../palette.ts'
import { graph, levels } from '../panel.ts'
import { account, least, most, ofFeeds, perMinute, perSecond, sumOf } from '../queries.ts'

export const behind: Section = {
  title: 'Who is behind?',
  lines: [
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'Readers by how far they are behind',
            about:
              'How old the oldest message is that a reader waits for. Red is more than 30 seconds. A few are clients with a bad link; many at once are a hub, or a network, that is too slow.',
            ask: [[sumOf('band', ofFeeds('readers_by_lag')), '{{band}}']],
            unit: 'short',
            stack: 'normal',
            colours: BANDS,
          }),
        ],
        [
          8,
          graph({
            title: 'Data age, one in a hundred',
            about:
              'Of a hundred readers, one waits for data older than this; by feed. "Slow clients" has the other percentiles.',
            ask: [[most('feed', ofFeeds('reader_data_age_seconds', 'stat="p99"')), '{{feed}}']],
            unit: 's',
            levels: levels('good', [5, 'fair'], [30, 'bad']),
          }),
        ],
        [
          8,
          graph({
            title: 'Headroom',
            about:
              'How much of its limit the slowest reader has left, by feed. It falls before anything is lost: at 10 % there is still time to raise --max-lag or --capacity, or to find out who is slow.',
            ask: [[least('feed', ofFeeds('headroom_ratio')), '{{feed}}']],
            unit: 'percentunit',
            max: 1,
            levels: levels('worst', [0.1, 'bad'], [0.25, 'good']),
          }),
        ],
      ],
    },
  ],
}

export const lost: Section = {
  title: 'What was lost, and why?',
  lines: [
    {
      height: 8,
      panels: [
        [
          6,
          graph({
            title: 'Skipped',
            about:
              'Messages a second that readers passed over because they were too far behind, or asked for fewer. On a feed with pause: never.',
            ask: [[perSecond('feed', ofFeeds('skipped_messages_total')), '{{feed}}']],
            unit: 'mps',
          }),
        ],
        [
          6,
          graph({
            title: 'Gaps by reason',
            about:
              'A minute. overflow: a reader was moved to the newest message; rate: it asked for fewer; source: the source itself left a hole in its numbers.',
            ask: [[perMinute('reason', ofFeeds('gaps_total')), '{{reason}}']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
          }),
        ],
        [
          6,
          graph({
            title: 'Evictions by reason',
            about:
              'Clients closed for being slow, a minute. What each reason means and what to do is in docs/metrics.md and docs/operations.md. stall: the client is gone; lag and overrun: it is too slow for this feed.',
            ask: [[perMinute('reason', ofFeeds('evictions_total')), '{{reason}}']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
            colours: EVICTIONS,
          }),
        ],
        [
          6,
          graph({
            title: 'Left behind at the close',
            about:
              'Messages a second that were still owed to clients when they closed: undelivered were queued, unknown were in flight, and may have arrived.',
            ask: [
              [perSecond('', ofFeeds('undelivered_messages_total')), 'undelivered'],
              [perSecond('', ofFeeds('unknown_messages_total')), 'unknown'],
            ],
            unit: 'mps',
          }),
        ],
      ],
    },
    {
      height: 5,
      panels: [
        [
          24,
          graph({
            title: 'The account',
            about:
              'Published to readers, less everything that became of it. It is 0, at every scrape: anything else is a defect of Spillway, and worth a report.',
            ask: [[account('feed'), '{{feed}}']],
            unit: 'short',
            levels: levels('good', [1, 'worst']),
          }),
        ],
      ],
    },
  ],
}
