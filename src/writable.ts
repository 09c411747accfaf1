/**
 * A feed as a stream that is written to: `pipeline(anything, transform, feed.writable())`. Bytes become a message a line on a text feed;
 * on a binary one what is written at once is a message, cut where it is too large. Object mode takes payloads and messages.
 *
 * Back-pressure is the feed's own. When `publish()` answers false, the callback of the write is held until `ready()`: so the stream's buffer
 * fills, `write()` answers false, and 'drain' comes when the feed takes more. What the feed refuses is counted and told, and
 * the stream goes on, as with any source. The end of the stream is the end of the feed, unless `end: false`.
 *
 * When the feed takes no more (its owner has ended it, the hub closes) the stream is destroyed with `feed_ended`, so that a
 * pipeline rejects and does not hang. Called by `Feed`.
 */
import { Writable } from 'node:stream'
import { WritableStream, type WritableStreamDefaultController } from 'node:stream/web'
import { z } from 'zod'
import { type Cutter, lineCutter, pieceCutter } from './cut.ts'
import { expected, type SpillwayError } from './errors.ts'
import type { Feed } from './feed.ts'
import type { Item } from './message.ts'
import { parse } from './parse.ts'
import { feedEnded, offer } from './supply.ts'

export interface WritableOptions {
  /** Each write is a message: a payload, or `{ payload, key?, offset? }`. @default false: bytes */
  readonly objectMode?: boolean
  /** How much is buffered before `write()` answers false: bytes, or messages in object mode. @default as Node has it */
  readonly highWaterMark?: number
  /** Its end is the feed's, with 1000, and its failure too, with 4500. `false`: the feed goes on, and another may be opened. @default true */
  readonly end?: boolean
}

const schema = z.strictObject({
  objectMode: z.boolean().default(false),
  highWaterMark: z.int().min(0).optional(),
  end: z.boolean().default(true),
})

type Done = (error?: Error | null) => void

/** @throws SpillwayError `bad_option`, `feed_taken`, `feed_ended` */
export function openWritable(feed: Feed, options: WritableOptions): Writable {
  const { objectMode, highWaterMark, end } = parse(schema, options, `${feed.name}.writable`)
  const intake = new Intake(feed, objectMode, end, error => {
    // A bare stream, that nobody listens to, must not end the process because its hub closes.
    writable.on('error', () => {})
    writable.destroy(error)
  })
  const writable: Writable = new Writable({
    objectMode,
    ...(highWaterMark === undefined ? {} : { highWaterMark }),
    write: (chunk: Item, _, done) => intake.write(chunk, done),
    final: done => intake.finish(done),
    destroy: (error, done) => {
      intake.abort(error)
      done(error)
    },
  })
  return writable
}

/** @throws SpillwayError `bad_option`, `feed_taken`, `feed_ended` */
export function openWritableStream(feed: Feed, options: WritableOptions): WritableStream {
  const { objectMode, highWaterMark, end } = parse(schema, options, `${feed.name}.writableStream`)
  let controller: WritableStreamDefaultController | undefined
  const intake = new Intake(feed, objectMode, end, error => {
    intake.abort(error)
    controller?.error(error)
  })
  const size = (chunk: unknown) => (objectMode ? 1 : ((chunk as { length?: number } | undefined)?.length ?? 1))
  return new WritableStream(
    {
      start: given => {
        controller = given
        // At once: the stream tells its sink only when the write under way is done, and that one may be held for ever.
        const { signal } = given as WritableStreamDefaultController & { readonly signal: AbortSignal }
        signal.addEventListener('abort', () => intake.cut(signal.reason), { once: true })
      },
      write: chunk =>
        settled(
          done => intake.write(chunk as Item, done),
          error => intake.abort(error),
        ),
      close: () =>
        settled(
          done => intake.finish(done),
          error => intake.abort(error),
        ),
      abort: reason => intake.abort(reason),
    },
    { highWaterMark: highWaterMark ?? (objectMode ? 16 : 16 * 1024), size },
  )
}

/** What both kinds of stream have in common: one claim on the feed, from its opening to its end. */
class Intake {
  readonly #feed: Feed
  readonly #end: boolean
  readonly #cutter: Cutter | undefined
  readonly #release: () => void
  #over = false
  /** Why it was over before its end. */
  #reason: unknown
  /** Goes on with the write that is held. */
  #wake: (() => void) | undefined

  /** `stopped` is told when the feed takes no more, before this has come to its end. */
  constructor(feed: Feed, objectMode: boolean, end: boolean, stopped: (error: SpillwayError) => void) {
    const { format, maxMessageBytes } = feed.settings
    const release = feed.source.claim('a writable')
    const stop = () => stopped(this.#stopped())
    feed.stopped.addEventListener('abort', stop, { once: true })
    this.#feed = feed
    this.#end = end
    this.#release = () => {
      feed.stopped.removeEventListener('abort', stop)
      release()
    }
    if (!objectMode) {
      this.#cutter =
        format === 'text'
          ? lineCutter(maxMessageBytes, error => feed.source.refuse(error))
          : pieceCutter(maxMessageBytes)
    }
    feed.source.running()
  }

  /** Calls `done` when the feed has it all and takes more. */
  write(chunk: Item, done: Done): void {
    if (this.#cutter === undefined) this.#publish([chunk], done)
    else if (typeof chunk === 'string' || chunk instanceof Uint8Array) this.#publish(this.#cutter.push(chunk), done)
    else done(new TypeError(expected('chunk', 'a string or a Uint8Array (or objectMode)', chunk)))
  }

  /** The stream is at its end: what is left of a line is a message. */
  finish(done: Done): void {
    this.#publish(this.#cutter?.end() ?? [], error => {
      if (error == null && !this.#over) {
        this.#finish('ended')
        if (this.#end) this.#feed.source.ended()
      }
      done(error)
    })
  }

  /** The stream is over without having come to its end. */
  abort(reason: unknown): void {
    if (this.#over) return
    this.#reason = reason
    this.#finish('failed')
    if (!this.#feed.takesMore) return
    const why = reason ?? 'destroyed before its end'
    if (this.#end) this.#feed.source.failed(why)
    else this.#feed.source.brokeOff(why)
  }

  /** The same, and the write that is held is over with it. */
  cut(reason: unknown): void {
    this.abort(reason)
    this.#wake?.()
  }

  #publish(items: Iterable<Item>, done: Done): void {
    const iterator = items[Symbol.iterator]()
    const refused = (error: SpillwayError) => this.#feed.source.refuse(error)
    /** Returns whether there is no more to give. */
    const some = (): boolean => {
      if (this.#over) throw this.#reason ?? this.#stopped()
      // Before the first, too: the feed may wait for its clients, or somebody else may have published.
      if (!this.#feed.demand.open && this.#feed.takesMore) return false
      for (let item = iterator.next(); item.done !== true; item = iterator.next()) {
        if (this.#over || !this.#feed.takesMore) throw this.#reason ?? this.#stopped()
        if (!offer(this.#feed, item.value, refused, 'what is written')) return false
      }
      return true
    }
    let over = false
    const goOn = () => {
      if (over) return
      let all: boolean
      try {
        all = some()
      } catch (error) {
        over = true
        done(error as Error)
        return
      }
      over = all
      this.#wake = all ? undefined : goOn
      if (all) done()
      else void this.#feed.ready().then(goOn)
    }
    goOn()
  }

  #finish(state: 'ended' | 'failed'): void {
    this.#over = true
    this.#release()
    this.#feed.source.state = this.#feed.takesMore ? state : 'ended'
  }

  #stopped(): SpillwayError {
    return feedEnded(this.#feed.name)
  }
}

/** A promise of what a callback tells. */
function settled(act: (done: Done) => void, failed: (error: Error) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    act(error => {
      if (error == null) return resolve()
      failed(error)
      reject(error)
    })
  })
}
