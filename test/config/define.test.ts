/** The type of the configuration file: what the hub takes it takes, and what the hub refuses it refuses where a type can. */
import { filter } from 'rxjs'
import { describe, expect, test } from 'vitest'
import { shapeFaults } from '../../src/config/shape.ts'
import type { Configuration, FeedConfiguration } from '../../src/index.ts'

test('what the type has is what the file may hold: every option, in every way it may be written', () => {
  const everything: Configuration = {
    serve: { port: 0, host: '::1', origins: ['*'], drainMs: '1500ms', exitWhenDone: true },
    hub: { maxClients: 10, stallTimeoutMs: '30s', maxInFlightBytes: '64 MiB' },
    feeds: {
      log: {
        source: 'follow:app.log',
        overflow: 'evict',
        allow: ['skip'],
        capacity: { bytes: '64MiB', messages: 1_000, ms: '10m' },
        maxLag: 65_536,
        softLag: '32KiB',
        highMark: '80%',
        lowMark: 0.5,
        format: 'text',
        fromStart: true,
        restart: 'always',
      },
      load: { source: 'exec:vmstat 1', restart: { on: 'failure', minMs: '1s', attempts: 3 }, allow: 'skip,evict' },
      quakes: { source: 'replay:data.ndjson', speed: 1_000, loop: true, timeField: 'at' },
      own: {
        source: async function* () {
          yield 'x'
        },
        through: async function* (lines: AsyncIterable<string>) {
          yield* lines
        },
        pipeline: [filter(() => true)],
        restart: false,
      },
    },
  }
  expect(shapeFaults(everything)).toEqual([])
})

describe('what is wrong is an error of the compiler, and a fault of the file:', () => {
  const wrong = (feed: unknown) => shapeFaults({ feeds: { f: feed } }).length

  test('unknown options, sources, policies, units and words', () => {
    const unknown = {
      // @ts-expect-error: no such option
      option: { source: 'ticker', overlow: 'skip' } satisfies FeedConfiguration,
      // @ts-expect-error: no such source
      source: { source: 'files:x' } satisfies FeedConfiguration,
      // @ts-expect-error: no such policy
      overflow: { source: 'ticker', overflow: 'drop' } satisfies FeedConfiguration,
      // @ts-expect-error: no such unit of an amount
      capacity: { source: 'ticker', capacity: { byte: 65_536 } } satisfies FeedConfiguration,
      // @ts-expect-error: an amount begins with a number
      maxLag: { source: 'ticker', maxLag: 'much' } satisfies FeedConfiguration,
      // @ts-expect-error: a switch is true or false
      fromStart: { source: 'follow:x', fromStart: 'yes' } satisfies FeedConfiguration,
    }
    for (const [option, feed] of Object.entries(unknown)) expect(wrong(feed), option).toBe(1)
  })
})
