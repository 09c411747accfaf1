/**
 * What a feed's source does, for the eye, in a word or two, and as a sentence with the reason. Pure; called by the cards and
 * the panel of the selected feed.
 */
import type { FeedReport } from './report.ts'

/** Each has a mark of its own shape besides its colour (page.css). */
export type SourceMark = 'running' | 'paused' | 'waiting' | 'restarting' | 'failed' | 'ended'

export interface SourceSeen {
  readonly mark: SourceMark
  readonly short: string
  /** Empty while it just runs. Read out when it changes, so nothing in it may change each second. */
  readonly sentence: string
}

/** Why a source waits: a word or two for the card, a sentence for the panel. */
const PAUSED: Readonly<Record<string, readonly [short: string, sentence: string]>> = {
  gate: ['paused: gate', 'The source is paused: it waits for the slowest reader, which holds the gate.'],
  pace: ['paused: pace', 'The source is paused for a moment: it runs at the pace of the fastest reader.'],
  'min-clients': ['paused: few clients', 'The source is paused: it waits until enough clients are here.'],
}

export function sourceOf(feed: FeedReport): SourceSeen {
  const { ending, source, sourceError, restarts, paused } = feed
  const why = sourceError === null ? '' : ` (${sourceError})`
  if (source === 'failed') {
    const then = ending === null ? 'the feed waits for another' : 'the feed has ended'
    return { mark: 'failed', short: 'failed', sentence: `The source has failed${why}, and ${then}.` }
  }
  if (ending !== null)
    return { mark: 'ended', short: 'ended', sentence: `This feed takes no more messages: ${ending}.` }
  if (source === 'restarting') {
    const sentence = `The source is asked again in a moment${why}. Restarts so far: ${restarts}.`
    return { mark: 'restarting', short: 'restarting', sentence }
  }
  if (paused !== null) {
    const [short, sentence] = PAUSED[paused] ?? [`paused: ${paused}`, `The source is paused: ${paused}.`]
    return { mark: 'paused', short, sentence }
  }
  if (source === 'waiting')
    return { mark: 'waiting', short: 'waiting', sentence: 'The source has not been asked for a message yet.' }
  return { mark: 'running', short: source === null || source === 'ended' ? 'open' : 'running', sentence: '' }
}
