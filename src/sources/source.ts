/**
 * What a source is: an AsyncIterable of messages. Not calling `next()` is the demand signal, so a source of this kind waits
 * by nature. One that follows a clock or pushes (a ticker, an Observable) cannot, and says so with `canWait: false`: then a
 * feed with `overflow: pause` is a configuration error. A function that gives a source can be asked again: it can be restarted.
 */
import { isObservable, type Observable } from 'rxjs'
import { expected, SpillwayError } from '../errors.ts'
import type { Item } from '../message.ts'
import type { Logger } from '../options.ts'
import type { RestartOptions } from './restart.ts'

export { type Item, toMessage } from '../message.ts'

export interface Source extends AsyncIterable<Item> {
  /** Whether it holds when nobody asks for more. @default true */
  readonly canWait?: boolean
  /** Name of this life of its numbering, if it numbers its messages. */
  readonly epoch?: string
}

/** A source that has begun, or can. A Readable of bytes gives a message a line, or chunks on a binary feed. */
export type Opened = Source | NodeJS.ReadableStream | Observable<Item>

/** What a source that is a function is told each time it is asked. */
export interface Opening {
  /** The feed it is for. */
  readonly feed: string
  readonly format: 'text' | 'binary'
  readonly logger: Logger
  /** Aborts when the feed takes no more. */
  readonly signal: AbortSignal
  /** The feed's epoch, and the offset that its next message gets: where a source that can begin anywhere goes on. */
  readonly epoch: string
  readonly head: number
}

/** A source that can be asked anew: each call begins it afresh. */
export interface SourceFunction {
  (opening: Opening): Opened | Promise<Opened>
  /** Whether what it gives holds when nobody asks for more. @default true */
  readonly canWait?: boolean
  /** Name of the life of its numbering, if it numbers its messages. */
  readonly epoch?: string
  /** When it is asked again, where the feed does not say. @default after failures, with the defaults of RestartOptions */
  readonly restart?: RestartOptions | false
}

/** Everything that `hub.feed(name, { source })` takes. */
export type SourceLike = Opened | SourceFunction

/** A source that pushes: it is subscribed to, not pulled. */
export function isPush(source: unknown): source is Observable<Item> {
  return isObservable(source)
}

/** A source that is asked for, and can be asked again. */
export function isFunction(source: unknown): source is SourceFunction {
  return typeof source === 'function' && !isObservable(source) && !(Symbol.asyncIterator in source)
}

/** Whether a `pause` feed can hold this source. Of a function this is what it says; what it then gives is looked at again. */
export function canWait(source: SourceLike): boolean {
  return !isPush(source) && (source as Source).canWait !== false
}

export function checkSource(source: unknown): asserts source is SourceLike {
  if (!isFunction(source)) checkOpened(source)
}

export function checkOpened(source: unknown): asserts source is Opened {
  if (isObservable(source)) return
  const iterable = (typeof source === 'object' || typeof source === 'function') && source !== null
  if (iterable && Symbol.asyncIterator in source) return
  const rule = 'an AsyncIterable, a Readable, an Observable or a function that gives one'
  throw new SpillwayError('bad_source', expected('source', rule, source))
}
