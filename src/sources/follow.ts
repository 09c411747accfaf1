/**
 * A file that grows, as a source: `follow('app.log')`, like `tail -F`. It survives rotation (another file under its name: the old
 * one is read to its end first) and truncation (it begins at the start, and says that something may be lost), and waits for a
 * file that is not there yet. It waits where its feed waits: the file keeps what is not read. A file that was truncated and has
 * grown beyond the old place since is known by the last bytes before that place, which are read again with what is new.
 *
 * It looks every `everyMs` and does not use `fs.watch`: that tells nothing on network and container mounts, tells of renames by names
 * that are gone again, and needs the look all the same; a stat costs some 20 µs.
 */
import { closeSync, openSync, readSync, statSync } from 'node:fs'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { z } from 'zod'
import { parse } from '../parse.ts'
import { readableFrom } from './bytes.ts'
import { wait } from './clock.ts'
import type { Opening, SourceFunction } from './source.ts'

export interface FollowOptions {
  /** Where in the file it begins: `end` is where that is when the feed is opened. A file that comes later is read from its start. @default 'end' */
  readonly from?: 'start' | 'end'
  /** How often it looks whether there is more, in milliseconds, 10 to a minute. @default 200 */
  readonly everyMs?: number
  /** Ends the source. @default none */
  readonly signal?: AbortSignal
}

const READ_BYTES = 64 * 1024
const LF = 0x0a

const schema = z.strictObject({
  from: z.enum(['start', 'end']).default('end'),
  everyMs: z.number().min(10).max(60_000).default(200),
  signal: z.custom<AbortSignal>(value => value instanceof AbortSignal, 'an AbortSignal').optional(),
})

/** What is written to a file. @throws SpillwayError `bad_option` */
export function follow(path: string, options: FollowOptions = {}): SourceFunction {
  parse(z.string().min(1), path, 'follow')
  const settings = parse(schema, options, 'follow')
  // It goes on where it was, after a failure too: a disk that was gone for a moment costs nothing but the moment. A place for each
  // feed, of which this is the signal: one function can be the source of several.
  const places = new WeakMap<AbortSignal, Place>()
  return opening => {
    const place = places.get(opening.signal) ?? { from: settings.from }
    places.set(opening.signal, place)
    // At once, and not when it is first read: what is written from now on belongs to it.
    if (place.from === 'end') place.file ??= endOf(path)
    place.from = 'start'
    const stopped = new AbortController()
    const stop = settings.signal ? AbortSignal.any([settings.signal, stopped.signal]) : stopped.signal
    return readableFrom(followed(path, settings.everyMs, place, opening, stop), () => stopped.abort())
  }
}

/** Where it is, from one opening to the next. */
interface Place {
  from: 'start' | 'end'
  file?: FilePlace | undefined
}

interface FilePlace {
  readonly dev: number
  readonly ino: number
  /** The next byte to read, and the first of a line that was not given whole. */
  at: number
  lineAt: number
  /** What stood right before `at` when it was read. */
  before: Buffer
}

/** So much is looked at again, to know whether the file is still what it was. */
const KNOWN_BYTES = 64
const NOTHING = Buffer.alloc(0)
const START = { at: 0, lineAt: 0, before: NOTHING } as const

async function* followed(
  path: string,
  everyMs: number,
  place: Place,
  { feed, logger, format }: Opening,
  stop: AbortSignal,
): AsyncGenerator<Buffer, void> {
  let handle: FileHandle | undefined
  let missing = false
  // Half a line of an earlier opening went with it: it is read again.
  if (place.file !== undefined && format === 'text' && place.file.at > place.file.lineAt) {
    place.file.at = place.file.lineAt
    place.file.before = NOTHING
  }
  try {
    while (!stop.aborted) {
      handle ??= await openAt(path, place)
      const file = place.file
      if (handle === undefined || file === undefined) {
        if (!missing) logger.info(`feed ${feed}: follow waits for ${path}, which is not there`)
        missing = true
        await wait(everyMs, stop)
        continue
      }
      missing = false
      const bytes = await readFrom(handle, file)
      if (bytes instanceof Buffer) {
        yield bytes
        continue
      }
      const { size } = await handle.stat()
      if (bytes === 'rewritten' || size < file.at) {
        const how = size < file.at ? `from ${file.at} to ${size} bytes` : 'and written again beyond where it was read'
        logger.warn(`feed ${feed}: ${path} was truncated ${how}: what was not read is lost`)
        if (format === 'text' && file.at > file.lineAt) yield Buffer.from('\n')
        Object.assign(file, START)
        continue
      }
      if (await replaced(path, file)) {
        // Who had the old file open when it was renamed may have written to it after our last look.
        const last = await readFrom(handle, file)
        if (last instanceof Buffer) {
          yield last
          continue
        }
        logger.info(`feed ${feed}: ${path} is another file now: from its start`)
        // Its last line need not have had an end, and is no beginning of what comes.
        if (format === 'text' && file.at > file.lineAt) yield Buffer.from('\n')
        await handle.close()
        handle = undefined
        delete place.file
        continue
      }
      await wait(everyMs, stop)
    }
  } finally {
    await handle?.close()
  }
}

/** What is new; undefined if nothing is, or if the file is no longer what it was. */
async function readFrom(handle: FileHandle, file: FilePlace): Promise<Buffer | 'rewritten' | undefined> {
  const known = file.before.length
  const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(READ_BYTES), 0, READ_BYTES, file.at - known)
  if (bytesRead >= known && !buffer.subarray(0, known).equals(file.before)) return 'rewritten'
  if (bytesRead <= known) return undefined
  const bytes = buffer.subarray(known, bytesRead)
  const lastEnd = bytes.lastIndexOf(LF)
  if (lastEnd >= 0) file.lineAt = file.at + lastEnd + 1
  file.at += bytes.length
  file.before = Buffer.from(buffer.subarray(Math.max(0, bytesRead - KNOWN_BYTES), bytesRead))
  return bytes
}

/** Opens what has this name now: where it was, if it is the file it knows. */
async function openAt(path: string, place: Place): Promise<FileHandle | undefined> {
  const handle = await ifThere(open(path))
  if (handle === undefined) return undefined
  const { dev, ino } = await handle.stat()
  if (place.file?.ino !== ino || place.file.dev !== dev) place.file = { dev, ino, ...START }
  return handle
}

function endOf(path: string): FilePlace | undefined {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (stats === undefined) return undefined
  const { dev, ino, size } = stats
  // To open a FIFO would wait for who writes into it.
  return { dev, ino, at: size, lineAt: size, before: stats.isFile() ? lastOf(path, size) : NOTHING }
}

/** Nothing where that cannot be read now: reading it will say why. */
function lastOf(path: string, size: number): Buffer {
  try {
    const handle = openSync(path, 'r')
    try {
      const length = Math.min(size, KNOWN_BYTES)
      const buffer = Buffer.alloc(length)
      return readSync(handle, buffer, 0, length, size - length) === length ? buffer : NOTHING
    } finally {
      closeSync(handle)
    }
  } catch {
    return NOTHING
  }
}

/** Whether there is another file under this name by now. One that was only removed or renamed is still read. */
async function replaced(path: string, { dev, ino }: { readonly dev: number; readonly ino: number }): Promise<boolean> {
  const now = await ifThere(stat(path))
  return now !== undefined && (now.ino !== ino || now.dev !== dev)
}

async function ifThere<T>(promise: Promise<T>): Promise<T | undefined> {
  try {
    return await promise
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
