/** The journal: events as lines, so few that they can be read, and none that is not accounted for. */
import { expect, test } from 'vitest'
import type { EvictCause, HubEvent } from '../src/events.ts'
import { Journal } from '../src/journal.ts'
import { textLine } from '../src/logger-text.ts'
import type { LogFields } from '../src/options.ts'
import { NOTHING } from './support/account.ts'

const nowhere = { messages: 0, bytes: 0, seconds: 0 }

function eviction(id: number, feed: string, cause: EvictCause): HubEvent {
  const client = { id, address: '10.0.0.1:5', name: '', agent: '', since: 0 }
  const figures = {
    overflow: 'evict',
    state: 'full',
    limit: undefined,
    lag: nowhere,
    queued: nowhere,
    inFlightBytes: 0,
    windowBytes: 4_096,
    oldestPingMs: undefined,
    bufferedBytes: 0,
    connectedMs: 0,
  } as const
  return { type: 'client-evicted', client, feed, cause, detail: 'far behind', figures, account: NOTHING }
}

function listened() {
  const lines: (readonly [string, LogFields | undefined])[] = []
  const write = (line: string, fields?: LogFields) => void lines.push([line, fields])
  return { lines, journal: new Journal({ info: write, warn: write, error: write }) }
}

test('of 10,000 evictions at once twenty have a line of their own, and the others one together', () => {
  const { lines, journal } = listened()
  for (let i = 0; i < 10_000; i++)
    journal.note(eviction(i, i % 10 === 0 ? 'quotes' : 'trades', i < 100 ? 'stall' : 'lag'))
  expect(lines, 'nothing is written inside the flush').toEqual([])
  journal.close()
  const own = lines.filter(([, fields]) => fields?.['event'] === 'client-evicted').length
  expect(own).toBeGreaterThanOrEqual(20)
  expect(own, 'five a second more, should this machine be slow').toBeLessThan(40)
  const [line, fields] = lines.at(-1)!
  expect(lines).toHaveLength(own + 1)
  expect(fields).toMatchObject({ event: 'evictions-summed', count: 10_000 - own })
  const parts = fields!['evictions'] as { feed: string; cause: string; count: number }[]
  expect(parts.reduce((sum, { count }) => sum + count, 0)).toBe(10_000 - own)
  expect(line).toMatch(
    /^\d+ more clients were evicted within \d+ s: trades lag \d+, quotes lag \d+, trades stall \d+, quotes stall \d+$/,
  )
})

test('evictions of many feeds are summed up in a line that can be read', () => {
  const { lines, journal } = listened()
  for (let i = 0; i < 1_000; i++) journal.note(eviction(i, `feed-${i % 300}`, 'lag'))
  journal.close()
  const [line, fields] = lines.at(-1)!
  expect(line.length).toBeLessThan(400)
  expect(line).toContain('and 290 more')
  expect(fields!['evictions']).toHaveLength(100)
})

test('a source that stops and goes on many times a second is not told of', () => {
  const { lines, journal } = listened()
  for (let i = 0; i < 1_000; i++) {
    journal.note({ type: 'source-paused', feed: 'f', cause: 'gate' })
    journal.note({ type: 'source-resumed', feed: 'f', pausedMs: 1 })
  }
  journal.close()
  expect(lines).toEqual([])
})

test('what a client calls itself can neither move the cursor of a terminal nor begin a line', () => {
  const style = { terminal: false, colours: false }
  const hostile = '\x1b[2J\x9b31mevil\r\nwarn all is well\u202e'
  const line = textLine('warn', `stderr: ${hostile}`, { name: hostile, agent: 'curl/8' }, new Date(0), style)
  expect(line).toBe(
    '1970-01-01T00:00:00.000Z warn  stderr: \\u001b[2J\\u009b31mevil\\u000d\\u000awarn all is well\\u202e' +
      '  name="\\u001b[2J\\u009b31mevil\\r\\nwarn all is well\\u202e" agent=curl/8\n',
  )
})

test('on a terminal a line has the time of day, and a colour where there may be one', () => {
  const at = new Date(2026, 0, 2, 3, 4, 5, 6)
  expect(textLine('warn', 'careful', { n: 1.23456 }, at, { terminal: true, colours: true })).toBe(
    '\x1b[2m03:04:05.006\x1b[0m \x1b[33mwarn \x1b[0m careful  \x1b[2mn=1.235\x1b[0m\n',
  )
  expect(textLine('info', 'fine', undefined, at, { terminal: true, colours: false })).toBe('03:04:05.006 info  fine\n')
})
