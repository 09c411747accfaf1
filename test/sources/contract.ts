/**
 * The contract of a source: what hub and pump rely on, and what whoever attaches one can rely on, whatever it is made of. One
 * suite, to which `contract.test.ts` holds every source. Not a test.
 */
import { describe, expect, it } from 'vitest'
import { canWait } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { hold, openHub, payloadsOf, promptly, still } from './helpers.ts'
import { type Kit, messages } from './kits.ts'

/** A short script, and one of several bursts. */
const FEW = 3
const SOME = 2_500

const FAILURE = 'the disk is on fire'

/** What is no message: each is refused, and named. */
const GARBAGE: readonly [item: unknown, named: string][] = [
  [42, 'what the source yields: expected a payload or { payload }, got 42'],
  [undefined, 'what the source yields: expected a payload or { payload }, got nothing'],
  [true, 'what the source yields: expected a payload or { payload }, got true'],
  [{}, 'what the source yields: expected a payload or { payload }, got {}'],
  [['a'], 'what the source yields: expected a payload or { payload }, got ["a"]'],
  [Symbol('s'), 'what the source yields: expected a payload or { payload }, got Symbol(s)'],
  [() => 'a', 'what the source yields: expected a payload or { payload }, got a function'],
  [{ payload: 42 }, 'payload: expected a string or a Uint8Array, got 42'],
  [{ payload: null }, 'payload: expected a string or a Uint8Array, got null'],
  [{ payload: 'a', offset: 0.5 }, 'offset: expected a whole number from '],
]

export function holdToContract(kit: Kit): void {
  describe(kit.name, () => {
    comesToAnEnd(kit)
    letsGo(kit)
    if (kit.waits) canBeHeld(kit)
    else cannotWait(kit)
    if (kit.ahead !== undefined) followsDemand(kit, kit.ahead)
    if (kit.fails) mayFail(kit)
    if (kit.carriesAnything) mayYieldGarbage(kit)
  })
}

function comesToAnEnd(kit: Kit): void {
  it('has every message published, once and in order, before its feed ends with 1000', async () => {
    const { hub, lines, events } = openHub()
    const count = Math.min(SOME, kit.many)
    const { source } = kit.open({ items: messages(count), after: 'end' })
    const feed = hub.feed('f', { ...kit.feed, source })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending).toEqual({ code: 1000, reason: 'feed ended' })
    expect(feed.log.count).toBe(count)
    expect(seen(kit, payloadsOf(feed))).toEqual(given(kit, count))
    expect([feed.refused, feed.failures]).toEqual([0, 0])
    await until('the end to be told', () => events.length > 0)
    expect(events).toEqual([{ type: 'source-ended', feed: 'f' }])
    expect(lines).toEqual([`info: feed f: its source has ended after ${count} messages`])
  })
}

function letsGo(kit: Kit): void {
  it('lets go when the hub closes, though it has nothing to give and will not have', async () => {
    const { hub, lines, events } = openHub()
    const { source, asked, released } = kit.open({ items: messages(FEW), after: 'wait' })
    const feed = hub.feed('f', { ...kit.feed, source })
    await until('its messages', () => feed.log.count >= FEW)
    if (kit.expected === undefined) await still('what is asked of the source', asked)
    await promptly('close()', hub.close({ drainMs: 0 }))
    await until('the source to let go', released)
    expect(feed.ending).toBeUndefined()
    expect([feed.refused, feed.failures]).toEqual([0, 0])
    expect(lines).toEqual([])
    expect(events).toEqual([])
  })

  it('lets go, quietly, when its feed is ended by whoever owns it', async () => {
    const { source, released } = kit.open({ items: messages(kit.many), after: 'end' })
    const { feed, pumping, refused } = hold(source, kit)
    await until('its first message', () => feed.log.count > 0)
    feed.end()
    const { count } = feed.log
    await promptly('the pump', pumping)
    await until('the source to let go', released)
    expect(feed.log.count).toBe(count)
    expect(refused).toEqual([])
  })
}

function canBeHeld(kit: Kit): void {
  it('says that it can wait', () => {
    expect(canWait(kit.open({ items: messages(FEW), after: 'wait' }).source)).toBe(true)
  })

  it('is asked for nothing before the clients are there that its feed waits for', async () => {
    const { hub } = openHub()
    const { source, asked } = kit.open({ items: messages(kit.many), after: 'end' })
    const feed = hub.feed('f', { ...kit.feed, source, minClients: 1 })
    expect(await still('what is asked of the source', asked)).toBeLessThanOrEqual(kit.ahead ?? 0)
    expect(feed.log.count).toBe(0)
  })
}

function cannotWait(kit: Kit): void {
  it('says that it cannot wait, and is refused where the feed pauses or may have to', () => {
    const { hub } = openHub()
    const { source, asked } = kit.open({ items: messages(FEW), after: 'wait' })
    expect(canWait(source)).toBe(false)
    const refusal = expect.objectContaining({ code: 'cannot_wait', message: expect.stringContaining('f.overflow') })
    expect(() => hub.feed('f', { source, overflow: 'pause' })).toThrow(refusal)
    expect(() => hub.feed('f', { source, allow: ['pause'] })).toThrow(refusal)
    expect(hub.feeds.size).toBe(0)
    expect(asked()).toBe(0)
  })
}

function followsDemand(kit: Kit, ahead: number): void {
  it('is not asked for more while its feed takes no more, and goes on after', async () => {
    const { source, asked } = kit.open({ items: messages(kit.many), after: 'end' })
    const { feed, pumping, running, flush } = hold(source, kit)
    await until('the feed to have enough', () => !feed.demand.open)
    const { count } = feed.log
    expect(count + ahead).toBeLessThan(kit.many)
    expect(await still('what is asked of the source', asked)).toBeLessThanOrEqual(count + ahead)
    expect(feed.log.count).toBe(count)
    await until('the rest', () => {
      flush()
      return !running()
    })
    await pumping
    expect(feed.log.count).toBe(kit.many)
    expect(seen(kit, payloadsOf(feed)).at(-1)).toBe(given(kit, kit.many).at(-1))
  })

  it('lets go when the hub closes while its feed takes no more', async () => {
    const { source, released } = kit.open({ items: messages(kit.many), after: 'end' })
    const { feed, pumping, stop } = hold(source, kit)
    await until('the feed to have enough', () => !feed.demand.open)
    stop()
    await promptly('the pump', pumping)
    await until('the source to let go', released)
  })
}

function mayFail(kit: Kit): void {
  it('ends its feed with 4500 and the reason when it fails: counted, logged and told', async () => {
    const { hub, lines, events } = openHub()
    const count = Math.min(SOME, kit.many)
    const { source, released } = kit.open({ items: messages(count), after: new Error(FAILURE) })
    const feed = hub.feed('f', { ...kit.feed, source })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending).toEqual({ code: 4500, reason: `source failed: ${FAILURE}` })
    expect(feed.failures).toBe(1)
    expect(lines).toEqual([`error: feed f: its source failed: ${FAILURE}`])
    await until('the failure to be told', () => events.length > 0)
    expect(events).toEqual([{ type: 'source-failed', feed: 'f', error: expect.stringContaining(FAILURE) }])
    await until('the source to let go', released)
    // Node throws away what a stream of its has read ahead when it fails. Nothing else is lost.
    expect(payloadsOf(feed)).toEqual(given(kit, feed.log.count))
    if (kit.ahead === 0) expect(feed.log.count).toBe(count)
  })
}

function mayYieldGarbage(kit: Kit): void {
  it('may yield what is no message: it is refused, named and passed over', async () => {
    const [first = '', second = ''] = messages(2)
    const { source } = kit.open({ items: [first, ...GARBAGE.map(([item]) => item), second], after: 'end' })
    const { feed, pumping, refused } = hold(source, kit)
    await pumping
    const expected = GARBAGE.map(([, named]) => ({ code: 'bad_message', message: expect.stringContaining(named) }))
    expect(refused.map(({ code, message }) => ({ code, message }))).toEqual(expected)
    expect(payloadsOf(feed)).toEqual([first, second])
  })

  it('has what is refused counted and logged, and the feed goes on to its end', async () => {
    const { hub, lines } = openHub()
    const { source } = kit.open({ items: [42, ...messages(1), {}], after: 'end' })
    const feed = hub.feed('f', { source })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
    expect([feed.log.count, feed.refused, feed.failures]).toEqual([1, 2, 0])
    expect(lines[0]).toMatch(/^warn: feed f: refused a message: what the source yields: .*, got 42$/)
  })
}

function given({ expected = messages }: Kit, count: number): string[] {
  return expected(count)
}

function seen({ seen: shown = payload => payload }: Kit, payloads: readonly string[]): string[] {
  return payloads.map(shown)
}
