import { describe, expect, it } from 'vitest'
import type { Item, Source } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { gate, hold, openHub, payloadsOf, promptly, turns, uncaughtErrors } from './helpers.ts'

const never = () => new Promise<never>(() => {})

/** An AsyncIterable of an iterator made by hand, right or wrong. */
function sourceOf(iterator: () => unknown): Source {
  return { [Symbol.asyncIterator]: iterator as () => AsyncIterator<Item> }
}

function thrower(reason: string) {
  return () => {
    throw new Error(reason)
  }
}

describe('an iterator that breaks the rules', () => {
  it.each<[what: string, iterator: () => unknown, reason: RegExp]>([
    ['cannot be had: [Symbol.asyncIterator]() throws', thrower('no iterator today'), /no iterator today/],
    [
      'is none: [Symbol.asyncIterator]() gives nothing',
      () => undefined,
      /expected an iterator with next\(\), got nothing$/,
    ],
    ['has no next()', () => ({}), /expected an iterator with next\(\), got \{\}$/],
    ['throws in next() instead of rejecting', () => ({ next: thrower('not next either') }), /not next either/],
    [
      'gives nothing from next()',
      () => ({ next: () => undefined }),
      /next\(\) of the source gives: expected \{ done, value \}, got nothing$/,
    ],
    ['resolves with nothing', () => ({ next: () => Promise.resolve(null) }), /expected \{ done, value \}, got null$/],
    ['rejects with what is no Error', () => ({ next: () => Promise.reject('why not') }), /why not/],
  ])('and %s fails its own feed and no other', async (_, iterator, reason) => {
    const { hub, lines } = openHub()
    const other = hub.feed('other')
    const feed = hub.feed('f', { source: sourceOf(iterator) })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(4500)
    expect(feed.ending?.reason).toMatch(/^source failed: /)
    expect(feed.ending?.reason).toMatch(reason)
    expect(lines).toEqual([expect.stringMatching(/^error: feed f: its source failed: /)])
    expect(other.publish({ payload: 'x' })).toBe(true)
  })

  it('and answers next() at once, without a promise, is understood all the same', async () => {
    const results = [{ done: false, value: 'a' }, { done: false, value: 'b' }, { done: true }]
    const { feed, pumping } = hold(sourceOf(() => ({ next: () => results.shift() })))
    await pumping
    expect(payloadsOf(feed)).toEqual(['a', 'b'])
  })

  it.each<[what: string, iterator: object]>([
    ['throws in return()', { next: never, return: thrower('I stay') }],
    ['rejects in return()', { next: never, return: () => Promise.reject(new Error('I stay')) }],
    ['never comes back from return()', { next: never, return: never }],
    ['has no return()', { next: never }],
    ['has something else for return()', { next: never, return: 42 }],
  ])('and %s keeps nobody from closing the hub', async (_, iterator) => {
    const uncaught = uncaughtErrors()
    const { hub, lines } = openHub()
    const feed = hub.feed('f', { source: sourceOf(() => iterator) })
    await turns(2)
    await promptly('close()', hub.close({ drainMs: 0 }))
    await turns(2)
    expect(uncaught).toEqual([])
    expect(feed.failures).toBe(0)
    expect(lines).toEqual([])
  })

  it('and goes on after return() is not asked again, and what it gives is not published', async () => {
    const pause = gate()
    let asked = 0
    const next = async () => {
      if (++asked > 1) await pause.opened
      return { done: false, value: 'x' }
    }
    const { feed, pumping, refused, stop } = hold(sourceOf(() => ({ next, return: next })))
    await until('the first message', () => feed.log.count === 1 && asked === 2)
    stop()
    await promptly('the pump', pumping)
    const before = asked
    pause.open()
    await turns(5)
    expect(feed.log.count).toBe(1)
    expect(refused).toEqual([])
    // Once more, to say that no more is wanted: that is return(), which is the same function here.
    expect(asked - before).toBeLessThanOrEqual(1)
  })

  it('is told to stop by return() when the feed cannot even look at what it gave', async () => {
    let returned = 0
    const item = {
      get payload(): string {
        throw new Error('do not look')
      },
    }
    const next = () => Promise.resolve({ done: false, value: item })
    const { pumping } = hold(
      sourceOf(() => ({
        next,
        return: () => {
          returned++
          return Promise.resolve({ done: true })
        },
      })),
    )
    await expect(pumping).rejects.toThrow('do not look')
    expect(returned).toBe(1)
  })

  it('is not told to stop when it has ended by itself, as with `for await`', async () => {
    let returned = 0
    const { pumping } = hold(sourceOf(() => ({ next: () => ({ done: true }), return: () => returned++ })))
    await pumping
    expect(returned).toBe(0)
  })
})

describe('a source that numbers its messages', () => {
  async function* numbered(offsets: readonly number[]): AsyncGenerator<Item, void> {
    for (const offset of offsets) yield { payload: `at ${offset}`, offset }
  }

  it('gives its epoch and its offsets to the feed, holes and all', async () => {
    const { hub } = openHub()
    const items = numbered([100, 101, 105])
    const feed = hub.feed('f', { source: { epoch: 'life-7', [Symbol.asyncIterator]: () => items } })
    await until('the feed to end', () => feed.ending !== undefined)
    expect([feed.log.epoch, feed.log.tail.offset, feed.log.head]).toEqual(['life-7', 100, 106])
    expect([feed.log.count, feed.log.holes, feed.log.missing]).toEqual([3, 1, 3])
  })

  it('has what goes backwards refused, and nothing else', async () => {
    const { feed, pumping, refused } = hold(numbered([5, 4, 5, 6]))
    await pumping
    expect(payloadsOf(feed)).toEqual(['at 5', 'at 6'])
    expect(refused.map(({ code }) => code)).toEqual(['offset_backwards', 'offset_backwards'])
  })

  it('gives way to an epoch that the owner of the feed chose', () => {
    const { hub } = openHub()
    const items = numbered([])
    const source: Source = { epoch: 'mine', [Symbol.asyncIterator]: () => items }
    expect(hub.feed('f', { source, epoch: 'theirs' }).log.epoch).toBe('theirs')
  })
})

describe('what is no source', () => {
  it.each<[what: string, source: unknown, got: string]>([
    ['nothing', null, 'null'],
    ['a string', 'abc', '"abc"'],
    ['a list', ['a', 'b'], '["a","b"]'],
    ['a generator that is not asynchronous', (function* () {})(), '{}'],
  ])('is refused with a sentence (%s), and opens no feed', (_, source, got) => {
    const { hub } = openHub()
    const message = `source: expected an AsyncIterable, a Readable, an Observable or a function that gives one, got ${got}`
    expect(() => hub.feed('f', { source: source as Source })).toThrow(
      expect.objectContaining({ code: 'bad_source', message }),
    )
    expect(hub.feeds.size).toBe(0)
  })
})
