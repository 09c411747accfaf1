/**
 * The sources that are held to the contract, each with what the contract needs to know of it: how to make one that follows a
 * script, and how to see from outside what it was asked for and whether it has let go. A new source is one more kit. Not a test.
 */
import { spawn } from 'node:child_process'
import fs, { createReadStream, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ReadableStream } from 'node:stream/web'
import { filter, map, Observable } from 'rxjs'
import type { Feed } from '../../src/feed.ts'
import type { SourceOptions } from '../../src/hub.ts'
import type { FeedOptions } from '../../src/options.ts'
import { exec } from '../../src/sources/exec.ts'
import { follow } from '../../src/sources/follow.ts'
import { host } from '../../src/sources/host.ts'
import { replay } from '../../src/sources/replay.ts'
import type { Item, Source, SourceLike } from '../../src/sources/source.ts'
import { simulate, ticker } from '../../src/sources/ticker.ts'
import type { WritableOptions } from '../../src/writable.ts'
import { onTestFinished } from '../support/together.ts'

/** What a source does: gives these, then ends, gives nothing any more, or fails. */
export interface Script {
  readonly items: readonly unknown[]
  readonly after: 'end' | 'wait' | Error
}

export interface Opened {
  /** What `hub.feed` is given; undefined of what writes into a feed by itself. */
  readonly source?: SourceLike
  /** Writes it all into the feed; resolves and rejects as `pipeline()` does. */
  readonly write?: (feed: Feed, options?: WritableOptions) => Promise<unknown>
  /** Messages it was asked for so far, whole or in part; of a process, those it has written. */
  readonly asked: () => number
  /** Whether it has let go of what it holds. */
  readonly released: () => boolean
}

export interface Kit {
  readonly name: string
  open(script: Script): Opened
  /** Whether it holds while nobody asks. */
  readonly waits: boolean
  /** How many messages it may be ahead of what is asked, in buffers of Node and the kernel. Undefined where nobody asks it. */
  readonly ahead: number | undefined
  /** Whether it can fail, and whether it yields whatever it is given. */
  readonly fails: boolean
  readonly carriesAnything: boolean
  /** Whether it can be asked again: one that has begun, or numbers its messages, cannot, but a function that makes one. @default true */
  readonly again?: boolean
  /** Messages of a long script: more than it may be ahead, and than a feed takes at once. */
  readonly many: number
  /** What the feed needs. */
  readonly feed?: FeedOptions & Pick<SourceOptions, 'chunkBytes' | 'through' | 'pipeline'>
  /** What an item that is none is called. @default 'what the source yields' */
  readonly named?: string
  /** For a source that makes its messages up: what it should have given, in the form of `seen`. */
  readonly expected?: (count: number) => string[]
  readonly seen?: (payload: string) => string
}

/** All messages are of this length, so that a binary feed cuts them where they were. */
export const MESSAGE_BYTES = 16
const LINE_BYTES = MESSAGE_BYTES + 1
/** Pieces in which bytes come: never whole lines. */
const PIECE_BYTES = 1_000
const PIPE_BYTES = 64 * 1024
/** What Node (twice a high-water mark of up to 64 KiB) and the kernel (a socket pair) may have taken from a process. */
const PROCESS_AHEAD_BYTES = 512 * 1024

export function messages(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String(i).padStart(MESSAGE_BYTES, '.'))
}

const linesOf = ({ items }: Script) => Buffer.from(items.map(item => `${item}\n`).join(''))

const bytesOf = ({ items }: Script) => Buffer.from(items.join(''))

/** A Readable as a socket or stdin is one: bytes come in pieces, some time after they were asked for. */
function byteStream(bytes: Buffer, after: Script['after'], messageBytes: number): Opened {
  let at = 0
  const source = new Readable({
    read() {
      setImmediate(() => {
        const piece = bytes.subarray(at, at + PIECE_BYTES)
        at += piece.length
        if (piece.length > 0) this.push(piece)
        else if (after === 'end') this.push(null)
        else if (after !== 'wait') this.destroy(after)
      })
    },
  })
  return { source, asked: () => at / messageBytes, released: () => source.destroyed }
}

function fileStream(script: Script): Opened {
  const { after } = script
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  const path = join(folder, 'lines')
  writeFileSync(path, linesOf(script))
  // Real files end; a disk that hangs or breaks behind the last byte has to be played.
  const read = (fd: number, into: Buffer, from: number, length: number, position: number, done: ReadDone) =>
    fs.read(fd, into, from, length, position, (error, bytes) => {
      if (error !== null || bytes > 0 || after === 'end') done(error, bytes, into)
      else if (after !== 'wait') done(after, 0, into)
    })
  const source = createReadStream(path, { fs: { open: fs.open, read, close: fs.close } as unknown as typeof fs })
  onTestFinished(() => {
    source.on('error', () => {}).destroy()
    rmSync(folder, { recursive: true })
  })
  return { source, asked: () => source.bytesRead / LINE_BYTES, released: () => source.destroyed }
}

type ReadDone = (error: Error | null, bytes: number, buffer: Buffer) => void

function objectStream({ items, after }: Script): Opened {
  let asked = 0
  const source = new Readable({
    objectMode: true,
    read() {
      if (asked < items.length) this.push(items[asked++])
      else if (after === 'end') this.push(null)
      else if (after !== 'wait') this.destroy(after)
    },
  })
  return { source, asked: () => asked, released: () => source.destroyed }
}

/** Its `finally` runs where JavaScript lets it: not before it has begun, and not while it waits (hence `interruptible`). */
function generator({ items, after }: Script): Opened & { readonly source: AsyncGenerator<Item, void> } {
  let asked = 0
  let holds = false
  async function* give(): AsyncGenerator<Item, void> {
    holds = true
    try {
      for (const item of items) {
        asked++
        yield item as Item
      }
      if (after === 'end') return
      if (after !== 'wait') throw after
      holds = false
      await new Promise(() => {})
    } finally {
      holds = false
    }
  }
  return { source: give(), asked: () => asked, released: () => !holds }
}

/** Made by hand, in synchronous answers; it numbers its messages for itself, every other number, in a life of its own. */
function numbering({ items, after }: Script): Opened {
  let asked = 0
  let released = false
  const source: Source = {
    epoch: NUMBERING.epoch,
    [Symbol.asyncIterator]: () => ({
      next() {
        const i = asked
        if (i < items.length) {
          asked++
          const payload = items[i]
          const item = typeof payload === 'string' ? { payload, key: 'k', offset: NUMBERING.offsetOf(i) } : payload
          return Promise.resolve({ done: false, value: item as Item })
        }
        if (after === 'end') return Promise.resolve({ done: true, value: undefined })
        return after === 'wait' ? new Promise(() => {}) : Promise.reject(after)
      },
      return() {
        released = true
        return Promise.resolve({ done: true, value: undefined })
      },
    }),
  }
  return { source, asked: () => asked, released: () => released }
}

export const NUMBERING = { epoch: 'life-7', offsetOf: (i: number) => 100 + 2 * i } as const

/** Pushes a few in each turn of the event loop, whether or not anybody can take them. */
function observable({ items, after }: Script): Opened {
  let asked = 0
  let subscribed = false
  const source = new Observable<Item>(subscriber => {
    subscribed = true
    const timer = setInterval(() => {
      for (let i = 0; i < 50 && asked < items.length && !subscriber.closed; i++) subscriber.next(items[asked++] as Item)
      if (asked < items.length || after === 'wait') return
      if (after === 'end') subscriber.complete()
      else subscriber.error(after)
    })
    return () => {
      clearInterval(timer)
      subscribed = false
    }
  })
  return { source, asked: () => asked, released: () => !subscribed }
}

/** A source that makes its messages up and goes on for ever: at the end of the script its signal is aborted. */
function endless(make: (signal: AbortSignal) => Source, { items, after }: Script): Opened {
  const abort = new AbortController()
  const inner = make(abort.signal)
  let asked = 0
  let open = 0
  const source: Source = {
    canWait: inner.canWait!,
    [Symbol.asyncIterator]: () => {
      const iterator = inner[Symbol.asyncIterator]()
      open++
      return {
        async next() {
          if (++asked > items.length && after === 'end') abort.abort()
          const result = await iterator.next()
          if (result.done === true) open--
          return result
        },
        async return() {
          const result = (await iterator.return?.()) ?? { done: true, value: undefined }
          open = 0
          return result
        },
      }
    },
  }
  return { source, asked: () => asked, released: () => open === 0 }
}

/** Writes as fast as the kernel takes it, and tells on stderr how much that was. */
const WRITER = `
const { writeSync } = require('node:fs')
const [count, bytes, after] = process.argv.slice(1)
for (let i = 0; i < count;) {
  let lines = ''
  for (let n = 0; n < 64 && i < count; n++) lines += String(i++).padStart(bytes, '.') + '\\n'
  for (let at = 0; at < lines.length;) at += writeSync(1, lines.slice(at))
  writeSync(2, i + '\\n')
}
if (after === 'wait') setInterval(() => {}, 60_000)
`

function childProcess({ items, after }: Script): Opened {
  const args = ['-e', WRITER, String(items.length), String(MESSAGE_BYTES), after === 'end' ? 'end' : 'wait']
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let written = 0
  child.stderr.setEncoding('utf8').on('data', (progress: string) => {
    written = Number(progress.trimEnd().split('\n').at(-1))
    // A pipe does not break by itself: whoever reads it sees an end.
    if (written === items.length && after instanceof Error) child.stdout.destroy(after)
  })
  return { source: child.stdout, asked: () => written, released: () => child.stdout.destroyed }
}

/** What a generator gives, written into the feed. */
function writing(
  script: Script,
  write: (source: AsyncGenerator<Item, void>, feed: Feed, options: WritableOptions) => Promise<unknown>,
): Opened {
  const { source, asked, released } = generator(script)
  return { write: (feed, options = {}) => write(source, feed, options), asked, released }
}

const OBJECTS = { objectMode: true } as const

/** Everything given so far was asked of it, and it is over when it says so. */
function watched(source: Source): Opened & { readonly source: Source } {
  let asked = 0
  let open = 0
  return {
    asked: () => asked,
    released: () => open === 0,
    source: {
      [Symbol.asyncIterator]: () => {
        const iterator = source[Symbol.asyncIterator]()
        open++
        return {
          async next() {
            asked++
            return await iterator.next()
          },
          async return() {
            await iterator.return?.()
            open = 0
            return { done: true, value: undefined }
          },
        }
      },
    },
  }
}

function folderOfTest(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** A recording of one moment; where it must not end, with a last line that is due in thirty years. */
function recording({ items, after }: Script): Opened {
  const path = join(folderOfTest(), 'recording.ndjson')
  const later = after === 'wait' ? [{ time: 1e12, m: '' }] : []
  const lines = [...items.map(m => ({ time: 0, m })), ...later].map(line => `${JSON.stringify(line)}\n`)
  writeFileSync(path, lines.join(''))
  return watched((replay(path) as () => Source)())
}

/** Writes as fast as the kernel takes it; how much that was, and who it is, stands in files. */
function command({ items, after }: Script): Opened {
  const folder = folderOfTest()
  const [script, progress, pid] = ['writer.cjs', 'progress', 'pid'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ]
  writeFileSync(
    script,
    `require('node:fs').writeFileSync(${JSON.stringify(pid)}, String(process.pid))
${WRITER.replace('argv.slice(1)', 'argv.slice(2)').replace("writeSync(2, i + '\\n')", `require('node:fs').writeFileSync(${JSON.stringify(progress)}, String(i))`)}`,
  )
  const read = (path: string) => (existsSync(path) ? Number(readFileSync(path, 'utf8')) : 0)
  return {
    source: exec(
      `"${process.execPath}" "${script}" ${items.length} ${MESSAGE_BYTES} ${after === 'end' ? 'end' : 'wait'}`,
    ),
    asked: () => read(progress),
    released: () => read(pid) === 0 || !alive(read(pid)),
  }
}

function alive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A file that is there already; at the end of the script its signal is aborted, or it breaks. */
function followed(script: Script): Opened {
  const { after } = script
  const path = join(folderOfTest(), 'log')
  const bytes = linesOf(script)
  writeFileSync(path, bytes)
  const end = new AbortController()
  const open = follow(path, { from: 'start', everyMs: 10, signal: end.signal })
  let given = 0
  let readable: Readable | undefined
  return {
    source: opening => {
      const opened = open(opening) as Readable
      readable = opened
      const push = opened.push.bind(opened)
      opened.push = (chunk: Buffer | null) => {
        given += chunk?.length ?? 0
        if (given === bytes.length && after === 'end') end.abort()
        const more = push(chunk)
        if (given === bytes.length && after instanceof Error) opened.destroy(after)
        return more
      }
      return opened
    },
    asked: () => given / LINE_BYTES,
    released: () => readable === undefined || readable.destroyed,
  }
}

/** One symbol and one seed, so that what it gives is known but for the time. */
const MARKET = { symbols: 3, seed: 11 } as const

/** Both buffers of a pipe between Node streams, of 16 KiB in Node 20 and 64 KiB from 22 on, and an item on its way. */
const LINES_AHEAD = (2 * 64 * 1024) / LINE_BYTES

async function* linesFrom(items: AsyncIterable<Item>): AsyncGenerator<string, void> {
  for await (const item of items) yield `${item as string}\n`
}

const pulled = { waits: true, ahead: 0, fails: true, carriesAnything: false, many: 5_000 } as const

export const KITS: readonly Kit[] = [
  {
    ...pulled,
    name: 'a Readable of bytes on a text feed',
    ahead: (PIPE_BYTES + PIECE_BYTES) / LINE_BYTES,
    many: 20_000,
    open: script => byteStream(linesOf(script), script.after, LINE_BYTES),
  },
  {
    ...pulled,
    name: 'a Readable of bytes on a binary feed',
    ahead: (PIPE_BYTES + PIECE_BYTES) / MESSAGE_BYTES,
    many: 20_000,
    feed: { format: 'binary', chunkBytes: MESSAGE_BYTES },
    open: script => byteStream(bytesOf(script), script.after, MESSAGE_BYTES),
  },
  {
    ...pulled,
    name: 'a file',
    ahead: (3 * PIPE_BYTES) / LINE_BYTES,
    many: 40_000,
    open: fileStream,
  },
  { ...pulled, name: 'an object-mode Readable', ahead: 16, carriesAnything: true, open: objectStream },
  { ...pulled, name: 'an async generator', carriesAnything: true, open: generator },
  {
    ...pulled,
    name: 'an AsyncIterable with epoch and offsets of its own',
    carriesAnything: true,
    again: false,
    open: numbering,
  },
  {
    ...pulled,
    name: "a child process's stdout",
    ahead: PROCESS_AHEAD_BYTES / LINE_BYTES,
    many: 120_000,
    open: childProcess,
  },
  {
    ...pulled,
    name: 'an Observable',
    waits: false,
    ahead: undefined,
    carriesAnything: true,
    open: observable,
  },
  {
    ...pulled,
    name: 'the ticker',
    waits: false,
    fails: false,
    again: false,
    open: script => endless(signal => ticker({ ...MARKET, perSecond: 50_000, signal }), script),
    expected: count => {
      const market = simulate(MARKET.symbols, MARKET.seed)
      return Array.from({ length: count }, () => JSON.stringify(market.next().value))
    },
    seen: payload => payload.replace(/"time":\d+,/, ''),
  },
  {
    ...pulled,
    name: 'the host',
    waits: false,
    fails: false,
    again: false,
    many: 3,
    // Demand closes after each message: with its own pace it would never see that.
    feed: { capacity: { messages: 4 } },
    open: script => endless(signal => host({ everyMs: 100, signal }), script),
    expected: count => Array.from({ length: count }, () => '{"time":…'),
    seen: payload => payload.replace(/^({"time":)\d+,"cpu":.*/, '$1…'),
  },
  {
    ...pulled,
    name: 'a generator through asynchronous stages',
    // What a Duplex may have on both of its sides.
    ahead: 80,
    feed: {
      through: [
        async function* same(items) {
          yield* items
        },
        () => new PassThrough({ objectMode: true }),
      ],
    },
    open: generator,
  },
  {
    ...pulled,
    name: 'a generator with a pipeline',
    carriesAnything: true,
    feed: { pipeline: [map(message => message), filter(() => true)] },
    open: generator,
  },
  {
    ...pulled,
    name: 'a Node stream piped into feed.writable()',
    ahead: LINES_AHEAD,
    many: 20_000,
    open: script =>
      writing(script, (source, feed, options) =>
        pipeline(Readable.from(linesFrom(source), { objectMode: false }), feed.writable(options)),
      ),
  },
  {
    ...pulled,
    name: 'a Node stream piped into feed.writable() in object mode',
    ahead: 40,
    carriesAnything: true,
    named: 'what is written',
    open: script =>
      writing(script, (source, feed, options) =>
        pipeline(Readable.from(source), feed.writable({ ...options, ...OBJECTS })),
      ),
  },
  {
    ...pulled,
    name: 'a WHATWG stream piped into feed.writableStream()',
    ahead: 40,
    open: script =>
      writing(script, (source, feed, options) =>
        ReadableStream.from(source).pipeTo(feed.writableStream({ ...options, ...OBJECTS })),
      ),
  },
  {
    ...pulled,
    name: 'a recording',
    fails: false,
    open: recording,
    seen: payload => (JSON.parse(payload) as { m: string }).m,
  },
  {
    ...pulled,
    name: 'a command',
    fails: false,
    ahead: PROCESS_AHEAD_BYTES / LINE_BYTES,
    many: 120_000,
    open: command,
  },
  {
    ...pulled,
    name: 'a file that is followed',
    ahead: (3 * PIPE_BYTES) / LINE_BYTES,
    many: 40_000,
    open: followed,
  },
]
