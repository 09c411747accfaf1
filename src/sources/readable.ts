/**
 * A Node Readable as a source: a message a line on a text feed, fixed-size chunks on a binary one, and what an object-mode
 * stream yields as it is. Nothing is read ahead of demand but the stream's own buffer, so a pipe behind it is held by the
 * kernel, down to the process that writes into it. How bytes are cut is `cut.ts`'s business.
 */
import { type Cutter, chunkCutter, lineCutter } from '../cut.ts'
import type { SpillwayError } from '../errors.ts'
import type { Item, Source } from './source.ts'

export interface ReadableOptions {
  readonly format: 'text' | 'binary'
  /** Longest line, in bytes without its line end. */
  readonly maxMessageBytes: number
  /** Bytes of a chunk on a binary feed; the last may be shorter. */
  readonly chunkBytes: number
  /** Told of a line that was too long. */
  readonly refused: (error: SpillwayError) => void
}

type Bytes = AsyncIterable<string | Uint8Array>

export function isReadable(source: unknown): source is NodeJS.ReadableStream & AsyncIterable<unknown> {
  // `pipe` alone would do for Node, but pipeable iterables (IxJS) have one too; listeners they do not have.
  const { pipe, on } = (source ?? {}) as Partial<NodeJS.ReadableStream>
  return typeof pipe === 'function' && typeof on === 'function'
}

/** A Readable that yields bytes, or text, and no objects. */
export function isBytes(source: unknown): source is NodeJS.ReadableStream & Bytes {
  return isReadable(source) && (source as { readableObjectMode?: boolean }).readableObjectMode !== true
}

export function readableSource(
  readable: NodeJS.ReadableStream & { readonly readableObjectMode?: boolean },
  options: ReadableOptions,
): Source {
  return isBytes(readable) ? cutBytes(readable, options) : (readable as AsyncIterable<Item>)
}

/** The messages in a stream of bytes, as the feed's format has them. */
export function cutBytes(bytes: Bytes, options: ReadableOptions): AsyncGenerator<Uint8Array, void, void> {
  return options.format === 'text' ? lines(bytes, options) : chunks(bytes, options.chunkBytes)
}

/** Messages between line ends, LF or CRLF; the last needs none. */
export function lines(
  bytes: Bytes,
  { maxMessageBytes, refused }: Pick<ReadableOptions, 'maxMessageBytes' | 'refused'>,
): AsyncGenerator<Uint8Array, void, void> {
  return cutWith(bytes, lineCutter(maxMessageBytes, refused))
}

/** Messages of `size` bytes each; the last may be shorter. */
export function chunks(bytes: Bytes, size: number): AsyncGenerator<Uint8Array, void, void> {
  return cutWith(bytes, chunkCutter(size))
}

async function* cutWith(bytes: Bytes, cutter: Cutter): AsyncGenerator<Uint8Array, void, void> {
  // Not `yield*`: over a synchronous iterable it costs a promise more for each message.
  for await (const chunk of bytes) for (const message of cutter.push(chunk)) yield message
  for (const message of cutter.end()) yield message
}
