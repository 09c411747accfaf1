/** A stage that keeps what it is given and gives nothing is named and stopped; one that drops it, whatever else goes on, is not. */
import { bufferTime, concatMap, debounceTime, delay, distinctUntilChanged, filter, map, of, toArray } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { Message } from '../../src/message.ts'
import { Hoard, type Sight } from '../../src/sources/hoard.ts'
import type { NamedOperator, Operator } from '../../src/sources/stages.ts'
import { until } from '../support/until.ts'
import { collector, openHub } from './helpers.ts'

const MIB = 2 ** 20
const text = map((message: Message) => String(message.payload))
const MINUTE = 60_000

/** A source that is always ready, of payloads that are all others. */
async function* always(make: (i: number) => string | Buffer, count = Number.POSITIVE_INFINITY) {
  for (let i = 0; i < count; i++) yield make(i)
}
const line = (i: number) => String(i).padStart(500, '.')

describe('a stage that keeps all and gives nothing for a minute is named, and then its feed fails with its name:', () => {
  test.each<[string, (Operator | NamedOperator)[], string, (i: number) => string | Buffer]>([
    [
      'bufferTime behind a filter',
      [text, filter((s: string) => !s.endsWith('7')), { name: 'minute', operator: bufferTime(MINUTE) }, map(String)],
      'pipeline[2] (minute)',
      line,
    ],
    ['concatMap with a delay', [concatMap((m: unknown) => of(m).pipe(delay(MINUTE)))], 'pipeline[0]', line],
    ['bufferTime, of small ones', [bufferTime(MINUTE), map(String)], 'pipeline[0]', i => String(i).padStart(30, '.')],
    [
      'toArray, of large ones, which are no part of the heap',
      [toArray(), map(String)],
      'pipeline[0]',
      () => Buffer.alloc(50_000),
    ],
  ])(
    '%s',
    async (_, pipeline, who, make) => {
      collector()()
      const before = process.memoryUsage.rss()
      const { hub, lines } = openHub()
      const feed = hub.feed('f', { source: always(make), pipeline })
      await until('it to be named', () => lines.length > 0, 10_000)
      expect(lines[0]).toMatch(
        new RegExp(`^warn: feed f: ${literal(who)} seems to keep what it is given: \\d+ MiB more`),
      )
      expect(Number(/(\d+) MiB more/.exec(lines[0]!)![1])).toBeLessThan(128)
      await until('the feed to fail', () => feed.ending !== undefined, 20_000)
      expect(lines).toHaveLength(2)
      expect(feed.ending?.reason).toMatch(
        new RegExp(
          `^source failed: ${literal(who)}: expected to pass on or drop what it is given, got \\d+ MiB more memory`,
        ),
      )
      expect(process.memoryUsage.rss() - before).toBeLessThan(400e6)
    },
    40_000,
  )
})

describe('a stage that keeps nothing is left alone, however much goes into it:', () => {
  test.each<[string, (Operator | NamedOperator)[], ((i: number) => string)?]>([
    ['filter', [filter(() => false)]],
    [
      'one that parses small ones',
      [map((m: Message) => JSON.parse(String(m.payload)) as unknown), filter(() => false)],
      i => `{"n":[${i}]}`,
    ],
    ['one that makes objects and drops them', [map((m: Message) => ({ text: `${m.payload}!` })), filter(() => false)]],
    ['distinctUntilChanged', [map(() => 'x'), distinctUntilChanged()]],
    ['debounceTime, which keeps the newest', [debounceTime(MINUTE)]],
  ])(
    '%s',
    async (_, pipeline, make = line) => {
      const collect = collector()
      const { hub, lines } = openHub()
      const count = 200_000
      const feed = hub.feed('f', { source: always(make, count), pipeline, restart: false })
      let seen = 0
      await until(
        'all of it',
        () => {
          if (feed.source.filtered > seen + 20_000) collect()
          seen = feed.source.filtered
          return feed.ending !== undefined
        },
        20_000,
      )
      expect(feed.ending?.code).toBe(1000)
      expect(lines).toEqual([expect.stringMatching(/^info: .* has ended/)])
    },
    40_000,
  )
})

const literal = (words: string) => words.replace(/[[\]()]/g, '\\$&')

describe('memory that grows is laid to a stage only', () => {
  const at = (held: number, passed: readonly number[], ms = 1_000): Sight => ({
    held: held * MIB,
    old: held * MIB,
    clients: 0,
    passed,
    bytes: passed[0]! * 1_000,
    at: ms,
  })
  const nothing = at(100, [0, 0, 0], 0)
  const look = (...sights: Sight[]) => {
    const hoard = new Hoard(nothing)
    return sights.map(sight => hoard.look(sight)).at(-1)
  }

  test('where its messages went in and did not come out', () => {
    expect(look(at(140, [40_000, 40_000, 0]))).toEqual({ stage: 1, messages: 40_000, bytes: 40 * MIB, tooMuch: false })
    expect(look(at(140, [40_000, 0, 0]))).toEqual({ stage: 0, messages: 40_000, bytes: 40 * MIB, tooMuch: false })
    expect(look(at(140, [40_000, 40_000, 40_000]))).toBeUndefined()
  })

  test('where it is as much as half of their payloads at least', () => {
    expect(look(at(140, [200_000, 200_000, 0]))).toBeUndefined()
    // A filter that lets a twentieth through, and a buffer behind it that keeps that.
    expect(look(at(119, [400_000, 20_000, 0]))).toMatchObject({ stage: 1, messages: 20_000 })
  })

  test('where it is more than the clients take that have come meanwhile', () => {
    const crowd = { ...at(190, [100_000, 100_000, 0]), clients: 10_000 }
    expect(look(crowd)).toBeUndefined()
    expect(look({ ...crowd, clients: 1_000 })).toMatchObject({ stage: 1, messages: 100_000 })
    expect(look({ ...nothing, clients: 10_000 }, { ...at(140, [40_000, 40_000, 0], 2_000), clients: 0 })).toMatchObject(
      {
        bytes: 40 * MIB,
      },
    )
  })

  test('where they can come to as much', () => {
    expect(look(at(140, [100, 100, 0]))).toBeUndefined()
  })

  test('where it goes on growing as they go in, within a minute', () => {
    const [some, more] = [at(108, [8_000, 8_000, 0]), at(116.1, [16_000, 16_000, 0])]
    expect(look(some)).toBeUndefined()
    expect(look(some, more)).toMatchObject({ messages: 16_000 })
    expect(look(some, at(104, [9_000, 9_000, 0]), more)).toBeUndefined()
    expect(look(at(140, [40_000, 40_000, 0], 61_000))).toBeUndefined()
  })
})

describe('before the first major collection, what has outlived two minor ones', () => {
  /** Of messages of 8 B. */
  const at = (old: number, passed: number, ms: number): Sight => ({
    ...{ held: 0, old: old * MIB, clients: 0, passed: [passed, 0], bytes: passed * 8, at: ms },
  })
  const glances = (...sights: Sight[]) => {
    const hoard = new Hoard(at(100, 0, 0))
    return sights.map(sight => hoard.glance(sight)?.bytes)
  }

  test('names a stage when it has grown as its messages went in', () => {
    expect(glances(at(110, 130_000, 200), at(125, 300_000, 500))).toEqual([undefined, 25 * MIB])
  })

  test('names none where it is less than the head and the place of a message', () => {
    expect(glances(at(125, 600_000, 500))).toEqual([undefined])
  })

  test('names none where it has grown once, and messages go in without it', () => {
    expect(glances(at(120, 130_000, 200), at(120, 500_000, 700), at(130, 630_000, 900))).toEqual(
      Array(3).fill(undefined),
    )
  })

  test('names none that takes longer than two seconds', () => {
    expect(glances(at(115, 200_000, 1_500), at(130, 400_000, 2_100))).toEqual([undefined, undefined])
  })

  test('names none that gives something: what it gave may be old and dead', () => {
    const hoard = new Hoard(at(100, 0, 0))
    expect(hoard.glance({ ...at(130, 300_000, 500), passed: [300_000, 3] })).toBeUndefined()
  })

  test('is never too much, except of a stage that a major one has shown to keep its messages', () => {
    const hoard = new Hoard(at(100, 0, 0))
    const more = (old: number, passed: number, ms: number) => ({ ...at(old, passed, ms), held: (old - 100) * MIB })
    expect(hoard.glance(more(500, 3_000_000, 1_000))).toMatchObject({ tooMuch: false })
    expect(hoard.look(more(210, 1_000_000, 1_100))).toMatchObject({ tooMuch: false })
    expect(hoard.glance(more(350, 2_000_000, 1_500))).toBeUndefined()
    expect(hoard.glance({ ...more(360, 2_100_000, 1_600), passed: [2_100_000, 1] })).toBeUndefined()
    expect(hoard.glance(more(360, 2_100_000, 1_600))).toMatchObject({ tooMuch: true })
  })

  test('lays nothing to another stage than the one that a major one has shown', () => {
    const first: Sight = { held: 0, old: 0, clients: 0, passed: [0, 0, 0], bytes: 0, at: 0 }
    const hoard = new Hoard(first)
    const fed = { ...first, passed: [40_000, 39_000, 0], bytes: 40e6, at: 500 }
    expect(hoard.look({ ...fed, held: 40 * MIB })).toMatchObject({ stage: 1 })
    expect(hoard.glance({ ...fed, old: 5 * MIB, at: 600 })).toBeUndefined()
    const flooded = { ...fed, passed: [400_000, 300_000, 299_000], bytes: 400e6, at: 700 }
    expect(hoard.glance({ ...flooded, old: 300 * MIB })).toBeUndefined()
  })
})
