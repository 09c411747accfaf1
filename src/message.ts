/**
 * A message, and the rules it must keep before a log takes it. What breaks one is refused with a sentence that names the
 * rule and the value, and the feed is as it was before.
 */
import { isUtf8 } from 'node:buffer'
import { expected, SpillwayError } from './errors.ts'
import { type Payload, payloadBytes } from './log/frame.ts'
import type { FeedSettings } from './options.ts'

/** What a source yields. */
export interface Message {
  readonly payload: Payload
  /** Which of the feed's values this is the newest of; kept for feeds that conflate. */
  readonly key?: string
  /** Its number, if the source numbers for itself: never below the head; above it, it leaves a hole. */
  readonly offset?: number
}

/** What a source may yield: a message, or its bare payload. */
export type Item = Message | Payload

/** The message in what a source gave. Whether its payload will do is `checkMessage`'s question. @throws SpillwayError `bad_message` */
export function toMessage(item: Item, what = 'what the source yields'): Message {
  if (typeof item === 'string' || item instanceof Uint8Array) return { payload: item }
  if (typeof item === 'object' && item !== null && 'payload' in item) return item
  throw new SpillwayError('bad_message', expected(what, 'a payload or { payload }', item))
}

/** Returns the bytes of the payload. @throws SpillwayError `bad_message`, `message_too_large`, `bad_utf8`, `offset_backwards` */
export function checkMessage(message: Message, feed: string, settings: FeedSettings, head: number): number {
  const { payload, offset } = message
  const text = typeof payload === 'string'
  if (!text && !(payload instanceof Uint8Array)) {
    throw new SpillwayError('bad_message', expected('payload', 'a string or a Uint8Array', payload))
  }
  const bytes = payloadBytes(payload)
  if (bytes > settings.maxMessageBytes) {
    const rule = `at most ${settings.maxMessageBytes} bytes (maxMessageBytes of feed ${feed})`
    throw new SpillwayError('message_too_large', expected('payload', rule, bytes))
  }
  if (settings.format === 'text' && !text && !isUtf8(payload)) {
    throw new SpillwayError('bad_utf8', `payload: expected valid UTF-8 on text feed ${feed}, got other bytes`)
  }
  if (offset !== undefined && !(Number.isSafeInteger(offset) && offset >= head)) {
    const code = Number.isSafeInteger(offset) ? 'offset_backwards' : 'bad_message'
    throw new SpillwayError(code, expected('offset', `a whole number from ${head} (the head) up`, offset))
  }
  return bytes
}
