/** How large the parts of a log are, and what it can take besides its capacity. Numbers only; the log and the printed bound go by them. */

/** Largest run handed out at once, unless one message is larger. */
export const SLICE_BYTES = 32 * 1024

const MIN_SEGMENT_BYTES = 4 * 1024
const MAX_SEGMENT_BYTES = 256 * 1024
export const POOL_SEGMENTS = 2

/** How much memory a log of this capacity can take besides it: the open segment and the pool. */
export function logSlackBytes(capacityBytes: number): number {
  return (1 + POOL_SEGMENTS) * segmentBytesFor(capacityBytes)
}

/**
 * How much unfinished writes of so many clients can keep alive outside the log before runs are handed out as copies: the
 * allowance, and segments that were pinned while they were still a part of the log.
 */
export function pinnableBytes(capacityBytes: number, clients: number): number {
  const segment = segmentBytesFor(capacityBytes)
  return pinAllowanceFor(capacityBytes) + Math.min(capacityBytes + segment, clients * segment)
}

/** Bytes of a segment in a log of this capacity. */
export function segmentBytesFor(capacityBytes: number): number {
  return Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, Math.floor(capacityBytes / 8)))
}

/** What may be pinned of it before its runs are handed out as copies. */
export function pinAllowanceFor(capacityBytes: number): number {
  return Math.floor(capacityBytes / 4)
}
