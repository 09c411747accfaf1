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

/** How a client's close went: the peer answered the close frame, or the socket was ended without. */
export type Outcome = 'clean' | 'terminated'

/** Who closed a client: the hub, the client, or nobody (the connection was lost). */
export type Initiator = 'hub' | 'client' | 'network'

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
