/** What the page says of a feed's source. */
import { expect, test } from 'vitest'
import type { FeedReport } from '../../src/server/page/report.ts'
import { sourceOf } from '../../src/server/page/source.ts'

const FEED = { ending: null, source: 'running', sourceError: null, restarts: 0, paused: null }
const sentenceOf = (of: Partial<FeedReport>) => sourceOf({ ...FEED, ...of } as FeedReport).sentence

test('a source that has failed has ended its feed only where it has', () => {
  const failed = { source: 'failed', sourceError: 'cable pulled' }
  expect(sentenceOf({ ...failed, ending: 'source failed: cable pulled' })).toBe(
    'The source has failed (cable pulled), and the feed has ended.',
  )
  // A writable with `end: false`.
  expect(sentenceOf(failed)).toBe('The source has failed (cable pulled), and the feed waits for another.')
})

test('a feed that is open and has no source any more does not run', () => {
  const { short } = sourceOf({ ...FEED, source: 'ended' } as FeedReport)
  expect(short).toBe('open')
})

test('what is read out when it changes has nothing in it that changes each second', () => {
  for (const paused of ['gate', 'pace', 'min-clients'])
    expect(sentenceOf({ paused, pausedSeconds: 7 })).toBe(sentenceOf({ paused, pausedSeconds: 8 }))
})
