/**
 * What a source is: an AsyncIterable of messages. Not calling `next()` is the demand signal, so a source of this kind waits
 * by nature. One that follows a clock or pushes (a ticker, an Observable) cannot, and says so with `canWait: false`: then a
 * feed with `overflow: pause` is a configuration error.
 */
import { isObservable, type Observable } from 'rxjs'
import { expected, SpillwayError } from '../errors.ts'
import type { Payload } from '../log/frame.ts'
import type { Message } from '../message.ts'

/** What a source may yield: a message, or its bare payload. */
export type Item = Message | Payload

export interface Source extends AsyncIterable<Item> {
  /** Whether it holds when nobody asks for more. @default true */
  readonly canWait?: boolean
  /** Name of this life of its numbering, if it numbers its messages. */
  readonly epoch?: string
}

/** Everything that `hub.feed(name, { source })` takes. A Readable of bytes gives a message a line, or chunks on a binary feed. */
export type SourceLike = Source | NodeJS.ReadableStream | Observable<Item>

/** A source that pushes: it is subscribed to, not pulled. */
export function isPush(source: SourceLike): source is Observable<Item> {
  return isObservable(source)
}

/** Whether a `pause` feed can hold this source. */
export function canWait(source: SourceLike): boolean {
  return !isPush(source) && (source as Source).canWait !== false
}

export function checkSource(source: unknown): asserts source is SourceLike {
  if (isObservable(source)) return
  if (typeof source === 'object' && source !== null && Symbol.asyncIterator in source) return
  throw new SpillwayError('bad_source', expected('source', 'an AsyncIterable, a Readable or an Observable', source))
}

/** The message in what a source yielded. Whether its payload will do is the feed's question. */
export function toMessage(item: Item): Message {
  if (typeof item === 'string' || item instanceof Uint8Array) return { payload: item }
  if (typeof item === 'object' && item !== null && 'payload' in item) return item
  throw new SpillwayError('bad_message', expected('what the source yields', 'a payload or { payload }', item))
}
