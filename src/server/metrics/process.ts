/**
 * The process: what it is, what its memory may come to and is, and of Node's own figures those that say something about a hub.
 * Left out are those that promtool objects to (gauges named `…_total`); those that are nonsense until the event loop has been measured
 * for a while (its mean and least); and those whose collection costs a look at every socket.
 */
import { VERSION } from '../version.ts'
import { type Metric, metric, ofHub } from './metric.ts'

export const PROCESS: readonly Metric[] = [
  metric('gauge', 'build_info', 'What runs here; always 1.', ['version', 'node'], (_, add) =>
    add(1, VERSION, process.versions.node),
  ),
  metric(
    'gauge',
    'memory_bound_bytes',
    'What the memory of the process can come to, by part; printed at start.',
    ['part'],
    ({ hub }, add) => {
      const { process: base, logs, clients, pinned } = hub.memoryBound()
      for (const [part, bytes] of Object.entries({ process: base, logs, clients, pinned })) add(bytes, part)
    },
  ),
  ofHub('gauge', 'memory_used_bytes', 'Resident memory of the process.', () => process.memoryUsage.rss()),
  ofHub(
    'gauge',
    'in_flight_bound_bytes',
    'What may be in flight to all clients together (maxInFlightBytes); printed at start.',
    ({ hub }) => hub.memoryBound().kernel,
  ),
  ofHub('counter', 'scrapes_total', 'Scrapes of these metrics, besides this one.', ({ own }) => own.count),
  ofHub('counter', 'scrape_seconds_total', 'How much of the event loop they took.', ({ own }) => own.seconds),
]

/** Those of prom-client's default metrics that are told, and what they say. */
export const NODE: Readonly<Record<string, string>> = {
  nodejs_eventloop_lag_seconds: 'How late the event loop is now.',
  nodejs_eventloop_lag_max_seconds:
    'Most, since the last scrape: the longest that everybody waited; this and the next include 10 ms of resolution.',
  nodejs_eventloop_lag_p50_seconds: 'Median, since the last scrape.',
  nodejs_eventloop_lag_p90_seconds: '90th percentile, since the last scrape.',
  nodejs_eventloop_lag_p99_seconds: '99th percentile, since the last scrape.',
  nodejs_gc_duration_seconds: 'Garbage collections, by kind.',
  nodejs_heap_size_total_bytes: 'Heap of the process, reserved.',
  nodejs_heap_size_used_bytes: 'Heap of the process, used.',
  nodejs_external_memory_bytes: 'Memory outside the heap that belongs to objects in it: the logs, above all.',
  nodejs_version_info: 'Version of Node.',
  process_cpu_user_seconds_total: 'CPU time in user mode.',
  process_cpu_system_seconds_total: 'CPU time in the kernel: writes to sockets, above all.',
  process_cpu_seconds_total: 'CPU time, both.',
  process_start_time_seconds: 'When the process began, in seconds since the Unix epoch.',
  process_resident_memory_bytes:
    'The same as `spillway_memory_used_bytes`, under the name that common dashboards know.',
  process_virtual_memory_bytes: 'Virtual memory (Linux).',
  process_heap_bytes: 'Data segment of the process (Linux).',
  process_open_fds: 'Open file descriptors: one for each client, and some (Linux).',
  process_max_fds: 'How many there may be (`ulimit -n`; Linux).',
}
