/**
 * Feed, flush and clients together, on simulated sockets, in any order of events: nobody gets a message twice, out of order or
 * damaged; what a policy promises holds; the accounts balance at every step; and when everybody reads, everything flows again.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Hub, type Overflow } from '../../src/index.ts'
import { balance } from '../support/hub.ts'
import { SimulatedSocket } from '../support/simulated.ts'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))

interface Step {
  readonly do: 'publish' | 'publish-on' | 'read' | 'join' | 'join-earliest' | 'lose' | 'tick'
  readonly n: number
  readonly size: number
  readonly hole: number
}

const step: fc.Arbitrary<Step> = fc.record({
  do: fc.constantFrom(
    'publish',
    'publish',
    'publish',
    'publish-on',
    'read',
    'read',
    'read',
    'join',
    'join-earliest',
    'lose',
    'tick',
  ),
  n: fc.nat(50),
  size: fc.oneof({ weight: 8, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.integer({ min: 400, max: 6_000 }) }),
  hole: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }) }),
})

const scenario = fc.record({
  overflow: fc.constantFrom<Overflow>('pause', 'evict', 'skip'),
  capacity: fc.integer({ min: 32 * 1024, max: 64 * 1024 }),
  maxLag: fc.option(fc.integer({ min: 2_000, max: 30_000 })),
  messages: fc.option(fc.integer({ min: 1, max: 200 })),
  kernel: fc.integer({ min: 100, max: 20_000 }),
  steps: fc.array(step, { minLength: 20, maxLength: 120 }),
})

test('whatever happens in whatever order, readers get what they should and accounts balance', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ overflow, capacity, maxLag, messages, kernel, steps }) => {
      const hub = new Hub({ evictGraceMs: 1 })
      const feed = hub.feed('f', {
        overflow,
        capacity: { bytes: capacity, messages: messages ?? undefined },
        maxLag: maxLag === null ? { bytes: capacity } : { bytes: maxLag },
        maxMessageBytes: 6_010,
      })
      const sockets: SimulatedSocket[] = []
      let published = 0
      const join = (earliest: boolean) => {
        const socket = new SimulatedSocket(kernel)
        sockets.push(socket)
        const at = earliest ? feed.log.tail : feed.log.end
        hub.admit(socket, socket, { address: '', name: `${sockets.length}`, agent: '' }, feed, {
          at,
          overflow,
          maxRate: 0,
        })
      }
      const publish = (size: number, hole: number) => {
        feed.publish({ payload: `${published} `.padEnd(size + 8, '.'), offset: feed.log.head + hole })
        published++
      }
      for (const { do: act, n, size, hole } of steps) {
        const socket = sockets[n % Math.max(1, sockets.length)]
        if (act === 'publish') for (let i = 0; i < n && feed.demand.open; i++) publish(size, hole)
        else if (act === 'publish-on' && overflow !== 'pause') for (let i = 0; i < n; i++) publish(size, hole)
        else if (act === 'read') socket?.read(n * 200)
        else if (act === 'join') join(false)
        else if (act === 'join-earliest') join(true)
        else if (act === 'lose') socket?.lose()
        else feed.tick(performance.now())
        await turn()
        balance(hub)
        expect(feed.log.pinned).toBeLessThanOrEqual(capacity + sockets.length * 40_000)
        for (const reader of feed.readers) if (reader.gating) expect(feed.log.overran(reader.confirmed)).toBe(false)
      }
      // Everybody reads until nothing moves any more.
      for (let quiet = 0; quiet < 3; ) {
        const before = sockets.reduce((sum, socket) => sum + socket.received.length, 0)
        for (const socket of sockets) socket.read(Number.POSITIVE_INFINITY)
        await turn()
        feed.tick(performance.now())
        await turn()
        quiet = sockets.reduce((sum, socket) => sum + socket.received.length, 0) === before ? quiet + 1 : 0
      }
      expect(feed.demand.open).toBe(true)
      balance(hub)
      for (const client of hub.clients) {
        if (client.reader.state === 'closed') continue
        expect(client.served).toBe(true)
        expect(client.reader.state).toBe('live')
      }
      for (const socket of sockets) {
        const numbers = socket.payloads().map(payload => Number(/^(\d+) \.*$/.exec(payload)?.[1] ?? Number.NaN))
        const jumps = numbers.filter((number, i) => i > 0 && number !== numbers[i - 1]! + 1)
        expect(numbers.every((number, i) => i === 0 || number > numbers[i - 1]!)).toBe(true)
        if (overflow !== 'skip') expect(jumps).toEqual([])
        const client = [...hub.clients].find(({ info }) => sockets[Number(info.name) - 1] === socket)
        if (client !== undefined && client.reader.state !== 'closed') {
          expect(client.reader.account().taken).toBe(numbers.length)
          if (numbers.length > 0) expect(numbers.at(-1)).toBe(published - 1)
        }
      }
      expect(feed.log.pinned).toBe(0)
      await hub.close({ drainMs: 0 })
    }),
    { numRuns: 250 },
  )
}, 120_000)
