/**
 * What the memory of a hub can come to, added up from what bounds each part. Printed at start, exported as a metric, held by
 * the log's trimming, by `maxClients`, and by the ceiling over pinned bytes. What is in flight is in the kernels, and bounded by the
 * windows: a line of its own.
 */
import { logSlackBytes, pinnableBytes, SLICE_BYTES } from './log/sizes.ts'
import type { FeedSettings, HubSettings } from './options.ts'

const MIB = 1024 * 1024
/** Everything a Node process with a hub takes before the first client, and room for its heap to breathe (measured: see docs/decisions.md). */
const PROCESS_BASE_BYTES = 128 * MIB
/** User-space memory of one idle client: socket, parser, ws, reader (measured: see docs/decisions.md). */
export const IDLE_CLIENT_BYTES = 16 * 1024

/** What a hub's memory is made of, in bytes. The sum is the bound that is printed at start and exported. */
export interface MemoryBound {
  readonly process: number
  readonly logs: number
  readonly clients: number
  /** What unfinished writes may keep alive outside the logs: a slice for each client, and what a log lets them pin before it copies. */
  readonly pinned: number
  readonly total: number
  /**
   * What may be in flight to all clients, in kernels here and on the way: not a part of the total. Infinity if nothing bounds it. A
   * message that is larger than a client's window goes alone, and beyond this.
   */
  readonly kernel: number
}

export function memoryBound(feeds: readonly FeedSettings[], hub: HubSettings): MemoryBound {
  const { maxClients } = hub
  let logs = 0
  let pinned = maxClients * SLICE_BYTES
  for (const { capacity, maxMessageBytes } of feeds) {
    logs += capacity.bytes + logSlackBytes(capacity.bytes) + maxMessageBytes
    pinned += pinnableBytes(capacity.bytes, maxClients)
  }
  const clients = maxClients * IDLE_CLIENT_BYTES
  const total = PROCESS_BASE_BYTES + logs + clients + pinned
  return { process: PROCESS_BASE_BYTES, logs, clients, pinned, total, kernel: kernelBound(hub) }
}

function kernelBound({ targetDelayMs, maxClients, maxWindowBytes, maxInFlightBytes }: HubSettings): number {
  if (targetDelayMs === 0) return Number.POSITIVE_INFINITY
  return Math.min(maxInFlightBytes === 0 ? Number.POSITIVE_INFINITY : maxInFlightBytes, maxClients * maxWindowBytes)
}
