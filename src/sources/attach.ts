/**
 * A source attached to a feed: what may not be asked of one that cannot wait, how its end and its failure become the feed's, and
 * what is told of messages that the feed refused. Called by the hub, once for each source.
 */
import { expected, reasonOf, SpillwayError } from '../errors.ts'
import type { Feed } from '../feed.ts'
import type { FeedSettings, Logger } from '../options.ts'
import { CLOSE } from '../protocol.ts'
import { type PumpOptions, pump } from './pump.ts'
import type { SourceLike } from './source.ts'

const REFUSALS_TOLD_MS = 1_000

/** Pumps until there is no more, then ends the feed: with 1000, or with 4500 if the source failed. Never rejects. */
export async function attachSource(
  source: SourceLike,
  feed: Feed,
  options: Omit<PumpOptions, 'refused'>,
  logger: Logger,
): Promise<void> {
  const refused = refusals(feed, line => logger.warn(line))
  try {
    await pump(source, feed, { ...options, refused })
    if (!feed.takesMore) return
    logger.info(`feed ${feed.name}: its source has ended after ${feed.log.count} messages`)
    feed.end()
  } catch (error) {
    logger.error(`feed ${feed.name}: its source failed: ${reasonOf(error)}`)
    feed.end({ code: CLOSE.internal, reason: `source failed: ${reasonOf(error)}` })
  }
}

/** A source that cannot wait makes every option that holds it meaningless: better refused than ignored. */
export function checkWithoutWaiting(name: string, { allow, minClients }: FeedSettings, rate: number): void {
  const because = 'because this source cannot wait'
  const refuse = (what: string, rule: string, got: unknown): never => {
    throw new SpillwayError('cannot_wait', expected(`${name}.${what}`, `${rule}, ${because}`, got))
  }
  if (allow.includes('pause')) refuse('overflow', 'evict or skip', 'pause')
  if (minClients > 0) refuse('minClients', '0', minClients)
  if (rate > 0) refuse('rate', '0', rate)
}

/** Counts refused messages, and tells the first of each second. */
function refusals(feed: Feed, tell: (line: string) => void): (error: SpillwayError) => void {
  let toldAt = Number.NEGATIVE_INFINITY
  let untold = 0
  return error => {
    feed.refused++
    const now = performance.now()
    if (now - toldAt < REFUSALS_TOLD_MS) {
      untold++
      return
    }
    tell(`feed ${feed.name}: refused a message: ${error.message}${untold > 0 ? ` (and ${untold} more)` : ''}`)
    toldAt = now
    untold = 0
  }
}
