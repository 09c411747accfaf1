/**
 * The contract of a source: what hub and pump rely on, and what whoever attaches one can rely on, whatever it is made of. One
 * suite, to which `contract.test.ts` holds every source. Not a test.
 */
import { describe, expect, it } from 'vitest'
import type { Feed } from '../../src/feed.ts'
import type { Hub } from '../../src/hub.ts'
import type { FeedOptions } from '../../src/options.ts'
import { canWait, isFunction, type Opening, type SourceLike } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { type Held, hold, holdWriting, openHub, payloadsOf, promptly, still } from './helpers.ts'
import { type Kit, messages, type Opened, type Script } from './kits.ts'

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
    canBeAskedAgain(kit)
  })
}

function comesToAnEnd(kit: Kit): void {
  it('has every message published, once and in order, before its feed ends with 1000', async () => {
    const { hub, lines, events } = openHub()
    const count = Math.min(SOME, kit.many)
    const feed = attached(hub, kit, kit.open({ items: messages(count), after: 'end' }))
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending).toEqual({ code: 1000, reason: 'feed ended' })
    expect(feed.log.count).toBe(count)
    expect(seen(kit, payloadsOf(feed))).toEqual(given(kit, count))
    expect([feed.source.refused, feed.failures]).toEqual([0, 0])
    await until('the end to be told', () => events.length > 0)
    expect(events).toEqual([{ type: 'source-ended', feed: 'f' }])
    expect(lines).toEqual([`info: feed f: its source has ended after ${count} messages`])
  })
}

function letsGo(kit: Kit): void {
  it('lets go when the hub closes, though it has nothing to give and will not have', async () => {
    const { hub, lines, events } = openHub()
    const opened = kit.open({ items: messages(FEW), after: 'wait' })
    const { asked, released } = opened
    const feed = attached(hub, kit, opened)
    await until('its messages', () => feed.log.count >= FEW)
    if (kit.expected === undefined) await still('what is asked of the source', asked)
    await promptly('close()', hub.close({ drainMs: 0 }))
    await until('the source to let go', released)
    expect(feed.ending).toBeUndefined()
    expect([feed.source.refused, feed.failures]).toEqual([0, 0])
    expect(lines).toEqual([])
    expect(events).toEqual([])
  })

  it('lets go, quietly, when its feed is ended by whoever owns it', async () => {
    const opened = kit.open({ items: messages(kit.many), after: 'end' })
    const { released } = opened
    const { feed, pumping, refused } = held(kit, opened)
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
    const { source } = kit.open({ items: messages(FEW), after: 'wait' })
    // What is written has nobody to ask: that it waits is what the rest of the contract finds.
    if (source !== undefined) expect(canWait(source)).toBe(true)
  })

  it('is asked for nothing before the clients are there that its feed waits for', async () => {
    const { hub } = openHub()
    const opened = kit.open({ items: messages(kit.many), after: 'end' })
    const { asked } = opened
    const feed = attached(hub, kit, opened, { minClients: 1 })
    expect(await still('what is asked of the source', asked)).toBeLessThanOrEqual(kit.ahead ?? 0)
    expect(feed.log.count).toBe(0)
  })
}

function cannotWait(kit: Kit): void {
  it('says that it cannot wait, and is refused where the feed pauses or may have to', () => {
    const { hub } = openHub()
    const { source, asked } = kit.open({ items: messages(FEW), after: 'wait' }) as Opened & { source: SourceLike }
    expect(canWait(source)).toBe(false)
    const refusal = (message: string) => expect.objectContaining({ code: 'cannot_wait', message })
    const because = (what: string, got: string) =>
      refusal(`f.${what}: expected evict or skip, because this source cannot wait, got ${got}`)
    expect(() => hub.feed('f', { source, overflow: 'pause' })).toThrow(because('overflow', '"pause"'))
    expect(() => hub.feed('f', { source, allow: ['skip', 'pause'] })).toThrow(because('allow', '["pause"]'))
    expect(hub.feeds.size).toBe(0)
    expect(asked()).toBe(0)
  })
}

function followsDemand(kit: Kit, ahead: number): void {
  it('is not asked for more while its feed takes no more, and goes on after', async () => {
    const opened = kit.open({ items: messages(kit.many), after: 'end' })
    const { asked } = opened
    const { feed, pumping, running, flush } = held(kit, opened)
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
    const opened = kit.open({ items: messages(kit.many), after: 'end' })
    const { released } = opened
    const { feed, pumping, stop } = held(kit, opened)
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
    const opened = kit.open({ items: messages(count), after: new Error(FAILURE) })
    const { released } = opened
    const feed = attached(hub, kit, opened)
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
    const opened = kit.open({ items: [first, ...GARBAGE.map(([item]) => item), second], after: 'end' })
    const { feed, pumping, refused } = held(kit, opened)
    await pumping
    const named = (sentence: string) => sentence.replace('what the source yields', kit.named ?? '$&')
    const expected = GARBAGE.map(([, sentence]) => ({
      code: 'bad_message',
      message: expect.stringContaining(named(sentence)),
    }))
    expect(refused.map(({ code, message }) => ({ code, message }))).toEqual(expected)
    expect(payloadsOf(feed)).toEqual([first, second])
  })

  it('has what is refused counted and logged, and the feed goes on to its end', async () => {
    const { hub, lines } = openHub()
    const feed = attached(hub, kit, kit.open({ items: [42, ...messages(1), {}], after: 'end' }))
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
    expect([feed.log.count, feed.source.refused, feed.failures]).toEqual([1, 2, 0])
    expect(lines[0]).toMatch(/^warn: feed f: refused a message: what .*: .*, got 42$/)
  })
}

function canBeAskedAgain(kit: Kit): void {
  if (kit.again === false) {
    it('cannot be asked again by itself: a restart beside it is refused, with what would do', () => {
      const { hub } = openHub()
      const { source } = kit.open({ items: messages(FEW), after: 'end' }) as Opened & { source: SourceLike }
      const rule = 'f.source: expected a function beside restart, which can be asked again, got '
      const refusal = expect.objectContaining({ code: 'bad_option', message: expect.stringContaining(rule) })
      expect(() => hub.feed('f', { ...kit.feed, source, restart: {} })).toThrow(refusal)
      expect(hub.feeds.size).toBe(0)
    })
    return
  }
  it(`goes on in the same log when it ${kit.fails ? 'fails' : 'ends'} and another takes its place`, async () => {
    const { hub, events } = openHub()
    const scripts: Script[] = [
      { items: messages(FEW), after: kit.fails ? new Error(FAILURE) : 'end' },
      { items: messages(FEW), after: 'end' },
    ]
    const opened = () => kit.open(scripts.shift()!)
    const feed = await replaced(hub, kit, opened)
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
    // What is thrown away with a stream that fails is its own; the second run is there whole, and in its place.
    const payloads = seen(kit, payloadsOf(feed))
    expect(payloads.slice(-FEW)).toEqual(given(kit, FEW))
    expect(payloads.slice(0, -FEW)).toEqual(given(kit, payloads.length - FEW))
    await until('the end to be told', () => events.some(({ type }) => type === 'source-ended'))
    expect(events.filter(({ type }) => type === 'source-failed')).toEqual([])
    expect(feed.source.state).toBe('ended')
  })
}

/** A feed whose source is asked again; of what is written, a feed that outlives its writable. */
async function replaced(hub: Hub, kit: Kit, next: () => Opened): Promise<Feed> {
  const first = next()
  if (first.write === undefined) {
    const asked = [first]
    const source = (opening: Opening) => {
      const { source } = asked.pop() ?? next()
      return isFunction(source) ? source(opening) : source!
    }
    const restart = { minMs: 1, attempts: 1, on: kit.fails ? 'failure' : 'always' } as const
    return hub.feed('f', { ...kit.feed, source, restart })
  }
  const feed = hub.feed('f', kit.feed)
  await first.write(feed, { end: false }).catch(() => {})
  void next().write?.(feed)
  return feed
}

const ONCE = { restart: false } as const

/** A feed of the hub with what the kit has opened. */
function attached(hub: Hub, { feed: options }: Kit, { source, write }: Opened, beside: FeedOptions = {}): Feed {
  if (source !== undefined) return hub.feed('f', { ...options, ...beside, source, ...(isFunction(source) ? ONCE : {}) })
  const feed = hub.feed('f', { ...options, ...beside })
  write?.(feed).catch(() => {}) // the feed says how it went
  return feed
}

function held(kit: Kit, { source, write }: Opened): Held {
  return source !== undefined ? hold(source, kit) : holdWriting(feed => write!(feed), kit.feed)
}

function given({ expected = messages }: Kit, count: number): string[] {
  return expected(count)
}

function seen({ seen: shown = payload => payload }: Kit, payloads: readonly string[]): string[] {
  return payloads.map(shown)
}
