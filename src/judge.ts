/**
 * The judge of a feed: finds the readers that are over a limit without looking at those that are not. It remembers a
 * place that no reader it answers for is behind; as long as that place is within the limits, so is everybody, and a tick
 * costs one comparison however many readers there are.
 *
 * Live readers are never judged. What a verdict means for a cursor stands in log/overflow.ts, not here.
 */
import type { EvictCause } from './events.ts'
import type { Log } from './log/log.ts'
import { exceeds, judge, type LagLimits, POLICIES } from './log/overflow.ts'
import type { Position } from './log/position.ts'
import type { Reader } from './reader.ts'

/** What is done to a reader that has been judged. */
export interface Sentence {
  skip(reader: Reader): void
  evict(reader: Reader, cause: EvictCause, detail: string): void
}

export class Judge {
  readonly #log: Log
  readonly #limits: LagLimits
  readonly #sentence: Sentence
  #hindmost: Position | undefined

  constructor(log: Log, limits: LagLimits, sentence: Sentence) {
    this.#log = log
    this.#limits = limits
    this.#sentence = sentence
  }

  /** This reader is behind, and to be watched from now on. */
  watch(reader: Reader): void {
    if (!judged(reader)) return
    const place = measured(reader)
    if (this.#hindmost === undefined || place.bytes < this.#hindmost.bytes) this.#hindmost = place
  }

  /** Judges those that are behind, if the hindmost is over a limit at all. Patience is for the wheel, not for each flush. */
  enforce(readers: Iterable<Reader>, now: number, patience: boolean): void {
    const last = this.#hindmost
    if (last === undefined) return
    const { max, soft } = this.#limits
    const over = this.#log.overran(last) || exceeds(this.#log, last, max, now)
    if (!over && !(patience && exceeds(this.#log, last, soft, now))) return
    this.#hindmost = undefined
    for (const reader of readers) {
      if (judged(reader)) this.judge(reader, now)
      this.watch(reader)
    }
  }

  /** Asks the policy about one reader and does what it says. */
  judge(reader: Reader, now: number): void {
    if (reader.state === 'closed') return
    const place = measured(reader)
    const { max, soft } = this.#limits
    if (!exceeds(this.#log, place, soft, now)) reader.softSince = 0
    else if (reader.softSince === 0) reader.softSince = now
    const verdict = judge(reader.overflow, reader.cursor, this.#log, this.#limits, reader.softSince, now)
    if (verdict === 'skip') this.#sentence.skip(reader)
    if (verdict !== 'evict') return
    const limited = POLICIES[reader.overflow].over === 'evict' && exceeds(this.#log, place, max, now)
    const cause = limited ? 'lag' : this.#log.overran(reader.cursor.at) ? 'overrun' : 'soft-lag'
    const detail = `${this.#log.count - place.count} messages, ${this.#log.bytes - place.bytes} bytes behind`
    this.#sentence.evict(reader, cause, detail)
  }
}

/** Live readers have everything, sampled ones fall behind on purpose, and the log keeps what a gate holds. */
function judged({ state, gating }: Reader): boolean {
  return (state === 'blocked' || state === 'catching') && !gating
}

function measured(reader: Reader): Position {
  return POLICIES[reader.overflow].measured(reader.cursor)
}
