/**
 * Feed, flush, windows and clients together, on simulated sockets, in any order of events, with clients that answer pings at once, late or
 * not at all: nobody gets a message twice, out of order or damaged; what a policy promises holds; the accounts balance at every
 * step; what is in flight is asked about; and when everybody reads and answers, everything flows again and is known to be taken.
 * What is asked at every step is asked with node:assert: `expect` would take longer than all the rest.
 */
import assert from 'node:assert/strict'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Client } from '../../src/clients/client.ts'
import { Hub, type HubOptions, type Overflow } from '../../src/index.ts'
import { balance } from '../support/hub.ts'
import { SimulatedSocket } from '../support/simulated.ts'

const turn = () => new Promise<void>(resolve => setImmediate(resolve))
const MAX_CLIENTS = 200
const MAX_MESSAGE_BYTES = 6_010

interface Step {
  readonly do:
    | 'publish'
    | 'publish-on'
    | 'read'
    | 'answer'
    | 'join'
    | 'join-earliest'
    | 'join-late'
    | 'lose'
    | 'tick'
    | 'wheel'
    | 'sweep'
  readonly n: number
  readonly size: number
  readonly hole: number
  /** How much time passes before it, in milliseconds. */
  readonly ms: number
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
    'answer',
    'join',
    'join-earliest',
    'join-late',
    'lose',
    'tick',
    'wheel',
    'sweep',
  ),
  n: fc.nat(50),
  size: fc.oneof({ weight: 8, arbitrary: fc.nat(400) }, { weight: 1, arbitrary: fc.integer({ min: 400, max: 6_000 }) }),
  hole: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 5 }) }),
  ms: fc.oneof(
    { weight: 2, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }) },
    { weight: 1, arbitrary: fc.integer({ min: 60, max: 4_000 }) },
  ),
})

/** Windows smaller than most bursts, and than some messages; null = off. */
const windows = fc.option(
  fc.record({
    minWindowBytes: fc.integer({ min: 400, max: 4_000 }),
    more: fc.nat(20_000),
    /** What there is beyond the minimums for all together. */
    beyond: fc.oneof(fc.constant(Number.POSITIVE_INFINITY), fc.nat(30_000)),
    targetDelayMs: fc.integer({ min: 10, max: 2_000 }),
  }),
  { freq: 4 },
)

const scenario = fc.record({
  overflow: fc.constantFrom<Overflow>('pause', 'evict', 'skip'),
  capacity: fc.integer({ min: 32 * 1024, max: 64 * 1024 }),
  maxLag: fc.option(fc.integer({ min: 2_000, max: 30_000 })),
  messages: fc.option(fc.integer({ min: 1, max: 200 })),
  kernel: fc.integer({ min: 100, max: 20_000 }),
  windows,
  steps: fc.array(step, { minLength: 20, maxLength: 120 }),
})

/** Time passes only when a step says so. */
let now = 0

beforeEach(() => {
  now = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => now)
})
afterEach(() => void vi.restoreAllMocks())

type Given = typeof windows extends fc.Arbitrary<infer T> ? T : never

function hubOptions(given: Given): HubOptions {
  const common = { evictGraceMs: 1, maxClients: MAX_CLIENTS, stallTimeoutMs: 0 }
  if (given === null) return { ...common, targetDelayMs: 0 }
  const { minWindowBytes, more, beyond, targetDelayMs } = given
  const maxInFlightBytes = beyond === Number.POSITIVE_INFINITY ? 0 : MAX_CLIENTS * minWindowBytes + beyond
  return { ...common, minWindowBytes, maxWindowBytes: minWindowBytes + more, maxInFlightBytes, targetDelayMs }
}

/**
 * Nothing is taken that was not read. What is in flight to an open client is asked about, or soon will be; and it is no more than its
 * window ever was, or one message, or what it was given while it was `silent`: one that never answers.
 */
function checkWindows(hub: Hub, sockets: readonly SimulatedSocket[], silent: Set<Client>): void {
  for (const client of hub.clients) {
    const { window, reader, unconfirmed, info } = client
    if (window === undefined) continue
    const { inFlightBytes, inFlightMessages, asked, taken, skipped, confirmed, joined, mute } = reader.cursor
    assert.ok(taken <= sockets[Number(info.name) - 1]!.payloads().length)
    assert.equal(mute, unconfirmed)
    if (!mute && skipped === 0) assert.equal(confirmed.count, joined.count + taken)
    if (reader.state === 'closed') continue
    assert.equal(inFlightMessages > 0, inFlightBytes > 0)
    assert.equal(asked, window.outstanding[0])
    assert.equal(window.queue !== undefined, inFlightBytes > 0 || window.outstanding.length > 0)
    if (reader.state === 'full') assert.ok(inFlightBytes > 0)
    if (unconfirmed) silent.add(client)
    if (inFlightMessages <= 1) silent.delete(client)
    if (inFlightMessages <= 1 || silent.has(client)) continue
    assert.ok(inFlightBytes <= hub.settings.maxWindowBytes, `${inFlightBytes} bytes in flight`)
  }
}

/** What the wheel does for the windows. */
function turnWheel({ windows }: Hub): void {
  windows?.pings.ask(now)
  windows?.turn(now)
}

test('whatever happens in whatever order, readers get what they should and accounts balance', async () => {
  await fc.assert(
    fc.asyncProperty(scenario, async ({ overflow, capacity, maxLag, messages, kernel, windows, steps }) => {
      const hub = new Hub(hubOptions(windows))
      const feed = hub.feed('f', {
        overflow,
        capacity: { bytes: capacity, messages: messages ?? undefined },
        maxLag: maxLag === null ? { bytes: capacity } : { bytes: maxLag },
        maxMessageBytes: MAX_MESSAGE_BYTES,
        maxPauseMs: 0,
      })
      const sockets: SimulatedSocket[] = []
      const admitted: Client[] = []
      const silent = new Set<Client>()
      let published = 0
      const join = (earliest: boolean, prompt: boolean) => {
        const socket = new SimulatedSocket(kernel)
        socket.prompt = prompt
        sockets.push(socket)
        const at = earliest ? feed.log.tail : feed.log.end
        const info = { address: '', name: `${sockets.length}`, agent: '' }
        admitted.push(hub.admit(socket, socket, info, feed, { at, overflow, maxRate: 0 }))
      }
      const publish = (size: number, hole: number) => {
        feed.publish({ payload: `${published} `.padEnd(size + 8, '.'), offset: feed.log.head + hole })
        published++
      }
      for (const { do: act, n, size, hole, ms } of steps) {
        now += ms
        const connected = sockets.filter(({ readyState }) => readyState !== 3)
        const socket = connected[n % Math.max(1, connected.length)]
        if (act === 'publish') for (let i = 0; i < n && feed.demand.open; i++) publish(size, hole)
        else if (act === 'publish-on' && overflow !== 'pause') for (let i = 0; i < n; i++) publish(size, hole)
        else if (act === 'read') socket?.read(n * 200)
        else if (act === 'answer') socket?.answer()
        else if (act === 'join') join(false, true)
        else if (act === 'join-earliest') join(true, n % 2 === 0)
        else if (act === 'join-late') join(false, false)
        else if (act === 'lose') socket?.lose()
        else if (act === 'tick') feed.tick(now)
        else if (act === 'wheel') turnWheel(hub)
        else if (act === 'sweep') {
          for (const client of hub.clients) client.sweep(now)
          hub.windows?.sweep(hub.clients, now)
        }
        await turn()
        balance(hub)
        checkWindows(hub, sockets, silent)
        for (const client of admitted) if (!hub.clients.has(client)) assert.equal(client.window?.queue, undefined)
        assert.ok(feed.log.pinned <= capacity + sockets.length * 40_000, `${feed.log.pinned} bytes pinned`)
        for (const reader of feed.readers) if (reader.gating) assert.ok(!feed.log.overran(reader.cursor.at))
      }
      // Everybody reads and answers until nothing moves any more.
      for (let quiet = 0; quiet < 3; ) {
        let moved = 0
        for (const socket of sockets.filter(({ readyState }) => readyState !== 3)) {
          socket.prompt = true
          socket.answer()
          moved += socket.read(Number.MAX_SAFE_INTEGER)
        }
        await turn()
        now += 1_001
        turnWheel(hub)
        feed.tick(now)
        await turn()
        quiet = moved === 0 ? quiet + 1 : 0
      }
      expect(feed.demand.open).toBe(true)
      balance(hub)
      checkWindows(hub, sockets, silent)
      for (const client of hub.clients) {
        if (client.reader.state === 'closed') continue
        expect(client.served).toBe(true)
        expect(client.unconfirmed).toBe(false)
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
