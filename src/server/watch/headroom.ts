/**
 * How far a reader is from the next gap, eviction or pause: what is left between it and the limit that its policy sets. It falls
 * before anything is lost, so it is the figure to be warned by. Derived from the cursor when somebody asks.
 */
import { limited } from '../../judge.ts'
import { POLICIES } from '../../log/overflow.ts'
import type { Reader } from '../../reader.ts'

export interface Headroom {
  /** Bytes that may still be published before the limit is reached, if it takes none of them. */
  readonly bytes: number
  readonly messages: number
  readonly ms: number
  /** The share of the limit that is left, in the unit in which the least is left: 1 = all of it, 0 = it is reached. */
  readonly ratio: number
}

/** Undefined where nothing can happen to it: it is closing, or falls behind by its own wish. */
export function headroomOf(reader: Reader, now: number): Headroom | undefined {
  const { feed, state, overflow, cursor, gating } = reader
  if (state === 'closed' || state === 'sampled') return undefined
  const { log, settings } = feed
  // Whoever holds the gate is waited for at the high mark; to whom no limit applies now, only the tail can do something.
  const judged = !gating && limited(reader)
  const limits = judged ? settings.lag.max : settings.capacity
  const most = gating ? settings.highBytes : limits.bytes
  const place = gating ? cursor.confirmed : judged ? POLICIES[overflow].measured(cursor) : cursor.at
  const bytes = Math.max(0, most - (log.bytes - place.bytes))
  const messages = Math.max(0, limits.messages - (log.count - place.count))
  const age = limits.ms === Number.POSITIVE_INFINITY ? 0 : now - (log.timeAt(place) ?? now)
  const ms = Math.max(0, limits.ms - age)
  const ratio = Math.min(bytes / most, share(messages, limits.messages), share(ms, limits.ms))
  return { bytes, messages, ms, ratio }
}

const share = (left: number, limit: number) => (limit === Number.POSITIVE_INFINITY ? 1 : left / limit)
