import type { Account } from '../../src/index.ts'

/** The account of a reader to whom nothing was published. */
export const NOTHING: Account = {
  published: 0,
  taken: 0,
  inFlight: 0,
  skipped: 0,
  conflated: 0,
  queued: 0,
  unknown: 0,
  undelivered: 0,
  missing: 0,
}
