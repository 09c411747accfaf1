/**
 * Overflow: the answers to a reader that is too slow, side by side. A feed has one of them, and a list of those that its
 * readers may ask for. A policy is a rule about a cursor; it costs a healthy reader nothing, because it is asked only
 * when a cursor is over a limit (every 50 ms) or has been overrun by the tail (when it reads next).
 */
import type { Cursor } from './cursor.ts'
import type { Log, LogLimits } from './log.ts'
import type { Position } from './position.ts'

export type Verdict = 'keep' | 'skip' | 'evict'

interface Policy {
  /** Whether its readers hold the gate, so that the source waits for them. */
  readonly gates: boolean
  /** Where the limit is measured from: what is not yet written (still skippable), or what is owed: known not to be taken. */
  readonly measured: (cursor: Cursor) => Position
  /** What becomes of a reader over `maxLag`, or over `softLag` for `softForMs`. */
  readonly over: Verdict
  /** What becomes of a reader that the tail has passed. */
  readonly overrun: Verdict
}

const queued = (cursor: Cursor): Position => cursor.at
const owed = (cursor: Cursor): Position => cursor.owed

export const POLICIES = {
  /** The source waits: lossless. Only a reader that never held the gate can be overrun. */
  pause: { gates: true, measured: owed, over: 'keep', overrun: 'evict' },
  /** The reader is closed, and may resume from its position. */
  evict: { gates: false, measured: owed, over: 'evict', overrun: 'evict' },
  /** The reader jumps to the newest message; what is in flight cannot be skipped any more, so only queued lag counts. */
  skip: { gates: false, measured: queued, over: 'skip', overrun: 'skip' },
  // conflate: { gates: false, measured: queued, … } takes its place here when keyed feeds come.
} as const satisfies Record<string, Policy>

export type Overflow = keyof typeof POLICIES
export const OVERFLOWS = Object.keys(POLICIES) as readonly Overflow[]

/** How far behind a reader may be. Units as in `LogLimits`; Infinity is no limit. */
export interface LagLimits {
  readonly max: LogLimits
  readonly soft: LogLimits
  /** How long a reader may stay over `soft`, in milliseconds. */
  readonly softForMs: number
}

/** What is to become of a reader. `softSince` is when it first was over the soft limit, or 0. */
export function judge(
  overflow: Overflow,
  cursor: Cursor,
  log: Log,
  limits: LagLimits,
  softSince: number,
  now: number,
): Verdict {
  const policy: Policy = POLICIES[overflow]
  if (log.overran(cursor.at)) return policy.overrun
  if (policy.over === 'keep') return 'keep'
  if (exceeds(log, policy.measured(cursor), limits.max, now)) return policy.over
  return softSince > 0 && now - softSince >= limits.softForMs ? policy.over : 'keep'
}

/** Whether what lies between a place and the head is more than the limits allow. */
export function exceeds(log: Log, place: Position, limits: LogLimits, now: number): boolean {
  if (log.bytes - place.bytes > limits.bytes || log.count - place.count > limits.messages) return true
  return limits.ms !== Number.POSITIVE_INFINITY && now - (log.timeAt(place) ?? now) > limits.ms
}
