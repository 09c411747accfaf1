/**
 * A dry run: limits that a feed does not have, and who would have been evicted by them, while nobody is touched. Looks once a second at
 * readers as the judge does, with the same rules (log/overflow.ts), and counts each reader once. Owned by a feed as `feed.dryRun`;
 * the watch turns it.
 *
 * It sees what is, not what would be: the reader stays, and so is counted no second time; one that is evicted and comes back would
 * be. Who is over a limit for less than a second can be missed. What `pause` would do cannot be told: its source would wait, and
 * the lag with it.
 */
import { expected, SpillwayError } from './errors.ts'
import type { ClientInfo } from './events.ts'
import type { Feed } from './feed.ts'
import { type LimitChanges, withLimits } from './limits.ts'
import { exceeds, judge, type LagLimits, POLICIES } from './log/overflow.ts'
import type { Reader } from './reader.ts'

export const DRY_RUN_REASONS = ['lag', 'soft-lag', 'overrun', 'stall'] as const
export type DryRunReason = (typeof DRY_RUN_REASONS)[number]

/** Policies whose judgement can be told from outside. */
export const IMAGINED = ['evict', 'skip'] as const

/** What to imagine; what is left out is as the feed has it. */
export interface DryRunOptions extends Pick<LimitChanges, 'maxLag' | 'softLag' | 'softForMs'> {
  /** The policy of all its readers. @default 'evict' */
  readonly overflow?: (typeof IMAGINED)[number] | undefined
  /** @default none is evicted for it */
  readonly stallTimeoutMs?: number | undefined
}

/** A reader that would have been evicted. */
export interface Case {
  readonly client: ClientInfo
  readonly reason: DryRunReason
  /** When it would have been, in milliseconds since the Unix epoch. */
  readonly at: number
  /** The largest lag that was seen of it. */
  readonly messages: number
  readonly bytes: number
}

/** Cases that are told; they are counted all. */
const TOLD = 20
const OPTIONS = ['overflow', 'maxLag', 'softLag', 'softForMs', 'stallTimeoutMs']

interface Shadow {
  settled: boolean
  softSince: number
  /** Why and when it would have been evicted. */
  reason: DryRunReason | undefined
  at: number
  skipped: boolean
}

export class DryRun {
  /** When it began, in milliseconds since the Unix epoch. */
  readonly since = Date.now()
  readonly overflow: (typeof IMAGINED)[number]
  readonly limits: LagLimits
  readonly stallTimeoutMs: number
  /** Readers that would have been evicted, by the first reason for it. */
  readonly evictions: Record<DryRunReason, number> = { lag: 0, 'soft-lag': 0, overrun: 0, stall: 0 }
  /** Readers that would have been moved on by `skip`. */
  skipped = 0

  readonly #feed: Feed
  readonly #shadows = new WeakMap<Reader, Shadow>()
  readonly #worst: Case[] = []

  /** @throws SpillwayError `bad_option` */
  constructor(feed: Feed, { overflow = 'evict', stallTimeoutMs = 0, ...changes }: DryRunOptions = {}) {
    const refuse = (what: string, rule: string, got: unknown): never => {
      throw new SpillwayError('bad_option', expected(`${feed.name}${what}`, rule, got))
    }
    const unknown = Object.keys(changes).find(name => !OPTIONS.includes(name))
    if (unknown !== undefined) refuse('', `no option but ${OPTIONS.join(', ')}`, unknown)
    if (!IMAGINED.includes(overflow))
      refuse('.overflow', `${IMAGINED.join(' or ')}: what pause would do cannot be told`, overflow)
    if (typeof stallTimeoutMs !== 'number' || !(stallTimeoutMs >= 0))
      refuse('.stallTimeoutMs', 'a number of milliseconds, at least 0', stallTimeoutMs)
    const { settings } = feed
    this.#feed = feed
    this.overflow = overflow
    this.limits = withLimits({ ...settings, overflow }, changes, feed.name).lag
    this.stallTimeoutMs = stallTimeoutMs
  }

  /** Those with the largest lag, the largest first. */
  get worst(): readonly Case[] {
    return this.#worst.toSorted((a, b) => b.bytes - a.bytes)
  }

  /** Once a second, for each reader; `stalledMs` is for how long its client has owed an answer. */
  look(reader: Reader, stalledMs: number, now: number): void {
    let shadow = this.#shadows.get(reader)
    if (reader.state === 'closed' || (reader.state === 'live' && !reader.late && stalledMs === 0)) {
      if (shadow !== undefined) shadow.softSince = 0
      return
    }
    if (shadow === undefined) {
      shadow = { settled: false, softSince: 0, reason: undefined, at: 0, skipped: false }
      this.#shadows.set(reader, shadow)
    }
    const place = POLICIES[this.overflow].measured(reader.cursor)
    const { log } = this.#feed
    const bytes = log.bytes - place.bytes
    const messages = log.count - place.count
    if (shadow.reason !== undefined) {
      this.#note({ client: reader.sink.info, reason: shadow.reason, at: shadow.at, messages, bytes })
      return
    }
    const reason =
      this.stallTimeoutMs > 0 && stalledMs > this.stallTimeoutMs ? 'stall' : this.#judge(reader, shadow, now)
    if (reason === undefined) return
    shadow.reason = reason
    shadow.at = Date.now()
    this.evictions[reason]++
    this.#feed.dryRunEvictions[reason]++
    this.#note({ client: reader.sink.info, reason, at: shadow.at, messages, bytes })
  }

  /** As the judge of a feed, with other limits. */
  #judge(reader: Reader, shadow: Shadow, now: number): DryRunReason | undefined {
    const { log } = this.#feed
    const { cursor } = reader
    if (reader.state === 'sampled' || (reader.state === 'live' && !reader.late)) {
      shadow.softSince = 0
      return undefined
    }
    const policy = POLICIES[this.overflow]
    const place = policy.measured(cursor)
    const over = exceeds(log, place, this.limits.max, now)
    shadow.settled ||= reader.arrived || !over
    if (!shadow.settled || !exceeds(log, place, this.limits.soft, now)) shadow.softSince = 0
    else if (shadow.softSince === 0) shadow.softSince = now
    const limited = shadow.settled && !reader.waits && !(reader.held && policy.over === 'evict')
    if (!limited && !log.overran(cursor.at)) return undefined
    const verdict = judge(this.overflow, cursor, log, this.limits, shadow.softSince, now)
    if (verdict === 'skip' && !shadow.skipped) {
      shadow.skipped = true
      this.skipped++
    }
    if (verdict !== 'evict') return undefined
    return over && shadow.settled ? 'lag' : log.overran(cursor.at) ? 'overrun' : 'soft-lag'
  }

  /** Keeps the largest lag of those that are told. */
  #note(found: Case): void {
    const worst = this.#worst
    const known = worst.findIndex(({ client }) => client === found.client)
    if (known < 0 && worst.length < TOLD) {
      worst.push(found)
      return
    }
    const at = known >= 0 ? known : worst.reduce((least, { bytes }, i) => (bytes < worst[least]!.bytes ? i : least), 0)
    if (found.bytes > worst[at]!.bytes) worst[at] = found
  }
}
