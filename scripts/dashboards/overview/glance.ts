/** Overview, the top: the hub in eight numbers, and each feed in a line. */
import type { Section } from '../board.ts'
import { levels, stat } from '../panel.ts'
import { deliveredShare, inAll, least, most, ofFeeds, ofHub, perSecond, sumOf } from '../queries.ts'
import { table } from '../table.ts'

export const glance: Section = {
  title: 'At a glance',
  lines: [
    {
      height: 4,
      panels: [
        [
          3,
          stat({
            title: 'Alerts',
            about:
              'Alerts of Spillway that fire now, on every hub this Prometheus looks at. Each has a page of what to do: see Alerting in the menu.',
            ask: [['count (ALERTS{alertname=~"Spillway.*", alertstate="firing"}) or vector(0)', 'firing']],
            unit: 'short',
            levels: levels('good', [1, 'worst']),
          }),
        ],
        [
          3,
          stat({
            title: 'Clients',
            about:
              'Sockets the hub serves. How many it takes is --max-clients; beyond that newcomers are refused with 4503.',
            ask: [[sumOf('', ofHub('clients')), 'clients']],
            unit: 'short',
            levels: levels('calm'),
          }),
        ],
        [
          3,
          stat({
            title: 'Published',
            about:
              'Messages a second that feeds took from their sources. 0 on a feed that should flow: its source is silent, or has to wait.',
            ask: [[perSecond('', ofFeeds('published_messages_total')), 'published']],
            unit: 'mps',
            levels: levels('calm'),
          }),
        ],
        [
          3,
          stat({
            title: 'Delivered',
            about:
              'Messages a second that clients took: a pong came back from behind them. Of clients that never answer nothing counts.',
            ask: [[perSecond('', ofFeeds('delivered_messages_total')), 'delivered']],
            unit: 'mps',
            levels: levels('calm'),
          }),
        ],
        [
          3,
          stat({
            title: 'Of what was published to readers',
            about:
              'The share that readers took. Below 1 for long: some are skipped, evicted or behind. Just after a pause it may pass 1, while they catch up.',
            ask: [[deliveredShare(''), 'taken']],
            unit: 'percentunit',
            decimals: 1,
            min: 0,
            max: 1,
            levels: levels('worst', [0.5, 'bad'], [0.9, 'fair'], [0.99, 'good']),
          }),
        ],
        [
          3,
          stat({
            title: 'Oldest data',
            about:
              'Age of the oldest message that any reader waits for: the one who is furthest behind. Its feed is in the table below.',
            ask: [[most('', ofFeeds('reader_data_age_seconds', 'stat="max"')), 'oldest']],
            unit: 's',
            levels: levels('good', [5, 'fair'], [30, 'bad']),
          }),
        ],
        [
          3,
          stat({
            title: 'Least headroom',
            about:
              'How much of its limit the reader who is furthest behind has left, at the worst feed. At 0 % its policy acts: the source waits, the reader skips, or is closed.',
            ask: [[least('', ofFeeds('headroom_ratio')), 'left']],
            unit: 'percentunit',
            min: 0,
            max: 1,
            levels: levels('worst', [0.1, 'bad'], [0.25, 'good']),
          }),
        ],
        [
          3,
          stat({
            title: 'Evicted',
            about:
              'Clients that were closed for being slow, in the time that is shown. Why, is in "What was lost, and why".',
            ask: [[inAll('', ofFeeds('evictions_total')), 'evicted']],
            once: true,
            unit: 'short',
            decimals: 0,
            levels: levels('good', [1, 'fair'], [100, 'bad']),
          }),
        ],
      ],
    },
    {
      height: 8,
      panels: [
        [
          24,
          table({
            title: 'Feeds',
            about: 'Each feed as it is now. A click on its name shows its slow clients.',
            row: 'feed',
            besides: ['policy'],
            link: {
              title: 'Slow clients of this feed',
              url: `/d/spillway-slow-clients?\${datasource:queryparam}&\${instance:queryparam}&var-feed=\${__data.fields.feed}&\${__url_time_range}`,
            },
            sortedBy: 'Oldest data',
            columns: [
              {
                name: 'Readers',
                ask: `sum by (feed, policy) (sum by (instance, feed) (${ofFeeds('readers')}) * on (instance, feed) group_left (policy) ${ofFeeds('feed_info')})`,
                unit: 'short',
              },
              { name: 'Published', ask: perSecond('feed', ofFeeds('published_messages_total')), unit: 'mps' },
              { name: 'Delivered', ask: perSecond('feed', ofFeeds('delivered_messages_total')), unit: 'mps' },
              {
                name: 'Oldest data',
                ask: most('feed', ofFeeds('reader_data_age_seconds', 'stat="max"')),
                unit: 's',
                levels: levels('good', [5, 'fair'], [30, 'bad']),
              },
              {
                name: 'Headroom',
                ask: least('feed', ofFeeds('headroom_ratio')),
                unit: 'percentunit',
                levels: levels('worst', [0.1, 'bad'], [0.25, 'good']),
              },
              {
                name: 'Source waits',
                ask: `max by (feed) (rate(${ofFeeds('source_paused_seconds_total')}[$__rate_interval]))`,
                unit: 'percentunit',
                levels: levels('good', [0.1, 'fair'], [0.5, 'bad']),
              },
              { name: 'Skipped', ask: perSecond('feed', ofFeeds('skipped_messages_total')), unit: 'mps' },
              {
                name: 'Evicted',
                ask: inAll('feed', ofFeeds('evictions_total')),
                unit: 'short',
                levels: levels('good', [1, 'fair']),
              },
              { name: 'Log', ask: sumOf('feed', ofFeeds('log_bytes')), unit: 'bytes' },
            ],
          }),
        ],
      ],
    },
  ],
}
