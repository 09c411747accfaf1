/**
 * A recorded file as a source: NDJSON, a message a line, each given when its own time stamp says, at the original speed or faster, or at
 * a rate. It waits where its feed waits, and loses nothing: it goes on later then, and what it is late by is made up for to the
 * extent of one second. A line is a message as it stands; it is parsed for its time only.
 */
import { createReadStream } from 'node:fs'
import { z } from 'zod'
import { expected, reasonOf, SpillwayError } from '../errors.ts'
import { parse } from '../parse.ts'
import { interruptible, wait } from './clock.ts'
import { lines } from './readable.ts'
import type { Item, Source, SourceFunction } from './source.ts'

export interface ReplayOptions {
  /** How many times as fast as it was recorded, above 0. @default 1 */
  readonly speed?: number
  /** From the beginning again when it is at its end. @default false */
  readonly loop?: boolean
  /** Messages per second, whatever the time stamps say; goes without `speed`. @default by the time stamps */
  readonly rate?: number
  /** The field with the time of a line: milliseconds since 1970, or a date as ISO 8601 has it. @default 'time' */
  readonly timeField?: string
  /** Ends the source. @default none */
  readonly signal?: AbortSignal
}

/** How much of what it is late by is made up for. */
const MAX_DEBT_MS = 1_000
/** Sooner is now: a timer for each line would cost more than the line. */
const GRAIN_MS = 2
const MAX_TIMER_MS = 2 ** 31 - 1
const LINE_BYTES = 64 * 1024 * 1024

const schema = z.strictObject({
  speed: z.number().gt(0).max(1e9).optional(),
  loop: z.boolean().default(false),
  rate: z.number().min(0.001).max(1e9).optional(),
  timeField: z.string().min(1).default('time'),
  signal: z.custom<AbortSignal>(value => value instanceof AbortSignal, 'an AbortSignal').optional(),
})

type Settings = z.output<typeof schema>

/** A recorded NDJSON file at its own pace. @throws SpillwayError `bad_option` */
export function replay(path: string, options: ReplayOptions = {}): SourceFunction {
  parse(z.string().min(1), path, 'replay')
  const settings = parse(schema, options, 'replay')
  if (settings.rate !== undefined && settings.speed !== undefined) {
    throw new SpillwayError('bad_option', expected('replay.rate', 'either a rate or a speed', settings.rate))
  }
  const open = (): Source => ({
    [Symbol.asyncIterator]: () => interruptible(stop => played(path, settings, stop), settings.signal),
  })
  // Asked again it would begin at the start: only for who says that this is what they want.
  return Object.assign(open, { restart: false } as const)
}

async function* played(path: string, settings: Settings, stop: AbortSignal): AsyncGenerator<Item, void> {
  const { loop, rate, speed = 1 } = settings
  // When the next line is due, on the monotonic clock, and the time stamp that is played then.
  let due = performance.now()
  let given: number
  do {
    given = 0
    let before: number | undefined
    for await (const line of lines(createReadStream(path), { maxMessageBytes: LINE_BYTES, refused: thrown })) {
      // NDJSON lets blank lines stand between the others, and files like to end with one.
      if (line.length === 0) continue
      if (rate !== undefined) due += given === 0 ? 0 : 1_000 / rate
      else {
        const time: number | undefined = timeOf(line, settings.timeField)
        if (time === undefined && before === undefined) throw withoutTime(given + 1, settings.timeField)
        // A line without a time, or with an earlier one, goes right behind the one before it.
        if (time !== undefined) due += Math.max(0, time - (before ?? time)) / speed
        before = Math.max(time ?? 0, before ?? Number.NEGATIVE_INFINITY)
      }
      due = Math.max(due, performance.now() - MAX_DEBT_MS)
      await until(due, stop)
      if (stop.aborted) return
      given++
      yield line
    }
    if (loop && rate !== undefined) due += 1_000 / rate
    // Lines that are all due at once must not keep a loop from its turn.
    if (loop) await wait(1, stop)
  } while (loop && given > 0 && !stop.aborted)
}

async function until(due: number, stop: AbortSignal): Promise<void> {
  for (let left = due - performance.now(); left > GRAIN_MS && !stop.aborted; left = due - performance.now()) {
    await wait(Math.min(left, MAX_TIMER_MS), stop)
  }
}

/** The time of a line in milliseconds since 1970; undefined if it has none. */
function timeOf(line: Uint8Array, field: string): number | undefined {
  let value: unknown
  try {
    value = (
      JSON.parse(Buffer.from(line.buffer, line.byteOffset, line.byteLength).toString()) as Record<string, unknown>
    )?.[field]
  } catch {
    return undefined
  }
  const time = typeof value === 'string' ? Date.parse(value) : value
  return typeof time === 'number' && Number.isFinite(time) ? time : undefined
}

function withoutTime(line: number, field: string): SpillwayError {
  const rule = `"${field}" with a time (ms since 1970, or ISO 8601), or replay at a rate`
  return new SpillwayError('source_failed', expected(`line ${line} of the recording`, rule, undefined))
}

function thrown(error: SpillwayError): never {
  throw new SpillwayError('source_failed', reasonOf(error))
}
