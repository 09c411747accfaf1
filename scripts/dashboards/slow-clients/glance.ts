/** Slow clients, the top: how bad it is, in six numbers. */
import type { Section } from '../board.ts'
import { levels, stat } from '../panel.ts'
import { inAll, least, most, ofFeeds, ofHub, sumOf } from '../queries.ts'

export const glance: Section = {
  title: 'At a glance',
  lines: [
    {
      height: 4,
      panels: [
        [
          4,
          stat({
            title: 'Behind by more than 5 s',
            about: 'Readers whose oldest data is older than five seconds.',
            ask: [[sumOf('', ofFeeds('readers_by_lag', 'band=~"30s|more"')), 'readers']],
            unit: 'short',
            levels: levels('good', [1, 'fair'], [100, 'bad']),
          }),
        ],
        [
          4,
          stat({
            title: 'Oldest data',
            about: 'Age of the oldest message that any reader waits for.',
            ask: [[most('', ofFeeds('reader_data_age_seconds', 'stat="max"')), 'oldest']],
            unit: 's',
            levels: levels('good', [5, 'fair'], [30, 'bad']),
          }),
        ],
        [
          4,
          stat({
            title: 'Least headroom',
            about: 'How many bytes the slowest reader is from its limit. At 0 its policy acts.',
            ask: [[least('', ofFeeds('headroom_bytes')), 'left']],
            unit: 'bytes',
            levels: levels('worst', [1, 'calm']),
          }),
        ],
        [
          4,
          stat({
            title: 'Never answered',
            about:
              'Clients that have never answered a ping. They may read all they get, but nothing of it is confirmed; together they get a small share of what may be in flight.',
            ask: [[sumOf('', ofHub('unconfirmed_clients')), 'unconfirmed']],
            unit: 'short',
            levels: levels('good', [1, 'fair']),
          }),
        ],
        [
          4,
          stat({
            title: 'In flight, of its bound',
            about: 'At 100 % (--max-in-flight) windows shrink, the biggest first, and slow clients get slower.',
            ask: [[`${sumOf('', ofHub('in_flight_bytes'))} / ${sumOf('', ofHub('in_flight_bound_bytes'))}`, 'used']],
            unit: 'percentunit',
            decimals: 1,
            min: 0,
            max: 1,
            levels: levels('good', [0.5, 'fair'], [0.9, 'bad']),
          }),
        ],
        [
          4,
          stat({
            title: 'Evicted',
            about: 'Clients that were closed for being slow, in the time that is shown.',
            ask: [[inAll('', ofFeeds('evictions_total')), 'evicted']],
            once: true,
            unit: 'short',
            decimals: 0,
            levels: levels('good', [1, 'fair'], [100, 'bad']),
          }),
        ],
      ],
    },
  ],
}
