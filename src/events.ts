/**
 * What a hub tells those who listen to `hub.events$`. Types only; the floor below everything that reports. Events are made
 * where things happen, queued, and delivered outside the flush: an observer can be slow or throw, and no reader notices.
 */
import type { Account } from './log/cursor.ts'
import type { Overflow } from './log/overflow.ts'

/** Why the hub closed a client for being slow; `operator`: because somebody told it to. */
export type EvictCause = 'lag' | 'soft-lag' | 'overrun' | 'pause' | 'gate-rate' | 'stall' | 'pinned' | 'operator'
export const EVICT_CAUSES: readonly EvictCause[] = [
  'lag',
  'soft-lag',
  'overrun',
  'pause',
  'gate-rate',
  'stall',
  'pinned',
  'operator',
]

/** Why the source of a feed has to wait. */
export type PauseCause = 'gate' | 'pace' | 'min-clients'

/** What a feed's source does: not asked yet; asked; asked again after a delay; over, with an error or without. */
export type SourceState = 'waiting' | 'running' | 'restarting' | 'ended' | 'failed'
export const SOURCE_STATES: readonly SourceState[] = ['waiting', 'running', 'restarting', 'ended', 'failed']

/** A client as operators know it. */
export interface ClientInfo {
  /** Unique in the life of the hub. */
  readonly id: number
  readonly address: string
  /** The label given with `?name=`, or empty. */
  readonly name: string
  /** The User-Agent header, shortened, or empty. */
  readonly agent: string
  /** Milliseconds since the Unix epoch. */
  readonly since: number
}

/** Why a reader passed over messages. A hole that the source left is a gap of the log, not of a reader. */
export type GapReason = 'overflow' | 'rate'

/** What became of a client that came back with a position. */
export const RESUMES = ['resumed', 'trimmed', 'other-epoch', 'ahead'] as const
export type ResumeOutcome = (typeof RESUMES)[number]

/** How a client's close went: the peer answered the close frame, or the socket was ended without. */
export type Outcome = 'clean' | 'terminated'

/** Who closed a client: the hub, the client, or nobody (the connection was lost). */
export type Initiator = 'hub' | 'client' | 'network'
/** Everything needed to judge an eviction, as it was when the client was judged: the close changes most of it. */
export interface Figures {
  readonly overflow: Overflow
  /** As in `ReaderInfo`. */
  readonly state: string
  /** The option whose limit was passed, the limit, and what was measured; undefined where no option sets it. */
  readonly limit: Limit | undefined
  /** Head − confirmed. */
  readonly lag: Distance
  /** Head − cursor: not yet written to it. */
  readonly queued: Distance
  readonly inFlightBytes: number
  /** What might be in flight to it; undefined if the window is off. */
  readonly windowBytes: number | undefined
  /** How long its oldest ping has gone unanswered; undefined if none is out. */
  readonly oldestPingMs: number | undefined
  /** Bytes in user space that the kernel has not taken (`bufferedAmount`). */
  readonly bufferedBytes: number
  readonly connectedMs: number
}

export interface Limit {
  /** Its name in the options of feed or hub, with the unit: `maxLag.bytes`. */
  readonly option: string
  readonly value: number
  /** Undefined where only the detail of the eviction has it. */
  readonly measured: number | undefined
}

/** How far one place in a log is behind another. */
export interface Distance {
  readonly messages: number
  readonly bytes: number
  readonly seconds: number
}

export type HubEvent =
  | { readonly type: 'client-joined'; readonly client: ClientInfo; readonly feed: string; readonly position: string }
  | {
      readonly type: 'client-left'
      readonly client: ClientInfo
      readonly feed: string
      /** The close code sent or received; 1006 if the connection was lost. */
      readonly code: number
      readonly reason: string
      readonly outcome: Outcome
      readonly initiator: Initiator
      readonly overflow: Overflow
      /** Why it was evicted, if it was. */
      readonly cause: EvictCause | undefined
      readonly account: Account
    }
  | {
      readonly type: 'client-evicted'
      readonly client: ClientInfo
      readonly feed: string
      readonly cause: EvictCause
      readonly detail: string
      readonly figures: Figures
      readonly account: Account
    }
  | {
      readonly type: 'reader-overrun'
      readonly client: ClientInfo
      readonly feed: string
      /** The gap, `[from, to)` in offsets, and what was in it. */
      readonly from: number
      readonly to: number
      readonly count: number
      readonly bytes: number
    }
  | { readonly type: 'source-paused'; readonly feed: string; readonly cause: PauseCause }
  | { readonly type: 'source-resumed'; readonly feed: string; readonly pausedMs: number }
  /** It has been asked and may give messages: for the first time, or again after `restarts` restarts. */
  | { readonly type: 'source-running'; readonly feed: string; readonly restarts: number }
  | {
      readonly type: 'source-restarting'
      readonly feed: string
      /** When it is asked again, from now, in milliseconds. */
      readonly delayMs: number
      /** Why it was over. */
      readonly reason: string
    }
  | { readonly type: 'source-ended'; readonly feed: string }
  | { readonly type: 'source-failed'; readonly feed: string; readonly error: string }

export type Notify = (event: HubEvent) => void
