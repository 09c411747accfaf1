/** Half of the clients never read: the log does not grow, the others notice nothing, and everybody's account adds up. */
import { expect, test } from 'vitest'
import type { WindowState } from '../../src/clients/window.ts'
import type { Feed, HubEvent } from '../../src/index.ts'
import { logSlackBytes } from '../../src/log/sizes.ts'
import { balance, startHub } from '../support/hub.ts'
import { tell } from '../support/trial.ts'
import { until } from '../support/until.ts'

const MIB = 2 ** 20
const HALF = 25
/** What those that never answer are given together, beyond their windows. */
const UNCONFIRMED_BYTES = 8 * MIB
/** The log wraps several times, and kernels would swallow no more of it if nothing bounded what is in flight. */
const MESSAGES = 16_000

/** 1 KiB messages, ten a millisecond at the most, so that every turn has its share. */
async function publish(feed: Feed): Promise<void> {
  let sent = 0
  await new Promise<void>(resolve => {
    const timer = setInterval(() => {
      for (let i = 0; i < 10 && sent < MESSAGES; i++) feed.publish({ payload: `${sent++}`.padEnd(1_024, '.') })
      if (sent < MESSAGES) return
      clearInterval(timer)
      resolve()
    }, 1)
  })
}

test('skip: all stay connected, the log keeps its capacity, and the healthy get every message', async () => {
  const { hub, client } = await startHub({ stallTimeoutMs: 0 })
  const feed = hub.feed('f', { capacity: MIB })
  const silent = await Promise.all(Array.from({ length: HALF }, () => client('/feeds/f', { reading: false })))
  const healthy = await Promise.all(Array.from({ length: HALF }, () => client('/feeds/f', { keep: false })))
  await publish(feed)
  await until('the healthy to have everything', () => healthy.every(({ messages }) => messages === MESSAGES), 30_000)
  expect(hub.clients.size).toBe(2 * HALF)
  expect([...silent, ...healthy].filter(({ gone }) => gone)).toEqual([])
  expect(feed.gaps.overflow).toBeGreaterThan(HALF)
  const inFlight = hub.readers().reduce((sum, { inFlightBytes }) => sum + inFlightBytes, 0)
  expect(inFlight).toBeLessThan(HALF * 64 * 1_024 + UNCONFIRMED_BYTES)
  expect(feed.log.held).toBeLessThanOrEqual(MIB + logSlackBytes(MIB))
  expect(feed.log.pinned).toBeLessThanOrEqual(hub.memoryBound().pinned)
  balance(hub)
  const { rss } = process.memoryUsage()
  tell('slow, skip', { gaps: feed.gaps.overflow, pinnedKiB: feed.log.pinned / 1_024, rssMB: Math.round(rss / 1e6) })
}, 60_000)

test.each([
  ['that were heard before are closed at the limit', true],
  ['that never were heard are closed at the tail at the latest', false],
])(
  'evict: the silent %s, with a reason, and the healthy lose nothing',
  async (_, heard) => {
    const { hub, client } = await startHub({ stallTimeoutMs: 0 })
    const feed = hub.feed('f', { overflow: 'evict', capacity: MIB, maxLag: MIB / 2 })
    const evicted: HubEvent[] = []
    hub.events$.subscribe(event => {
      if (event.type === 'client-evicted') evicted.push(event)
    })
    const silent = await Promise.all(Array.from({ length: HALF }, () => client('/feeds/f', { reading: heard })))
    const healthy = await Promise.all(Array.from({ length: HALF }, () => client('/feeds/f', { keep: false })))
    if (heard) {
      const among = (state: WindowState) => [...hub.clients].filter(({ window }) => window?.state === state).length
      feed.publish({ payload: 'taken by all' })
      await until('all to have taken it', () => among('open') === 2 * HALF)
      for (const c of silent) c.stop()
      feed.publish({ payload: 'not taken by the silent' })
      await until('their answers to be overdue', () => among('overdue') === HALF)
    }
    const before = feed.log.count
    await publish(feed)
    await until('the silent to be gone', () => hub.clients.size === HALF, 30_000)
    await until(
      'the healthy to have everything',
      () => healthy.every(({ messages }) => messages === before + MESSAGES),
      30_000,
    )
    if (heard) expect([...feed.evictions]).toEqual([['lag', HALF]])
    for (const event of evicted) {
      if (event.type !== 'client-evicted') throw new Error('no eviction')
      const behind = Number(/(\d+) bytes behind/.exec(event.detail)![1])
      expect(behind).toBeGreaterThan(MIB / 2)
      expect(behind).toBeLessThan(heard ? MIB : 2 * MIB)
    }
    expect(evicted.length).toBe(HALF)
    expect(feed.log.pinned).toBe(0)
    balance(hub)
  },
  60_000,
)
