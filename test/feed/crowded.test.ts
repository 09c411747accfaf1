/** Memory that the bytes of messages do not show: the marks of a source that leaves a hole before every message. */
import { expect, onTestFinished, test } from 'vitest'
import { Hub } from '../../src/index.ts'
import { SimulatedSocket } from '../support/simulated.ts'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test('holds the source before the high mark, and lets it go on as soon as the slowest has moved', async () => {
  const hub = new Hub()
  onTestFinished(() => hub.close({ drainMs: 0 }))
  const feed = hub.feed('f', { overflow: 'pause', capacity: 64 * 1024 })
  const socket = new SimulatedSocket(100)
  const joining = { at: feed.log.end, overflow: 'pause', maxRate: 0 } as const
  hub.admit(socket, socket, { address: '', name: '', agent: '' }, feed, joining)
  let published = 0
  const publish = () => feed.publish({ payload: `${published}`, offset: feed.log.head + (published++ > 0 ? 1 : 0) })
  while (feed.demand.cause !== 'gate') if (!publish()) await Promise.race([feed.ready(), turn()])
  expect(feed.log.bytes).toBeLessThan(feed.settings.highBytes)
  expect(feed.log.held).toBeLessThan(2 * 64 * 1024)
  let open = false
  void feed.ready().then(() => {
    open = true
  })
  for (let turns = 0; turns < 1_000 && !open; turns++) {
    socket.read(Number.POSITIVE_INFINITY)
    await turn()
  }
  expect(open).toBe(true)
  for (let i = 0; i < 5_000; i++) {
    if (!publish()) {
      socket.read(Number.POSITIVE_INFINITY)
      await Promise.race([feed.ready(), turn()])
    }
  }
  expect(feed.log.held).toBeLessThan(2 * 64 * 1024)
})
