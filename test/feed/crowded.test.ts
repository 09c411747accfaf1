/** Memory that the bytes of messages do not show: the marks of a source that leaves a hole before every message. */
import { expect } from 'vitest'
import { Hub } from '../../src/index.ts'
import { SimulatedSocket } from '../support/simulated.ts'
import { onTestFinished, together } from '../support/together.ts'
import { until } from '../support/until.ts'

const { test } = together()

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

test.each([
  ['socket has taken more', { targetDelayMs: 0 }],
  ['client has answered', { tailPingMs: 1 }],
] as const)(
  'holds the source before the high mark, and lets it go on as soon as the slowest has moved: its %s',
  async (_, options) => {
    const hub = new Hub(options)
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
    await until('it to be let go', () => {
      socket.read(Number.MAX_SAFE_INTEGER)
      return open
    })
    for (let i = 0; i < 5_000; i++) {
      if (publish()) continue
      open = false
      void feed.ready().then(() => {
        open = true
      })
      await until('it to be let go again', () => {
        socket.read(Number.MAX_SAFE_INTEGER)
        return open
      })
    }
    expect(feed.log.held).toBeLessThan(2 * 64 * 1024)
  },
)
