/**
 * The judge of a feed: finds the readers that are over a limit without looking at those that are not. It remembers a
 * place that no reader with a limit is behind; as long as that place is within the limits, so is everybody, and asking
 * costs one comparison however many readers there are.
 *
 * Live readers are not judged, unless an answer is late. A reader that began far back has no limit until it has been within it once, or it could
 * never resume; all that can happen to it is that the tail passes it. What a verdict means for a cursor stands in
 * log/overflow.ts, not here.
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
  #limits: LagLimits
  readonly #sentence: Sentence
  #hindmost: Position | undefined
  /** Those that only the tail can hurt: looked at on the wheel. */
  readonly #unlimited = new Set<Reader>()

  constructor(log: Log, limits: LagLimits, sentence: Sentence) {
    this.#log = log
    this.#limits = limits
    this.#sentence = sentence
  }

  /** Other limits, from now on: those that are behind are judged by them at the next flush or turn of the wheel. */
  limit(limits: LagLimits): void {
    this.#limits = limits
  }

  /** This reader is behind, and to be watched from now on. */
  watch(reader: Reader): void {
    if (!judged(reader)) return
    if (!limited(reader)) {
      this.#unlimited.add(reader)
      return
    }
    const place = measured(reader)
    if (this.#hindmost === undefined || place.bytes < this.#hindmost.bytes) this.#hindmost = place
  }

  /** On each flush: judges those that are behind, if the hindmost is over a limit at all. */
  enforce(readers: Iterable<Reader>, now: number): void {
    const last = this.#hindmost
    if (last === undefined) return
    if (this.#log.overran(last) || exceeds(this.#log, last, this.#limits.max, now)) this.#judgeAll(readers, now)
  }

  /** On each turn of the wheel: patience, and those that only the tail can hurt. */
  tick(readers: Iterable<Reader>, now: number): void {
    this.enforce(readers, now)
    const last = this.#hindmost
    if (last !== undefined && exceeds(this.#log, last, this.#limits.soft, now)) this.#judgeAll(readers, now)
    for (const reader of this.#unlimited) {
      if (judged(reader)) this.judge(reader, now)
      if (judged(reader) && !limited(reader)) continue
      this.#unlimited.delete(reader)
      this.watch(reader)
    }
  }

  /** Asks the policy about one reader and does what it says. */
  judge(reader: Reader, now: number): void {
    if (reader.state === 'closed') return
    const place = measured(reader)
    const { max, soft } = this.#limits
    if (!reader.settled && !exceeds(this.#log, place, max, now)) reader.settled = true
    if (!reader.settled || !exceeds(this.#log, place, soft, now)) reader.softSince = 0
    else if (reader.softSince === 0) reader.softSince = now
    if (!limited(reader) && !this.#log.overran(reader.cursor.at)) return
    const verdict = judge(reader.overflow, reader.cursor, this.#log, this.#limits, reader.softSince, now)
    if (verdict === 'skip') this.#sentence.skip(reader)
    if (verdict !== 'evict') return
    const lagging = reader.settled && reader.overflow === 'evict' && exceeds(this.#log, place, max, now)
    const cause = lagging ? 'lag' : this.#log.overran(reader.cursor.at) ? 'overrun' : 'soft-lag'
    const detail = `${this.#log.count - place.count} messages, ${this.#log.bytes - place.bytes} bytes behind`
    this.#sentence.evict(reader, cause, detail)
  }

  #judgeAll(readers: Iterable<Reader>, now: number): void {
    this.#hindmost = undefined
    for (const reader of readers) {
      if (judged(reader) && limited(reader)) this.judge(reader, now)
      this.watch(reader)
    }
  }
}

/** Whether a limit applies to it, besides the tail. */
export function limited({ settled, overflow, held, waits }: Reader): boolean {
  const { over } = POLICIES[overflow]
  return settled && !waits && over !== 'keep' && !(held && over === 'evict')
}

/** Live readers have everything unless an answer is late, sampled ones fall behind on purpose, and the log keeps what a gate holds. */
function judged({ state, gating, late, overflow }: Reader): boolean {
  if (gating) return false
  if (state === 'live') return late && POLICIES[overflow].over === 'evict'
  return state === 'catching' || state === 'full' || state === 'blocked'
}

function measured(reader: Reader): Position {
  return POLICIES[reader.overflow].measured(reader.cursor)
}
