/**
 * The limits of a feed that may be changed while readers are there, and what they are then. What holds at the start holds here: a
 * change is laid over what there is and goes through the same rules, as a whole, before anything is changed. What cannot be
 * changed is what memory, the wire or a promise to readers depends on: capacity, format, policies. Called by feed and by the dry run.
 */
import { expected, SpillwayError } from './errors.ts'
import type { LagLimits } from './log/overflow.ts'
import { type Amount, type FeedOptions, type FeedSettings, feedSettings } from './options.ts'

export const LIMITS = [
  'maxLag',
  'softLag',
  'softForMs',
  'highMark',
  'lowMark',
  'maxPauseMs',
  'minGateBytesPerSec',
] as const

export type Limit = (typeof LIMITS)[number]
export type Limits = Pick<FeedOptions, Limit>
/**
 * What is to be other than it is; null is the default again. Of an amount only the units that are given change, null is no limit in
 * that unit; a number is its bytes (as in JSON merge patches, RFC 7396).
 */
export type LimitChanges = { readonly [K in Limit]?: Changed<Limits[K]> | null | undefined }
type Changed<T> = T extends number ? T : T extends object ? { readonly [K in keyof T]: T[K] | null } : T

/** The limits that hold; what is no limit is left out. */
export function limitsOf({ lag, highMark, lowMark, maxPauseMs, minGateBytesPerSec }: FeedSettings): Limits {
  return { ...lagLimitsOf(lag), highMark, lowMark, maxPauseMs, minGateBytesPerSec }
}

/** Those on lag. */
export function lagLimitsOf({ max, soft, softForMs }: LagLimits): Pick<Limits, 'maxLag' | 'softLag' | 'softForMs'> {
  const softLag = finite(soft)
  return { maxLag: finite(max), ...(Object.keys(softLag).length === 0 ? {} : { softLag, softForMs }) }
}

/** The settings with some limits changed. @throws SpillwayError `bad_option`, with the rule that the whole would break */
export function withLimits(settings: FeedSettings, changes: LimitChanges, what: string): FeedSettings {
  const limits: Record<string, unknown> = { ...limitsOf(settings) }
  for (const [name, value] of Object.entries(changes)) {
    if (!LIMITS.includes(name as Limit))
      throw new SpillwayError('bad_option', expected(what, `no limit but ${LIMITS.join(', ')}`, name))
    const changed = merged(limits[name], value)
    if (changed === undefined) delete limits[name]
    else limits[name] = changed
  }
  // Without a soft limit there is nothing to be patient with, so its patience goes with it.
  if (limits['softLag'] === undefined && changes.softForMs === undefined) delete limits['softForMs']
  const { format, overflow, allow, capacity, maxMessageBytes, minClients, epoch } = settings
  const kept = { format, overflow, allow, maxMessageBytes, minClients, ...(epoch === undefined ? {} : { epoch }) }
  return feedSettings({ ...kept, capacity: finite(capacity), ...(limits as Limits) }, what)
}

function merged(before: unknown, value: unknown): unknown {
  if (value === null || value === undefined) return value === null ? undefined : before
  if (typeof value !== 'object' || Array.isArray(value)) return value
  const whole = { ...(before as object | undefined), ...value }
  const units = Object.entries(whole).filter(([, amount]) => amount !== null)
  return units.length === 0 ? undefined : Object.fromEntries(units)
}

/** As options have it, where what is left out is no limit. */
function finite(amount: Readonly<Record<'bytes' | 'messages' | 'ms', number>>): Exclude<Amount, number> {
  return Object.fromEntries(Object.entries(amount).filter(([, value]) => value !== Number.POSITIVE_INFINITY))
}
