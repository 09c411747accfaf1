/**
 * A Node Readable as a source: a message a line on a text feed, fixed-size chunks on a binary one, and what an object-mode
 * stream yields as it is. Nothing is read ahead of demand but the stream's own buffer, so a pipe behind it is held by the
 * kernel, down to the process that writes into it.
 *
 * A line that is too long is refused as a message would be, and told; its bytes are dropped as they come, so that a stream
 * without line ends costs no memory.
 */
import { expected, SpillwayError } from '../errors.ts'
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

const LF = 0x0a
const CR = 0x0d

export function isReadable(source: unknown): source is NodeJS.ReadableStream & AsyncIterable<unknown> {
  // `pipe` alone would do for Node, but pipeable iterables (IxJS) have one too; listeners they do not have.
  const { pipe, on } = (source ?? {}) as Partial<NodeJS.ReadableStream>
  return typeof pipe === 'function' && typeof on === 'function'
}

export function readableSource(
  readable: NodeJS.ReadableStream & { readonly readableObjectMode?: boolean },
  options: ReadableOptions,
): Source {
  if (readable.readableObjectMode === true) return readable as AsyncIterable<Item>
  return options.format === 'text' ? lines(readable, options) : chunks(readable, options.chunkBytes)
}

/** Messages between line ends, LF or CRLF; the last needs none. */
export async function* lines(
  bytes: AsyncIterable<string | Uint8Array>,
  { maxMessageBytes, refused }: Pick<ReadableOptions, 'maxMessageBytes' | 'refused'>,
): AsyncGenerator<Uint8Array, void, void> {
  let pieces: Buffer[] = []
  let length = 0
  const finish = (last: Buffer): Buffer | undefined => {
    const line = pieces.length === 0 ? last : Buffer.concat([...pieces, last])
    const trimmed = line[line.length - 1] === CR ? line.subarray(0, -1) : line
    const size = length + last.length - (line.length - trimmed.length)
    pieces = []
    length = 0
    if (size <= maxMessageBytes) return trimmed
    const rule = `a line of at most ${maxMessageBytes} bytes (maxMessageBytes)`
    refused(new SpillwayError('message_too_large', expected('line', rule, size)))
    return undefined
  }
  for await (const chunk of bytes) {
    const buffer = asBuffer(chunk)
    let start = 0
    for (let end = buffer.indexOf(LF); end >= 0; end = buffer.indexOf(LF, start)) {
      const line = finish(buffer.subarray(start, end))
      start = end + 1
      if (line !== undefined) yield line
    }
    const rest = buffer.subarray(start)
    if (rest.length === 0) continue
    length += rest.length
    // One byte over the limit, the CR of a CRLF aside, and the line is refused anyway: its bytes need not be kept.
    if (length <= maxMessageBytes + 1) pieces.push(rest)
    else pieces = []
  }
  if (length === 0) return
  const line = finish(Buffer.alloc(0))
  if (line !== undefined) yield line
}

/** Messages of `size` bytes each; the last may be shorter. */
export async function* chunks(
  bytes: AsyncIterable<string | Uint8Array>,
  size: number,
): AsyncGenerator<Uint8Array, void, void> {
  let pieces: Buffer[] = []
  let length = 0
  for await (const chunk of bytes) {
    let rest = asBuffer(chunk)
    while (length + rest.length >= size) {
      const end = size - length
      yield pieces.length === 0 ? rest.subarray(0, end) : Buffer.concat([...pieces, rest.subarray(0, end)])
      rest = rest.subarray(end)
      pieces = []
      length = 0
    }
    if (rest.length > 0) pieces.push(rest)
    length += rest.length
  }
  if (length > 0) yield Buffer.concat(pieces)
}

function asBuffer(chunk: string | Uint8Array): Buffer {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
}
