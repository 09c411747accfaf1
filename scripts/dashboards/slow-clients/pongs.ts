/** Slow clients: what pongs say of their links. */
import type { Section } from '../board.ts'
import { SPREAD } from '../palette.ts'
import { graph, heatmap, levels } from '../panel.ts'
import { mean, ofHub, perSecond, quantile } from '../queries.ts'

export const pongs: Section = {
  title: 'What do pongs say?',
  lines: [
    {
      height: 9,
      panels: [
        [
          16,
          heatmap({
            title: 'Pong delay',
            about:
              'From a ping to its pong: what is in front of it, the way there and back, and the client. A dark stripe at the bottom is everybody; one far above is a class of slow links, or pages that are busy.',
            ask: [[`sum by (le) (increase(${ofHub('pong_delay_seconds_bucket')}[$__rate_interval]))`, '{{le}}']],
            unit: 's',
          }),
        ],
        [
          8,
          graph({
            title: 'Pings, and pongs that answer nothing',
            about:
              'A second. Stray pongs are unsolicited or invented: some libraries send them to keep a link open; many are somebody who lies.',
            ask: [
              [perSecond('', ofHub('pings_total')), 'pings'],
              [perSecond('', ofHub('stray_pongs_total')), 'stray pongs'],
            ],
            unit: 'cps',
          }),
        ],
      ],
    },
    {
      height: 7,
      panels: [
        [
          12,
          graph({
            title: 'Pong delay, percentiles',
            about:
              'The same, as figures: where the median rises it is the network or the hub, where only p99 does it is some clients.',
            ask: [
              [quantile(0.5, 'pong_delay_seconds'), 'p50'],
              [quantile(0.9, 'pong_delay_seconds'), 'p90'],
              [quantile(0.99, 'pong_delay_seconds'), 'p99'],
            ],
            unit: 's',
            levels: levels('good', [1, 'fair'], [5, 'bad']),
            colours: SPREAD,
          }),
        ],
        [
          12,
          graph({
            title: 'Messages in a write',
            about:
              'On the average. It rises with load, which is why a write costs little then; near 1 each message is a write of its own to each client.',
            ask: [[mean('write_messages'), 'mean']],
            unit: 'short',
          }),
        ],
      ],
    },
  ],
}
