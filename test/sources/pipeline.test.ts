/** RxJS operators between pump and log: what they may do, and who is named when they do something else. */
import {
  bufferCount,
  concatMap,
  debounceTime,
  delay,
  distinctUntilChanged,
  EMPTY,
  endWith,
  filter,
  map,
  mergeMap,
  NEVER,
  Observable,
  of,
  reduce,
  Subject,
  startWith,
  take,
  tap,
  throttleTime,
} from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/message.ts'
import type { Item } from '../../src/sources/source.ts'
import type { NamedOperator, Operator } from '../../src/sources/stages.ts'
import { until } from '../support/until.ts'
import { openHub, payloadsOf, ready, turns } from './helpers.ts'

const text = map((message: Message) => String(message.payload))

async function* give(...items: Item[]): AsyncGenerator<Item, void> {
  yield* items
}

async function through(items: readonly Item[], ...pipeline: (Operator | NamedOperator)[]) {
  const { hub, lines, events } = openHub()
  const feed = hub.feed('f', { source: give(...items), pipeline })
  await until('the feed to end', () => feed.ending !== undefined)
  return { feed, lines, events, payloads: payloadsOf(feed) }
}

describe('a pipeline', () => {
  test('is given messages, and gives messages or payloads', async () => {
    const { payloads, feed } = await through(
      ['3', { payload: '4', key: 'k' }, '5'],
      map((message: Message) => Number(message.payload)),
      filter((n: number) => n !== 4),
      map((n: number) => ({ payload: `${n * n}`, key: 'square' })),
    )
    expect(payloads).toEqual(['9', '25'])
    expect(feed.source.filtered).toBe(1)
    expect(feed.ending?.code).toBe(1000)
  })

  test.each<[string, Operator, string[]]>([
    ['startWith', startWith('first'), ['first', 'a', 'b']],
    ['endWith', endWith('last'), ['a', 'b', 'last']],
    ['reduce', reduce((all: string, { payload }: Message) => all + String(payload), ''), ['ab']],
    ['a partial buffer', bufferAll(2), ['["a","b"]']],
  ])('may emit when it is subscribed to and when it completes: %s', async (_, operator, expected) => {
    expect((await through(['a', 'b'], operator)).payloads).toEqual(expected)
  })

  test('may emit several on completion, that the stages behind it see too', async () => {
    const { payloads, feed } = await through(
      ['a'],
      text,
      endWith('b', 'c'),
      map((s: string) => s.toUpperCase()),
    )
    expect(payloads).toEqual(['A', 'B', 'C'])
    expect(feed.ending?.code).toBe(1000)
  })

  test('that completes of itself ends the feed, and the source is let go', async () => {
    const { hub } = openHub()
    const { source, finished } = ready('x')
    const feed = hub.feed('f', { source, pipeline: [take(3)] })
    await until('the feed to end', () => feed.ending !== undefined)
    expect([feed.log.count, feed.ending?.code]).toEqual([3, 1000])
    await until('the source to let go', finished)
  })

  test('has what it gives and the feed refuses counted and told', async () => {
    const { payloads, feed, lines } = await through(
      ['1', '2', '3'],
      map(({ payload }: Message) => (payload === '2' ? 2 : payload)),
    )
    expect(payloads).toEqual(['1', '3'])
    expect(feed.source.refused).toBe(1)
    expect(lines[0]).toMatch(/what the pipeline gives: expected a payload or \{ payload \}, got 2$/)
  })

  test('stands behind an Observable too', async () => {
    const { hub } = openHub()
    const source = new Subject<Item>()
    const feed = hub.feed('f', { source, pipeline: [text, distinctUntilChanged()] })
    for (const item of ['a', 'a', 'b', 'b', 'a']) source.next(item)
    expect(payloadsOf(feed)).toEqual(['a', 'b', 'a'])
    expect(feed.source.filtered).toBe(2)
    source.complete()
    await until('the feed to end', () => feed.ending?.code === 1000)
  })

  test('that lets nothing through leaves the event loop its turns', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: ready('x').source, pipeline: [filter(() => false)] })
    let ticks = 0
    const timer = setInterval(() => ticks++)
    await turns(50)
    await until('timers to have their turn', () => ticks > 0)
    clearInterval(timer)
    expect(feed.source.filtered).toBeGreaterThan(1_000)
    expect(feed.log.count).toBe(0)
  })

  test('keeps what its stages know when the source is restarted', async () => {
    const { hub } = openHub()
    const lives = [
      ['a', 'a', 'b'],
      ['b', 'c'],
    ]
    const source = async function* (): AsyncGenerator<Item, void> {
      const items = lives.shift()!
      yield* items
      if (lives.length > 0) throw new Error('gone for a moment')
    }
    const epoch = 'life-1'
    const feed = hub.feed('f', { source, epoch, restart: { minMs: 1 }, pipeline: [text, distinctUntilChanged()] })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['a', 'b', 'c'])
    expect([feed.log.epoch, feed.log.head, feed.source.restarts]).toEqual([epoch, 3, 1])
  })
})

const RULE = 'expected at most one message for each, within the call that brings it (what waits belongs into through)'
const slow = concatMap((message: unknown) => of(message).pipe(delay(1)))

describe('a stage that breaks the contract is named, and the feed fails with that sentence:', () => {
  test.each<[string, (Operator | NamedOperator)[], string]>([
    [
      'later',
      [text, { name: 'slow', operator: slow }, filter(() => true)],
      `pipeline[1] (slow): ${RULE}, got one later`,
    ],
    ['later, at the end', [text, slow], `pipeline[1]: ${RULE}, got one later`],
    ['later, at the beginning', [debounceTime(1), text], `pipeline[0]: ${RULE}, got one later`],
    [
      'two for one',
      [text, mergeMap((s: string) => of(s, s)), map((s: string) => s)],
      `pipeline[1]: ${RULE}, got a second one`,
    ],
    ['ever more for one', [mergeMap(() => endless()), text], `pipeline[0]: ${RULE}, got a second one`],
    [
      'by name',
      [
        text,
        function twice(source: Observable<string>) {
          return source.pipe(mergeMap(s => of(s, s)))
        },
      ],
      `pipeline[1] (twice): ${RULE}, got a second one`,
    ],
  ])('%s', async (_, pipeline, sentence) => {
    const { hub, lines, events } = openHub()
    // A debounce is at rest only when its source is.
    const source = (async function* () {
      yield* ['x', 'x', 'x']
      await new Promise(() => {})
    })()
    const feed = hub.feed('f', { source, pipeline })
    await until('the feed to fail', () => feed.ending !== undefined)
    expect(feed.ending).toEqual({ code: 4500, reason: `source failed: ${sentence}` })
    expect(lines).toEqual([`error: feed f: its source failed: ${sentence}`])
    await until('the event', () => events.length > 0)
    expect(events).toEqual([{ type: 'source-failed', feed: 'f', error: `source failed: ${sentence}` }])
    expect(feed.source.state).toBe('failed')
  })

  test('concatMap with a delay of 1 ms on a source that is always ready: after so few messages that memory stays flat', async () => {
    const { hub } = openHub()
    let given = 0
    async function* always(): AsyncGenerator<Item, void> {
      for (; given < 5_000_000; given++) yield 'x'.repeat(500)
    }
    const feed = hub.feed('f', { source: always(), pipeline: [text, { name: 'slow', operator: slow }] })
    await until('the feed to fail', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toContain('pipeline[1] (slow)')
    // 500 bytes each. In turns of the loop and not in seconds: a machine may be slow.
    expect(given).toBeLessThan(100_000)
    const asked = given
    await turns(20)
    expect(given).toBe(asked)
  })

  test('one that gives while its source waits to be asked again', async () => {
    const { hub } = openHub()
    const source = async function* (): AsyncGenerator<Item, void> {
      yield 'x'
      throw new Error('gone for a minute')
    }
    const restart = { minMs: 60_000, maxMs: 60_000 }
    const feed = hub.feed('f', { source, restart, pipeline: [{ name: 'late', operator: debounceTime(50) }] })
    await until('the feed to fail', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toContain('pipeline[0] (late)')
  })

  test('one that holds back its completion', async () => {
    const { feed } = await through(
      ['a'],
      text,
      concatMap((s: string) => (s === 'a' ? NEVER : of(s))),
      endWith('z'),
    )
    expect(feed.ending?.reason).toBe(
      'source failed: pipeline[1]: expected to complete within the call that completes its input, got none',
    )
  })

  test('one that throws, and the source is not asked again: it would be the same the next time', async () => {
    const { hub, events } = openHub()
    const parse = map((message: Message) => JSON.parse(String(message.payload)) as unknown)
    const source = () => give('1', 'no json', '2')
    const feed = hub.feed('f', { source, pipeline: [{ name: 'parse', operator: parse }, map(value => `${value}`)] })
    await until('the feed to fail', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toMatch(/^source failed: pipeline\[0\] \(parse\): .*JSON/)
    expect(payloadsOf(feed)).toEqual(['1'])
    await until('the event', () => events.length > 0)
    expect(events.map(({ type }) => type)).toEqual(['source-failed'])
  })

  test.each<[string, unknown, RegExp]>([
    ['gives no Observable', () => 42, /^source failed: pipeline\[0\]: expected an RxJS operator/],
    [
      'throws when it is applied',
      () => {
        throw new Error('not today')
      },
      /^source failed: pipeline\[0\]: not today$/,
    ],
  ])('one that %s', async (_, operator, reason) => {
    const { feed } = await through(['a'], operator as Operator)
    expect(feed.ending?.code).toBe(4500)
    expect(feed.ending?.reason).toMatch(reason)
  })
})

describe('a stage that keeps the contract is left alone:', () => {
  test.each<[string, Operator]>([
    ['one that waits for nothing', concatMap((message: unknown) => of(message))],
    ['one that gives nothing for anything', mergeMap(() => EMPTY)],
    ['one that drops by the clock', throttleTime(5)],
    ['one that starts work elsewhere', tap(() => void setTimeout(() => {}, 1))],
  ])('%s', async (_, operator) => {
    const { feed } = await through(Array.from({ length: 500 }, String), operator)
    expect(feed.ending?.code).toBe(1000)
  })
})

test.each<[unknown, string]>([
  [{}, 'f.pipeline: expected a list, got {}'],
  [[42], 'f.pipeline[0]: expected an RxJS operator or { name, operator }, got 42'],
  [[map(String), { name: 'x' }], 'f.pipeline[1]: expected an RxJS operator or { name, operator }, got {"name":"x"}'],
])('a pipeline that is none is refused: %j', (pipeline, message) => {
  const { hub } = openHub()
  expect(() => hub.feed('f', { source: give('a'), pipeline: pipeline as Operator[] })).toThrow(
    expect.objectContaining({ code: 'bad_option', message }),
  )
  expect(() => hub.feed('f', { pipeline: [map(String)] })).toThrow(
    'f.source: expected one beside pipeline, got nothing',
  )
})

/** Buffers of so many as JSON; what is left when it completes is one too. */
function bufferAll(count: number): Operator {
  return (source: Observable<Message>) =>
    source.pipe(
      map(({ payload }) => String(payload)),
      bufferCount(count + 1),
      map(all => JSON.stringify(all)),
    )
}

function endless(): Observable<string> {
  return new Observable(subscriber => {
    for (let i = 0; i < 1e6 && !subscriber.closed; i++) subscriber.next('x')
  })
}
