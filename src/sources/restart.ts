/**
 * When a source is asked again, and after how long. The delay doubles with each failure in a row and is drawn from its upper
 * half, so that many hubs whose database went away do not all come back to it at once; a source that has run well for
 * `resetMs` starts again from the shortest. Pure: no clock and no timer of its own. Called by attach.
 */
import { z } from 'zod'
import { parse } from '../parse.ts'

export interface RestartOptions {
  /** The shortest delay before it is asked again, in milliseconds. @default 250 */
  readonly minMs?: number
  /** The longest, in milliseconds. @default 30_000 */
  readonly maxMs?: number
  /** How often it is asked again in a row, before its failure is the feed's. @default Infinity */
  readonly attempts?: number
  /** Having run for so long, in milliseconds, it has run well, and its failures are counted afresh. @default 10_000 */
  readonly resetMs?: number
  /** Whether an end without an error is an end (`failure`), or it is asked again then too (`always`). @default 'failure' */
  readonly on?: 'failure' | 'always'
}

export type RestartSettings = Required<RestartOptions>

/** Timers end at 24 days, and fire at once beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1

const NEVER_ENDING = Number.POSITIVE_INFINITY
const ATTEMPTS_RULE = 'a whole number, or Infinity'

const ms = z.number().min(0).max(MAX_TIMER_MS)
const schema = z.strictObject({
  minMs: ms.min(1).default(250),
  maxMs: ms.default(30_000),
  attempts: z
    .custom<number>(
      value => value === NEVER_ENDING || (Number.isInteger(value) && (value as number) >= 0),
      ATTEMPTS_RULE,
    )
    .default(NEVER_ENDING),
  resetMs: ms.default(10_000),
  on: z.enum(['failure', 'always']).default('failure'),
})

/** Checks the options and fills in what was left out. @throws SpillwayError `bad_option` */
export function restartSettings(options: RestartOptions, what: string): RestartSettings {
  const given = parse(schema, options, what)
  const maxMs = options.maxMs === undefined ? Math.max(given.maxMs, given.minMs) : given.maxMs
  parse(z.strictObject({ maxMs: z.number().min(given.minMs) }), { maxMs }, what)
  return { ...given, maxMs }
}

/** One source's restarts. */
export class Restarts {
  readonly #settings: RestartSettings
  readonly #random: () => number
  #inARow = 0

  constructor(settings: RestartSettings, random: () => number = Math.random) {
    this.#settings = settings
    this.#random = random
  }

  /** How often it was asked again in a row, without having run well. */
  get inARow(): number {
    return this.#inARow
  }

  /** The source is over after `ranMs`: after how many milliseconds it is asked again, undefined if it is not. */
  next(failed: boolean, ranMs: number): number | undefined {
    const { minMs, maxMs, attempts, resetMs, on } = this.#settings
    if (!failed && on === 'failure') return undefined
    if (ranMs >= resetMs) this.#inARow = 0
    if (this.#inARow >= attempts) return undefined
    this.#inARow++
    const most = Math.min(maxMs, minMs * 2 ** this.#inARow)
    return Math.max(minMs, most * (0.5 + this.#random() / 2))
  }
}
