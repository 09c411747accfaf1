/**
 * Asynchronous stages between a source and the pump: each pulls from the one before it, so the demand of the feed reaches the source
 * through all of them. A stage that is a stream of bytes is given bytes, every other stage messages: a Readable of bytes is
 * cut into messages in front of the first that wants them, or behind the last.
 *
 * Whatever fails is named: an error that was not seen at the boundary before a stage is that stage's own.
 */
import { type Duplex, pipeline, Readable } from 'node:stream'
import { expected, reasonOf, SpillwayError } from '../errors.ts'
import { toMessage } from '../message.ts'
import { cutBytes, isBytes, type ReadableOptions } from './readable.ts'
import type { Item, Source } from './source.ts'
import { isDuplex, type NamedStage, nameOf, type StageFunction } from './stages.ts'

type Bytes = AsyncIterable<string | Uint8Array>

/** What flows at a place: bytes, or whatever a stage gives. */
interface Flow {
  readonly bytes: boolean
  readonly items: AsyncIterable<unknown>
}

/** The source behind its stages. @throws SpillwayError `stage_failed` out of `next()`, with the name of the stage */
export function throughStages(
  given: Source | NodeJS.ReadableStream,
  stages: readonly NamedStage[],
  options: ReadableOptions,
): Source {
  return {
    [Symbol.asyncIterator]() {
      const boundaries = new Boundaries()
      let flow: Flow = { bytes: isBytes(given), items: boundaries.watch(given as AsyncIterable<unknown>, undefined) }
      try {
        for (const [i, { name, stage }] of stages.entries()) {
          flow = boundaries.behind(flow, stage, nameOf('through', i, name), options)
        }
      } catch (error) {
        // Those before it have begun.
        boundaries.stop()
        throw error
      }
      const iterator = messagesOf(flow, options)[Symbol.asyncIterator]() as AsyncIterator<Item>
      return {
        async next() {
          const result = await iterator.next()
          // A stage may have enough before its source has given everything.
          if (result.done === true) boundaries.stop()
          return result
        },
        async return() {
          boundaries.stop()
          await iterator.return?.()
          return { done: true, value: undefined }
        },
      }
    },
  }
}

function madeBy(stage: NamedStage['stage']): StageFunction | Duplex {
  if (isDuplex(stage)) return stage
  if (stage.length > 0) return stage as StageFunction
  const made = (stage as () => unknown)()
  if (isDuplex(made)) return made
  throw new SpillwayError('stage_failed', expected('a function without parameters', 'to make a Duplex', made))
}

function iterableFrom(made: unknown): AsyncIterable<unknown> {
  if (typeof made === 'object' && made !== null && Symbol.asyncIterator in made) return made as AsyncIterable<unknown>
  throw new SpillwayError('stage_failed', expected('what it returns', 'an AsyncIterable', made))
}

function messagesOf({ bytes, items }: Flow, options: ReadableOptions): AsyncIterable<unknown> {
  return bytes ? cutBytes(items as Bytes, options) : items
}

/** Messages for a stream that takes bytes: a line each on a text feed, so that it can be cut again behind it. */
async function* bytesOf(items: AsyncIterable<unknown>, { format }: ReadableOptions): AsyncGenerator<Buffer, void> {
  for await (const item of items) {
    const { payload } = toMessage(item as Item)
    yield Buffer.concat([Buffer.from(payload as string), Buffer.from(format === 'text' ? '\n' : '')])
  }
}

/** The places between stages, of one run. */
class Boundaries {
  /** Failures that have passed a boundary, under the name they got. */
  readonly #seen = new Set<unknown>()
  readonly #stops: (() => unknown)[] = []
  /** Whoever waits for the stage before it, one at a boundary. */
  readonly #waiting = new Set<() => void>()
  #over = false

  /** Nobody wants more: whoever waits for the stage before it is told that there is none, and has its `finally` run. */
  stop(): void {
    this.#over = true
    for (const release of this.#waiting) release()
    for (const stop of this.#stops) quietly(stop)
  }

  /** @throws what `act` throws, under the name of the stage */
  naming<T>(who: string, act: () => T): T {
    try {
      return act()
    } catch (error) {
      throw this.#blame(error, who)
    }
  }

  /** The same items; `who` gives them, undefined for the source itself, whose failures keep their own words. */
  watch(items: AsyncIterable<unknown>, who: string | undefined): AsyncIterable<unknown> {
    return {
      [Symbol.asyncIterator]: () => {
        const iterator = items[Symbol.asyncIterator]()
        const stop = () => iterator.return?.()
        this.#stops.push(stop)
        return {
          next: () => this.#next(iterator, who),
          return: async () => {
            await stop()
            return { done: true, value: undefined }
          },
        }
      },
    }
  }

  /** Not `Promise.race` with one promise for the stop: that keeps each of its results until the run is over. */
  #next(iterator: AsyncIterator<unknown>, who: string | undefined): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      const release = () => resolve({ done: true, value: undefined })
      if (this.#over) return release()
      this.#waiting.add(release)
      const ask = async () => iterator.next()
      ask()
        .then(resolve, error => reject(this.#blame(error, who)))
        .finally(() => this.#waiting.delete(release))
    })
  }

  /** What flows behind a stage. @throws what the stage throws, under its name */
  behind(flow: Flow, stage: NamedStage['stage'], who: string, options: ReadableOptions): Flow {
    const made = this.naming(who, () => madeBy(stage))
    if (isDuplex(made)) return this.pipe(flow, made, who, options)
    const items = this.naming(who, () => iterableFrom(made(messagesOf(flow, options))))
    return { bytes: false, items: this.watch(items, who) }
  }

  /** Pipes what flows through a Duplex, with the back-pressure of both. */
  pipe(flow: Flow, duplex: Duplex, who: string, options: ReadableOptions): Flow {
    const wantsBytes = !duplex.writableObjectMode
    const items = wantsBytes ? (flow.bytes ? flow.items : bytesOf(flow.items, options)) : messagesOf(flow, options)
    // What fails in it comes out of its iterator; the callback keeps Node from throwing it where nobody is.
    pipeline(
      Readable.from(items, { objectMode: !wantsBytes, highWaterMark: wantsBytes ? 16_384 : 1 }),
      duplex,
      () => {},
    )
    this.#stops.push(() => duplex.destroy())
    return { bytes: !duplex.readableObjectMode, items: this.watch(duplex, who) }
  }

  #blame(error: unknown, who: string | undefined): unknown {
    if (this.#seen.has(error)) return error
    const named =
      who === undefined ? error : new SpillwayError('stage_failed', `${who}: ${reasonOf(error)}`, { cause: error })
    this.#seen.add(named)
    return named
  }
}

/** Whatever it throws, now or later, is nobody's any more. */
function quietly(act: () => unknown): void {
  new Promise(resolve => resolve(act())).catch(() => {})
}
