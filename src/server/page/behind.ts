/**
 * How old a message is, by the `time` (ms since 1970) it begins with, as the ticker's and many a feed's do. Where hub and browser
 * are one machine that is all; elsewhere their clocks differ, so ages are counted from the quickest message so far. Pure but
 * for the clock; used by the readers of the demonstration.
 */

/** Only the beginning is searched: a message may be large, and they are many. */
const BEGINNING = 80
const DAY_MS = 86_400_000

const LOOPBACK = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\]|.*\.localhost)$/

/** Whether the hub's clock is this machine's. */
export const SAME_CLOCK = LOOPBACK.test(location.hostname)

/** The time in a message; undefined if it tells none, or one that cannot be when it was published. */
export function timeIn(payload: string | ArrayBuffer | Uint8Array): number | undefined {
  if (typeof payload !== 'string') return undefined
  const found = /"(?:time|timestamp|ts|at)"\s*:\s*(\d{13})\b/.exec(payload.slice(0, BEGINNING))
  const time = Number(found?.[1])
  return Math.abs(Date.now() - time) < DAY_MS ? time : undefined
}

let quickestMs = Number.POSITIVE_INFINITY

/** Notes a message that came as fast as it could. */
export function noteQuick(time: number): void {
  quickestMs = Math.min(quickestMs, Date.now() - time)
}

/** How old a message of this time is now, in milliseconds. */
export function behindMs(time: number): number {
  const ms = Date.now() - time
  return Math.max(0, SAME_CLOCK ? ms : ms - (Number.isFinite(quickestMs) ? quickestMs : ms))
}
