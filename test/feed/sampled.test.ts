/** A reader with a rate whose socket gets stuck: it waits like any other, and then goes on sampling. */
import { expect, onTestFinished, test } from 'vitest'
import { Hub } from '../../src/index.ts'
import { SimulatedSocket } from '../support/simulated.ts'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('stays on the wheel when its write is over, and gets the newest then', async () => {
  const hub = new Hub({ evictGraceMs: 1 })
  onTestFinished(() => hub.close({ drainMs: 0 }))
  const feed = hub.feed('f')
  const socket = new SimulatedSocket(50)
  const joining = { at: feed.log.end, overflow: 'skip', maxRate: 1_000 } as const
  const client = hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, joining)
  const { reader } = client
  const now = performance.now()
  feed.publish({ payload: 'x'.repeat(100) })
  feed.tick(now)
  expect(reader.state).toBe('blocked')
  for (let i = 0; i < 2_000; i++) feed.publish({ payload: `${i}` })
  feed.tick(now + 500)
  expect(reader.state).toBe('blocked')
  for (let i = 0; i < 5; i++) socket.read(Number.POSITIVE_INFINITY)
  expect(reader.state).toBe('sampled')
  for (let ms = 600; ms < 60_000 && reader.cursor.at.count < feed.log.count; ms += 50) {
    feed.tick(now + ms)
    await turn()
    socket.read(Number.POSITIVE_INFINITY)
  }
  expect(socket.payloads().at(-1)).toBe('1999')
  const { taken, skipped, published } = reader.account()
  expect([taken, taken + skipped]).toEqual([socket.payloads().length, published])
  expect(skipped).toBeGreaterThan(0)
  socket.lose()
  feed.publish({ payload: 'later' })
  feed.tick(now + 70_000)
  expect([reader.state, feed.readers.size]).toEqual(['closed', 0])
})
