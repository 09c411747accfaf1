/** On what terms a world lives, how readers join it, and what happened in all of them. Not a test. */
import type { Format } from '../../../src/log/frame.ts'
import type { LogLimits } from '../../../src/log/log.ts'
import type { LagLimits } from '../../../src/log/overflow.ts'

export interface Terms {
  readonly format: Format
  readonly capacity: LogLimits
  readonly limits: LagLimits
}

/** Where a reader begins, as clients say it; `share` is how far between the oldest and the newest. */
export interface From {
  readonly by: 'latest' | 'earliest' | 'offset' | 'time'
  readonly share: number
}

/** What happened in all worlds: the test asserts that it tried what it claims to try. */
export const seen = { segments: 0, holes: 0, delivered: 0, outOfLog: 0, copies: 0, skips: 0, evicts: 0, gated: 0 }
