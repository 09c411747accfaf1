/** Slow clients: how far they are behind, and where what they wait for is: queued in the hub, or in flight. */
import type { Section } from '../board.ts'
import { BANDS, SPREAD, STATES } from '../palette.ts'
import { graph, levels } from '../panel.ts'
import { least, most, ofFeeds, ofHub, spread, sumOf } from '../queries.ts'

export const far: Section = {
  title: 'How far behind?',
  lines: [
    {
      height: 9,
      panels: [
        [
          12,
          graph({
            title: 'Lag bands',
            about:
              'Readers by the age of their oldest data, as shares of all. A stripe of orange and red that stays is a class of clients with a link too small for this feed; one that swells is something that happens now.',
            ask: [[sumOf('band', ofFeeds('readers_by_lag')), '{{band}}']],
            unit: 'short',
            stack: 'percent',
            colours: BANDS,
          }),
        ],
        [
          12,
          graph({
            title: 'Data age',
            about:
              'Age of the oldest message a reader waits for: median, one in ten, one in a hundred, the worst; at the worst of the chosen feeds. With skip the worst stays near --max-lag-age, or what the capacity holds.',
            ask: spread('reader_data_age_seconds'),
            unit: 's',
            logarithmic: true,
            levels: levels('good', [5, 'fair'], [30, 'bad']),
            colours: SPREAD,
          }),
        ],
      ],
    },
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'Lag in bytes',
            about: 'From what is confirmed to the head of the log. Evict and pause act on this.',
            ask: spread('reader_lag_bytes'),
            unit: 'bytes',
            colours: SPREAD,
          }),
        ],
        [
          8,
          graph({
            title: 'Lag in messages',
            about: 'From what is confirmed to the head of the log.',
            ask: spread('reader_lag_messages'),
            unit: 'short',
            colours: SPREAD,
          }),
        ],
        [
          8,
          graph({
            title: 'What readers do',
            about:
              'live: at the head; catching: taking their turns; full: their window is full, a pong must come first; blocked: the socket takes nothing; sampled: they asked for fewer.',
            ask: [[sumOf('state', ofFeeds('readers')), '{{state}}']],
            unit: 'short',
            stack: 'normal',
            colours: STATES,
          }),
        ],
      ],
    },
  ],
}

export const where: Section = {
  title: 'Where is it: queued in the hub, or in flight?',
  lines: [
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'Queued',
            about:
              'Bytes not yet written to a reader. They cost no memory, and can still be skipped: skip acts on this.',
            ask: spread('reader_queued_bytes'),
            unit: 'bytes',
            colours: SPREAD,
          }),
        ],
        [
          8,
          graph({
            title: 'In flight, against the window',
            about:
              'Bytes written to a reader and not confirmed, and how much may be. In flight at the window: the link is what limits. A window of 4 KiB: the hub has found a slow link, and keeps what it sends fresh.',
            ask: [
              [most('', ofFeeds('reader_in_flight_bytes', 'stat="p50"')), 'in flight, p50'],
              [most('', ofFeeds('reader_in_flight_bytes', 'stat="p99"')), 'in flight, p99'],
              [most('', ofFeeds('reader_in_flight_bytes', 'stat="max"')), 'in flight, max'],
              [least('', ofHub('client_window_bytes', 'stat="min"')), 'window, min'],
              [most('', ofHub('client_window_bytes', 'stat="p50"')), 'window, p50'],
              [most('', ofHub('client_window_bytes', 'stat="max"')), 'window, max'],
            ],
            unit: 'bytes',
          }),
        ],
        [
          8,
          graph({
            title: 'Waiting in user space',
            about:
              'What the kernel has not taken from a client (bufferedAmount). With windows it stays near 0; what other servers watch is this, and it shows nothing until megabytes are in the kernel.',
            ask: [
              [most('', ofHub('client_buffered_bytes', 'stat="p99"')), 'p99'],
              [most('', ofHub('client_buffered_bytes', 'stat="max"')), 'max'],
            ],
            unit: 'bytes',
          }),
        ],
      ],
    },
  ],
}
