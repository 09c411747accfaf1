/**
 * Spillway as a library.
 *
 *     import { attach, Hub } from 'spillway'
 *
 *     const hub = new Hub()
 *     hub.feed('prices', { source: prices$ }) // an AsyncIterable, a Readable, an Observable, …
 *     attach(hub, server)                     // ws://…/feeds/prices
 */
export type { ReaderInfo } from './clients/info.ts'
export type { Configuration, FeedConfiguration, SourceText } from './config/define.ts'
export { ERRORS, type ErrorCode, SpillwayError } from './errors.ts'
export type {
  ClientInfo,
  EvictCause,
  Figures,
  HubEvent,
  Initiator,
  Outcome,
  PauseCause,
  SourceState,
} from './events.ts'
export type { Ending, Feed } from './feed.ts'
export { Hub } from './hub.ts'
export type { Limit, LimitChanges, Limits } from './limits.ts'
export type { Account } from './log/cursor.ts'
export type { Payload } from './log/frame.ts'
export type { Overflow } from './log/overflow.ts'
export type { MemoryBound } from './memory.ts'
export type { Message } from './message.ts'
export type { Amount, FeedOptions, HubOptions, LogFields, Logger } from './options.ts'
export { CLOSE, type CloseCode } from './protocol.ts'
export { type Administering, type AdminOptions, serveAdmin } from './server/admin/admin.ts'
export type { Origin, OriginPart } from './server/admin/configuration.ts'
export { type AttachOptions, attach, type ServeOptions, type Serving, serve } from './server/server.ts'
export { type ExecOptions, exec } from './sources/exec.ts'
export { type FollowOptions, follow } from './sources/follow.ts'
export { type HostOptions, host } from './sources/host.ts'
export type { SourceOptions } from './sources/options.ts'
export { chunks, lines } from './sources/readable.ts'
export { type ReplayOptions, replay } from './sources/replay.ts'
export type { RestartOptions } from './sources/restart.ts'
export type { Item, Opening, Source, SourceFunction, SourceLike } from './sources/source.ts'
export type { NamedOperator, NamedStage, Operator, Stage } from './sources/stages.ts'
export { type TickerOptions, ticker } from './sources/ticker.ts'
export type { SourceStatus } from './supply.ts'
export type { WritableOptions } from './writable.ts'
