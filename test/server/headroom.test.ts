/** Headroom: what is left before something happens to a reader, by the limit that applies to it. */
import { expect, onTestFinished, test } from 'vitest'
import { Hub } from '../../src/index.ts'
import { headroomOf } from '../../src/server/watch/headroom.ts'
import { SimulatedSocket } from '../support/simulated.ts'

test('one that is held back by its window alone is not evicted for that, and has all up to the tail left', () => {
  const hub = new Hub({ targetDelayMs: 0, evictGraceMs: 1 })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  const feed = hub.feed('f', { overflow: 'evict', capacity: 1_000_000, maxLag: 100_000 })
  const socket = new SimulatedSocket(0)
  const info = { address: '', name: '', agent: '' }
  const joining = { at: feed.log.end, overflow: 'evict', maxRate: 0 } as const
  const { reader } = hub.admit(socket, socket, info, feed, joining)
  reader.held = true
  for (let i = 0; i < 200; i++) feed.publish({ payload: 'x'.repeat(990) })
  const queued = feed.log.bytes - reader.cursor.at.bytes
  expect(queued).toBeGreaterThan(100_000)
  const now = performance.now()
  expect(headroomOf(reader, now)).toMatchObject({ bytes: 1_000_000 - queued, ratio: (1_000_000 - queued) / 1_000_000 })
  reader.held = false
  expect(headroomOf(reader, now)).toMatchObject({ bytes: 0, ratio: 0 })
})
