/** Slow clients, the end: what the policies did, how clients went, and whether they came back. */
import type { Section } from '../board.ts'
import { EVICTIONS } from '../palette.ts'
import { graph } from '../panel.ts'
import { ofFeeds, ofHub, perMinute, perSecond } from '../queries.ts'

export const acts: Section = {
  title: 'What did the hub do about it?',
  lines: [
    {
      height: 8,
      panels: [
        [
          6,
          graph({
            title: 'Evictions by reason',
            about:
              'Clients a minute. lag, soft-lag, overrun: too slow for the feed; pause, gate-rate: they held up everybody; stall: gone without a word; pinned: a write that never ends; operator: somebody closed them by hand.',
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
            title: 'Gaps by reason',
            about: 'A minute: how often readers were moved on, and why.',
            ask: [[perMinute('reason', ofFeeds('gaps_total')), '{{reason}}']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
          }),
        ],
        [
          6,
          graph({
            title: 'Skipped, by feed',
            about: 'Messages a second that readers passed over.',
            ask: [[perSecond('feed', ofFeeds('skipped_messages_total')), '{{feed}}']],
            unit: 'mps',
          }),
        ],
        [
          6,
          graph({
            title: 'Dry run: who would have been evicted',
            about:
              'Clients a minute that a policy on trial would have closed, by reason. It stays at 0 while no dry run is on (admin API: PUT /feeds/NAME/dry-run).',
            ask: [[perMinute('reason', ofFeeds('dry_run_evictions_total')), '{{reason}}']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
            colours: EVICTIONS,
          }),
        ],
      ],
    },
  ],
}

export const gone: Section = {
  title: 'How did they go, and did they come back?',
  lines: [
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'How closing went',
            about:
              'Clients a minute. clean: the close frame was answered; terminated: it was not within --evict-grace, or the connection was lost.',
            ask: [[perMinute('outcome', ofHub('close_outcomes_total')), '{{outcome}}']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
          }),
        ],
        [
          8,
          graph({
            title: 'What they were still owed',
            about: 'Messages a second that were queued (undelivered) or in flight (unknown) when clients closed.',
            ask: [
              [perSecond('', ofFeeds('undelivered_messages_total')), 'undelivered'],
              [perSecond('', ofFeeds('unknown_messages_total')), 'unknown'],
            ],
            unit: 'mps',
          }),
        ],
        [
          8,
          graph({
            title: 'Resumes by outcome',
            about:
              'Clients a minute that came back with a position, and whether it was still there. Many that find it gone: a larger --capacity would have spared them a gap.',
            ask: [[perMinute('outcome', ofFeeds('resumes_total')), '{{outcome}}']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
          }),
        ],
      ],
    },
  ],
}
