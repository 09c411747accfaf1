/** Overview, the end: who comes and goes, and the machine below. */
import type { Section } from '../board.ts'
import { graph, levels } from '../panel.ts'
import { hub, most, ofFeeds, ofHub, perMinute, quantile, sumOf } from '../queries.ts'

export const doors: Section = {
  title: 'Who comes, and who goes?',
  lines: [
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'Clients over time',
            about:
              'Sockets the hub serves; and those that have never answered a ping, of which nothing is known to be taken.',
            ask: [
              [sumOf('', ofHub('clients')), 'clients'],
              [sumOf('', ofHub('unconfirmed_clients')), 'unconfirmed'],
            ],
            unit: 'short',
          }),
        ],
        [
          8,
          graph({
            title: 'Closed, by code',
            about:
              'Clients a minute, by close code and by who closed. 1000, 1001, 1005: they went; 1006: the network; 1012: the hub was stopped; 4408, 4409: too slow. Many at once that come back are churn: docs/operations.md.',
            ask: [[perMinute('code, initiator', ofHub('closed_clients_total')), '{{code}} ({{initiator}})']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
          }),
        ],
        [
          8,
          graph({
            title: 'Not let in, by reason',
            about:
              'Newcomers a minute, by close code. 4404: no such feed; 4410: their position is gone; 4503: the hub is full; 1012: it is closing.',
            ask: [[perMinute('code, reason', ofHub('refused_clients_total')), '{{reason}} ({{code}})']],
            unit: 'cpm',
            bars: true,
            stack: 'normal',
          }),
        ],
      ],
    },
  ],
}

export const machine: Section = {
  title: 'The machine',
  lines: [
    {
      height: 8,
      panels: [
        [
          8,
          graph({
            title: 'Memory, and its bound',
            about:
              'What the process holds, and what it can come to: the bound that the hub printed when it started. If they meet, something holds memory that should not, or the bound is wrong: report it.',
            ask: [
              [sumOf('instance', ofHub('memory_used_bytes')), '{{instance}}: used'],
              [sumOf('instance', ofHub('memory_bound_bytes')), '{{instance}}: bound'],
            ],
            unit: 'bytes',
          }),
        ],
        [
          8,
          graph({
            title: 'In flight, and its bound',
            about:
              'Bytes in sockets, kernels and browsers, of all clients that answer; this is kernel memory. At the bound (--max-in-flight) the largest windows shrink first.',
            ask: [
              [sumOf('', ofHub('in_flight_bytes')), 'in flight'],
              [sumOf('', ofHub('in_flight_bound_bytes')), 'bound'],
            ],
            unit: 'bytes',
          }),
        ],
        [
          8,
          graph({
            title: 'Logs, and their capacity',
            about:
              'What the logs of the feeds keep. They fill once, and then stay at their capacity: that is as it should be.',
            ask: [
              [sumOf('', ofFeeds('log_bytes')), 'held'],
              [sumOf('', ofFeeds('log_capacity_bytes')), 'capacity'],
              [sumOf('', ofFeeds('pinned_bytes')), 'pinned by writes'],
            ],
            unit: 'bytes',
          }),
        ],
      ],
    },
    {
      height: 8,
      panels: [
        [
          6,
          graph({
            title: 'Event loop',
            about:
              'How late the event loop is, 10 ms of resolution included. Everything waits for it: above 100 ms the hub does too much on one core. Fewer clients, larger batches, or a second hub.',
            ask: [
              [most('', `nodejs_eventloop_lag_p50_seconds{${hub('')}}`), 'p50'],
              [most('', `nodejs_eventloop_lag_p99_seconds{${hub('')}}`), 'p99'],
            ],
            unit: 's',
            levels: levels('good', [0.1, 'bad']),
          }),
        ],
        [
          6,
          graph({
            title: 'From publishing to the socket',
            about:
              'How long a message waits in the hub before it is written to a reader that keeps up (sampled), and how long a flush takes.',
            ask: [
              [quantile(0.5, 'publish_to_write_seconds'), 'publish to write, p50'],
              [quantile(0.99, 'publish_to_write_seconds'), 'publish to write, p99'],
              [quantile(0.99, 'flush_duration_seconds'), 'flush, p99'],
            ],
            unit: 's',
          }),
        ],
        [
          6,
          graph({
            title: 'Where the time of the core goes',
            about:
              'The hub works on one core. cpu is what the process uses of it, near 100 % it is at its limit, whatever the machine has; writing to clients (flush), garbage collection and scrapes are parts of that.',
            ask: [
              [most('', `rate(process_cpu_seconds_total{${hub('')}}[$__rate_interval])`), 'cpu'],
              [most('', `rate(${ofHub('flush_duration_seconds_sum')}[$__rate_interval])`), 'flush'],
              [
                `max (sum by (instance) (rate(nodejs_gc_duration_seconds_sum{${hub('')}}[$__rate_interval])))`,
                'garbage collection',
              ],
              [most('', `rate(${ofHub('scrape_seconds_total')}[$__rate_interval])`), 'scrapes'],
            ],
            unit: 'percentunit',
            levels: levels('good', [0.9, 'bad']),
          }),
        ],
        [
          6,
          graph({
            title: 'Room for more',
            about:
              'Of the clients the hub takes (--max-clients) and of the descriptors its process may open (ulimit -n), the share that is taken. At 100 % of either nobody gets in; with no descriptor left, files do not open either.',
            ask: [
              [most('', `${ofHub('clients')} / ${ofHub('max_clients')}`), 'clients'],
              [most('', `process_open_fds{${hub('')}} / process_max_fds{${hub('')}}`), 'descriptors'],
            ],
            unit: 'percentunit',
            max: 1,
            levels: levels('good', [0.8, 'bad']),
          }),
        ],
      ],
    },
  ],
}
