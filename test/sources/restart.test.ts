/** When a source is asked again, after how long, and what is told of it. */
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { EMPTY, NEVER } from 'rxjs'
import { describe, expect, test } from 'vitest'
import type { SourceOptions } from '../../src/hub.ts'
import type { FeedOptions } from '../../src/options.ts'
import { type RestartOptions, Restarts, restartSettings } from '../../src/sources/restart.ts'
import type { Item, Source, SourceFunction, SourceLike } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { gate, openHub, payloadsOf, promptly } from './helpers.ts'

/** The delays that follow runs of so many milliseconds, each a failure. */
function delays(options: RestartOptions, runs: readonly number[], random = () => 1): (number | undefined)[] {
  const restarts = new Restarts(restartSettings(options, 'restart'), random)
  return runs.map(ranMs => restarts.next(true, ranMs))
}

describe('the delay', () => {
  test('doubles with each failure in a row, up to the longest', () => {
    const options = { minMs: 100, maxMs: 1_000 }
    expect(delays(options, Array(6).fill(0))).toEqual([200, 400, 800, 1_000, 1_000, 1_000])
    expect(delays(options, Array(6).fill(0), () => 0)).toEqual([100, 200, 400, 500, 500, 500])
  })

  test('is between the shortest and the longest, whatever is drawn', () => {
    const amount = fc.integer({ min: 1, max: 60_000 })
    fc.assert(
      fc.property(amount, amount, fc.double({ min: 0, max: 1, noNaN: true }), (minMs, more, drawn) => {
        for (const delay of delays({ minMs, maxMs: minMs + more }, Array(40).fill(0), () => drawn)) {
          expect(delay).toBeGreaterThanOrEqual(minMs)
          expect(delay).toBeLessThanOrEqual(minMs + more)
        }
      }),
    )
  })

  test('starts from the shortest again when the source has run well for a while', () => {
    expect(delays({ minMs: 100, resetMs: 5_000 }, [0, 0, 4_999, 5_000, 0])).toEqual([200, 400, 800, 200, 400])
  })

  test('is none after so many attempts in a row', () => {
    expect(delays({ minMs: 1, attempts: 2, resetMs: 50 }, [0, 0, 50, 0, 0])).toEqual([2, 4, 2, 4, undefined])
    expect(delays({ attempts: 0 }, [0])).toEqual([undefined])
  })
})

/** Gives one message each time, then does what is next on the list. */
function lives(...ends: readonly ('end' | 'wait' | Error)[]) {
  let asked = 0
  const source = async function* (): AsyncGenerator<Item, void> {
    const end = ends[asked++] ?? 'end'
    yield `life ${asked}`
    if (end instanceof Error) throw end
    if (end === 'wait') await new Promise(() => {})
  }
  return { source, asked: () => asked }
}

function unspeakable(): Error {
  return Object.defineProperty(new Error(), 'message', {
    get() {
      throw new Error('none of your business')
    },
  })
}

const flood = new Error('the cellar is flooded')

describe('a source that is a function', () => {
  test('is asked again when it fails: told with delay and reason, counted, in one log', async () => {
    const { hub, lines, events } = openHub()
    const { source } = lives(flood, flood, 'end')
    const running: number[] = []
    hub.events$.subscribe(event => {
      if (event.type === 'source-running') running.push(event.restarts)
    })
    const feed = hub.feed('f', { source, restart: { minMs: 1, maxMs: 2 } })
    const { epoch } = feed.log
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
    expect(payloadsOf(feed)).toEqual(['life 1', 'life 2', 'life 3'])
    expect([feed.log.epoch, feed.failures]).toEqual([epoch, 0])
    expect(feed.source).toEqual({ state: 'ended', restarts: 2, filtered: 0, error: flood.message })
    await until('the end to be told', () => events.some(({ type }) => type === 'source-ended'))
    const again = { type: 'source-restarting', feed: 'f', delayMs: expect.any(Number), reason: flood.message }
    expect(events).toEqual([again, again, { type: 'source-ended', feed: 'f' }])
    expect(running).toEqual([0, 1, 2])
    expect(lines[0]).toMatch(/^warn: feed f: its source failed: the cellar is flooded; asked again in \d ms$/)
  })

  test.each<[string, unknown, string]>([
    ['of several lines', new Error('line 1\n  line 2\r\n'), 'line 1 line 2'],
    ['of a whole document', new Error('x'.repeat(10_000)), `${'x'.repeat(299)}…`],
    ['with no message, but a code', Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }), 'ECONNREFUSED'],
    ['with nothing but a name', new TypeError(), 'TypeError'],
    ['that is a text', 'out of ink', 'out of ink'],
    ['that is nothing', undefined, 'undefined'],
    ['that is an object', { code: 7 }, '{"code":7}'],
    ['that has no text at all', Object.create(null, { toJSON: { value: () => undefined } }), '[object Object]'],
    ['whose message is none', Object.assign(new Error('a'), { message: { no: 'text' } }), 'Error'],
    ['that does not let itself be shown', unspeakable(), 'an error that cannot be shown'],
  ])('tells why it failed last, on a line, and no failure is too odd for that: one %s', async (_, error, told) => {
    const { hub, lines } = openHub()
    const source = () => {
      throw error
    }
    const feed = hub.feed('f', { source, restart: { minMs: 1, attempts: 1 } })
    expect(feed.source.error).toBeUndefined()
    await until('the feed to fail', () => feed.ending !== undefined)
    expect([feed.source.state, feed.source.restarts, feed.source.error]).toEqual(['failed', 1, told])
    expect(feed.ending).toEqual({ code: 4500, reason: `source failed: ${told}` })
    expect(lines.at(-1)).toBe(`error: feed f: its source failed: ${told}`)
  })

  test('keeps on telling why it failed last while it runs again', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: lives(flood, 'wait').source, restart: { minMs: 1 } })
    await until('it to run again', () => feed.source.restarts === 1 && feed.source.state === 'running')
    expect(feed.source.error).toBe(flood.message)
  })

  test('has a state that anybody can look at', async () => {
    const { hub } = openHub()
    const pause = gate()
    let asked = 0
    const source = async function* (): AsyncGenerator<Item, void> {
      if (asked++ === 0) {
        await pause.opened
        throw flood
      }
      yield 'x'
      await new Promise(() => {})
    }
    const feed = hub.feed('f', { source, minClients: 1, restart: { minMs: 500 } })
    expect(feed.source.state).toBe('waiting')
    feed.demand.joined(1, performance.now())
    await until('it to run', () => feed.source.state === 'running')
    pause.open()
    await until('it to be restarting', () => feed.source.state === 'restarting')
    await until('it to run again', () => feed.source.state === 'running')
    await hub.close({ drainMs: 0 })
    expect(feed.source.state).toBe('ended')
    expect(hub.feed).toBeDefined()
  })

  test('fails its feed when the attempts are used up', async () => {
    const { hub, events } = openHub()
    const { source, asked } = lives(flood, flood, flood, flood)
    const feed = hub.feed('f', { source, restart: { minMs: 1, attempts: 2 } })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending).toEqual({ code: 4500, reason: `source failed: ${flood.message}` })
    expect([asked(), feed.source.state, feed.failures]).toEqual([3, 'failed', 1])
    await until('the failure to be told', () => events.some(({ type }) => type === 'source-failed'))
  })

  test('is not asked again after a failure with `restart: false`, nor after an end', async () => {
    const { hub } = openHub()
    const once = lives(flood, 'end')
    const feed = hub.feed('f', { source: once.source, restart: false })
    const ends = lives('end', 'end')
    const other = hub.feed('g', { source: ends.source })
    await until('both to end', () => feed.ending !== undefined && other.ending !== undefined)
    expect([feed.ending?.code, once.asked(), other.ending?.code, ends.asked()]).toEqual([4500, 1, 1000, 1])
  })

  test('is asked again after an end too with `on: always`', async () => {
    const { hub, lines } = openHub()
    const { source, asked } = lives('end', 'end', 'wait')
    const feed = hub.feed('f', { source, restart: { on: 'always', minMs: 1 } })
    await until('three lives', () => feed.log.count === 3)
    expect([asked(), feed.source.restarts, feed.source.state]).toEqual([3, 2, 'running'])
    expect(lines[0]).toMatch(/^info: feed f: its source has ended; asked again in \d ms$/)
  })

  test('is told where its feed is, so that it can go on there', async () => {
    const { hub } = openHub()
    const heads: number[] = []
    const source: SourceFunction = async ({ head, feed, format }) => {
      heads.push(head)
      expect([feed, format]).toEqual(['f', 'text'])
      const items = [{ payload: 'x', offset: head + 10 }]
      return Readable.from(
        (function* () {
          yield* items
          if (heads.length < 2) throw flood
        })(),
        { highWaterMark: 1 },
      )
    }
    const feed = hub.feed('f', { source, restart: { minMs: 1 } })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(heads).toEqual([0, feed.log.count === 2 ? 11 : 0])
  })

  test('that waits for its next time keeps nobody from closing the hub', async () => {
    const { hub } = openHub()
    const { source } = lives(flood)
    const feed = hub.feed('f', { source, restart: { minMs: 60_000, maxMs: 60_000 } })
    await until('it to wait', () => feed.source.state === 'restarting')
    await promptly('close()', hub.close({ drainMs: 0 }))
    expect(feed.source.state).toBe('ended')
  })

  test('that never comes back when it is asked keeps nobody from closing the hub', async () => {
    const { hub } = openHub()
    hub.feed('f', { source: () => new Promise<Source>(() => {}) })
    await promptly('close()', hub.close({ drainMs: 0 }))
  })

  test('that comes back when nobody wants it any more is let go of', async () => {
    const { hub } = openHub()
    const opening = gate()
    const late = Readable.from(['x'])
    hub.feed('f', {
      source: async () => {
        await opening.opened
        return late
      },
    })
    await promptly('close()', hub.close({ drainMs: 0 }))
    opening.open()
    await until('it to be destroyed', () => late.destroyed)
  })

  test('that throws when it is asked has failed, and is asked again', async () => {
    const { hub } = openHub()
    const { source } = lives('end')
    let asked = 0
    const feed = hub.feed('f', {
      source: () => {
        if (asked++ === 0) throw flood
        return source()
      },
      restart: { minMs: 1 },
    })
    await until('the feed to end', () => feed.ending !== undefined)
    expect([feed.ending?.code, feed.log.count, feed.source.restarts]).toEqual([1000, 1, 1])
  })

  test.each<[string, SourceFunction, string, (FeedOptions & SourceOptions)?]>([
    [
      'gives none',
      () => 42 as never,
      'source: expected an AsyncIterable, a Readable, an Observable or a function that gives one, got 42',
    ],
    [
      'gives an Observable where the feed may have to pause',
      () => NEVER,
      'f.overflow: expected evict or skip, because this source cannot wait, got "pause"',
    ],
    [
      'gives an Observable where a stage would have to wait',
      Object.assign(() => NEVER, { canWait: false }),
      'f.through: expected none on an Observable, which cannot wait for a stage: use pipeline, or an AsyncIterable, got ["through"]',
      {
        through: [
          function through(items: AsyncIterable<unknown>) {
            return items
          },
        ],
      },
    ],
  ])(
    'that %s is refused with the rule; with a promise of it, it fails its feed for good',
    async (_, source, reason, options = { overflow: 'pause' }) => {
      const { hub, lines } = openHub()
      expect(() => hub.feed('f', { source, ...options })).toThrow(expect.objectContaining({ message: reason }))
      expect([hub.feeds.size, lines]).toEqual([0, []])
      let stopped = false
      const asked: SourceFunction = opening => {
        opening.signal.addEventListener('abort', () => {
          stopped = true
        })
        return source(opening)
      }
      expect(() => hub.feed('f', { source: Object.assign(asked, source), ...options })).toThrow(reason)
      expect(stopped).toBe(true)
      const later: SourceFunction = async opening => source(opening)
      const feed = hub.feed('f', { source: later, ...options, restart: { minMs: 1 } })
      await until('the feed to end', () => feed.ending !== undefined)
      expect(feed.ending?.reason).toBe(`source failed: ${reason}`)
      expect(feed.source.restarts).toBe(0)
    },
  )

  test('that gives an Observable runs where nobody pauses', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: () => EMPTY })
    await until('the feed to end', () => feed.ending?.code === 1000)
  })

  test('whose numbering begins anew cannot go on in the same log: the feed fails, and says so', async () => {
    const { hub } = openHub()
    let life = 0
    const source = (): Source => {
      const epoch = `life-${++life}`
      return { epoch, [Symbol.asyncIterator]: () => lives(flood).source() }
    }
    const feed = hub.feed('f', { source, restart: { minMs: 1 } })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toMatch(
      /^source failed: source\.epoch: expected the one it had before \(life-1\), .*got "life-2"$/,
    )
  })
})

test.each<[unknown, string]>([
  [{ minMs: 0 }, 'f.restart.minMs: expected at least 1, got 0'],
  [{ maxMs: 'long' }, 'f.restart.maxMs: expected a number, got "long"'],
  [{ minMs: 10, maxMs: 5 }, 'f.restart.maxMs: expected at least 10, got 5'],
  [{ attempts: 1.5 }, 'f.restart.attempts: expected a whole number, or Infinity, got 1.5'],
  [{ on: 'sunday' }, 'f.restart.on: expected failure or always, got "sunday"'],
  [{ every: 5 }, 'f.restart: expected no option but minMs, maxMs, attempts, resetMs, on, got "every"'],
])('restart: %j is refused with a sentence', (restart, message) => {
  const { hub } = openHub()
  const { source } = lives()
  expect(() => hub.feed('f', { source, restart: restart as RestartOptions })).toThrow(
    expect.objectContaining({ code: 'bad_option', message }),
  )
})

test('restart beside a source that cannot be asked again is refused', () => {
  const { hub } = openHub()
  const { source } = lives()
  expect(() => hub.feed('f', { source: source(), restart: {} })).toThrow('f.source: expected a function beside restart')
})

describe('what can be read only once', () => {
  const once: [string, () => SourceLike, string][] = [
    ['a Readable', () => Readable.from(['x']), 'a Readable that one has'],
    ['a generator', () => lives('end').source(), 'an iterator that one has'],
  ]
  const sentence = (got: string) =>
    `source: expected one that no feed has read from (a function that makes one can be asked again), got "${got}"`

  test.each(once)('(%s) is the source of one feed', async (_, make, got) => {
    const { hub } = openHub()
    const source = make()
    hub.feed('f', { source, minClients: 1 })
    expect(() => hub.feed('g', { source })).toThrow(
      expect.objectContaining({ code: 'bad_source', message: sentence(got) }),
    )
    expect([...hub.feeds.keys()]).toEqual(['f'])
    const other = hub.feed('h', { source: async () => source as Source })
    await until('that to fail', () => other.ending !== undefined)
    expect(other.source.error).toBe(sentence(got))
    expect((source as Readable).destroyed).not.toBe(true)
  })

  test.each(once)('(%s) that a function gives again fails its feed for good', async (_, make, got) => {
    const { hub } = openHub()
    const source = make()
    const feed = hub.feed('f', { source: (() => source) as SourceFunction, restart: { on: 'always', minMs: 1 } })
    await until('the feed to fail', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toBe(`source failed: ${sentence(got)}`)
    expect(feed.log.count).toBe(1)
  })
})
