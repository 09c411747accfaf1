/** Overview: what goes in and comes out, and whether the source waits, runs or fails. */
import type { Section } from '../board.ts'
import { graph, levels, timeline } from '../panel.ts'
import { most, ofFeeds, perMinute, perSecond } from '../queries.ts'

export const flow: Section = {
  title: 'What goes in, what comes out',
  lines: [
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'Published, by feed',
            about:
              'Messages a second, by feed. A line that falls to 0: look at the source below, whether it waits or has failed.',
            ask: [[perSecond('feed', ofFeeds('published_messages_total')), '{{feed}}']],
            unit: 'mps',
          }),
        ],
        [
          8,
          graph({
            title: 'Delivered, by feed',
            about:
              'Messages a second that readers took, by feed: what is published times its readers, less what they were skipped.',
            ask: [[perSecond('feed', ofFeeds('delivered_messages_total')), '{{feed}}']],
            unit: 'mps',
          }),
        ],
        [
          8,
          graph({
            title: 'Delivered, in bytes',
            about:
              'Bytes of frames a second that readers took, by feed: what the network carries, besides its own headers.',
            ask: [[perSecond('feed', ofFeeds('delivered_bytes_total')), '{{feed}}']],
            unit: 'Bps',
          }),
        ],
      ],
    },
  ],
}

/** By number, from 1; over several instances the highest is shown, so the worst comes last. None of them is 0: not asked yet. */
const SOURCE_STATES = ['running', 'ended', 'restarting', 'failed'] as const

export const source: Section = {
  title: 'Is the source waiting?',
  lines: [
    {
      height: 7,
      panels: [
        [
          12,
          timeline(
            {
              title: 'Source',
              about:
                'Orange: readers, or too few of them, make the source wait. Under pause that is what was asked for, as long as it does not last: the slowest reader holds the gate, and is closed after --max-pause without progress.',
              ask: [[most('feed', ofFeeds('source_paused')), '{{feed}}']],
            },
            { 0: ['goes on', 'good'], 1: ['waits', 'bad'] },
          ),
        ],
        [
          12,
          graph({
            title: 'Time the source waited',
            about:
              'Share of the time, by feed. Near 100 % the source is as fast as the slowest reader: look who that is in "Slow clients", and whether this feed should rather skip.',
            ask: [[`max by (feed) (rate(${ofFeeds('source_paused_seconds_total')}[$__rate_interval]))`, '{{feed}}']],
            unit: 'percentunit',
            max: 1,
            levels: levels('good', [0.5, 'bad']),
          }),
        ],
      ],
    },
    {
      height: 6,
      panels: [
        [
          12,
          timeline(
            {
              title: 'State of the source',
              about:
                'What the source does. Failed: it ended with an error, which is in the log of the hub; restarting: it will be asked again.',
              ask: [
                [
                  `max by (feed) (${SOURCE_STATES.map((state, i) => `${i + 1} * ${ofFeeds('source_state', `state="${state}"`)}`).join(' or ')})`,
                  '{{feed}}',
                ],
              ],
            },
            {
              0: ['waiting', 'dull'],
              1: ['running', 'good'],
              2: ['ended', 'calm'],
              3: ['restarting', 'fair'],
              4: ['failed', 'worst'],
            },
          ),
        ],
        [
          12,
          graph({
            title: 'Trouble at the source',
            about:
              'A minute: failures, restarts, and messages that were refused because they broke a rule (too large, without a key). Each failure and the first refusals are in the log of the hub.',
            ask: [
              [perMinute('feed', ofFeeds('source_failures_total')), '{{feed}}: failed'],
              [perMinute('feed', ofFeeds('source_restarts_total')), '{{feed}}: restarted'],
              [perMinute('feed', ofFeeds('refused_messages_total')), '{{feed}}: refused a message'],
            ],
            unit: 'cpm',
          }),
        ],
      ],
    },
  ],
}
