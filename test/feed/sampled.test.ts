/** A reader with a rate whose socket gets stuck: it waits like any other, and then goes on sampling. */
import { expect, onTestFinished, test } from 'vitest'
import { Hub } from '../../src/index.ts'
import { SimulatedSocket } from '../support/simulated.ts'
import { until } from '../support/until.ts'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test.each([
  ['its write is over', 'blocked', { targetDelayMs: 0 }],
  ['there is room in its window', 'full', { minWindowBytes: 50, maxWindowBytes: 50, tailPingMs: 1 }],
] as const)('stays on the wheel when %s, and gets the newest then', async (_, stuck, options) => {
  const hub = new Hub({ evictGraceMs: 1, ...options })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  const feed = hub.feed('f')
  const socket = new SimulatedSocket(stuck === 'blocked' ? 50 : 1_000)
  const joining = { at: feed.log.end, overflow: 'skip', maxRate: 1_000 } as const
  const client = hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, joining)
  const { reader } = client
  const now = performance.now()
  feed.publish({ payload: 'x'.repeat(100) })
  if (stuck === 'full') feed.publish({ payload: 'no room for this' })
  feed.tick(now + 50)
  expect(reader.state).toBe(stuck)
  for (let i = 0; i < 2_000; i++) feed.publish({ payload: `${i}` })
  feed.tick(now + 500)
  expect(reader.state).toBe(stuck)
  for (let i = 0; i < 5; i++) socket.read(Number.POSITIVE_INFINITY)
  expect(reader.state).toBe('sampled')
  for (let ms = 600; ms < 60_000 && reader.cursor.at.count < feed.log.count; ms += 50) {
    feed.tick(now + ms)
    await turn()
    socket.read(Number.POSITIVE_INFINITY)
  }
  await until('it to be taken', () => socket.read(Number.MAX_SAFE_INTEGER) === 0 && reader.account().inFlight === 0)
  expect(socket.payloads().at(-1)).toBe('1999')
  const { taken, skipped, published } = reader.account()
  expect([taken, taken + skipped]).toEqual([socket.payloads().length, published])
  expect(skipped).toBeGreaterThan(0)
  socket.lose()
  feed.publish({ payload: 'later' })
  feed.tick(now + 70_000)
  expect([reader.state, feed.readers.size]).toEqual(['closed', 0])
})
