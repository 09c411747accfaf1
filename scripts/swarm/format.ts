/**
 * What a server's messages look like, as far as a load client needs to know: where the time of publication stands in them, and
 * whether a number follows it. One for all clients of a swarm; learned from the first message that has a time, and learned anew
 * when a message turns up that does not look like it.
 *
 *     1763769600123456 42 …             microseconds, and the message's number behind a space: latency and gaps
 *     {"time":1763769600123,"a":…}      milliseconds, anywhere in the first 128 bytes: latency
 */

/** How far into a message the time is looked for. */
export const HEAD_BYTES = 128
/** A run of digits that says some other year is a number and no time of publication. */
const NEAR_MS = 24 * 3_600_000
/** After so many messages without a time none is looked for any more. */
const PATIENCE = 100

const MICROS_DIGITS = 16
const MILLIS_DIGITS = 13

/** Where in a message the time of its publication stands: from which byte, and in how many digits. */
export interface TimePlace {
  readonly at: number
  readonly digits: number
}

export class MessageFormat {
  /** Undefined while it is not known, or where there is none. */
  time: TimePlace | undefined
  /** Whether the number of the message follows the time, behind one space. */
  numbered: boolean
  #patience: number

  /** Learns from what comes, or is told and does not look. */
  constructor(known?: { readonly time: TimePlace | undefined; readonly numbered?: boolean }) {
    this.time = known?.time
    this.numbered = known?.numbered ?? false
    this.#patience = known === undefined ? PATIENCE : 0
  }

  /** Whether the beginnings of messages are wanted. */
  get looking(): boolean {
    return this.time === undefined && this.#patience > 0
  }

  learn(head: Buffer): void {
    if (!this.looking) return
    this.#patience--
    const text = head.toString('latin1')
    for (const { index, 0: digits } of text.matchAll(/\d+/g)) {
      if (digits.length !== MICROS_DIGITS && digits.length !== MILLIS_DIGITS) continue
      if (Math.abs(toMs(Number(digits), digits.length) - Date.now()) > NEAR_MS) continue
      this.time = { at: index, digits: digits.length }
      this.numbered = index === 0 && digits.length === MICROS_DIGITS && /^\d+ \d+( |$)/.test(text)
      return
    }
  }

  /** Where the time was expected stands something else. */
  mistaken(): void {
    if (this.#patience > 0) this.time = undefined
  }

  /** Milliseconds since 1970 and fractions of them. */
  ms(time: number): number {
    return toMs(time, this.time?.digits ?? MILLIS_DIGITS)
  }
}

function toMs(time: number, digits: number): number {
  return digits === MICROS_DIGITS ? time / 1_000 : time
}
