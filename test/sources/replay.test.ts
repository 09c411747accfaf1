/** replay: a recording at its own pace, faster, in a circle or at a rate; and everything in it, where it can wait. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ReplayOptions, replay } from '../../src/sources/replay.ts'
import { startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'
import { openHub, payloadsOf } from './helpers.ts'

const QUAKES = join(import.meta.dirname, '../../data/earthquakes.ndjson')

function recording(lines: readonly unknown[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'recording.ndjson')
  writeFileSync(path, lines.map(line => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join(''))
  return path
}

/** Plays it to its end; when each message was seen, from the start on: late where the machine is slow, and never early. */
async function played(path: string, options: ReplayOptions = {}) {
  const { hub } = openHub()
  const started = performance.now()
  const feed = hub.feed('f', { source: replay(path, options) })
  const at: number[] = []
  await until('the end', () => {
    while (at.length < feed.log.count) at.push(performance.now())
    return feed.ending !== undefined
  })
  return { feed, payloads: payloadsOf(feed), at: at.map(time => time - started) }
}

const T0 = Date.UTC(2024, 0, 1)

describe('replay', () => {
  test('keeps the distances between the times, at so many times the speed', async () => {
    const path = recording([0, 1_000, 1_000, 4_000].map(ms => ({ time: T0 + ms, ms })))
    const { at, payloads } = await played(path, { speed: 20 })
    expect(payloads.map(line => (JSON.parse(line) as { ms: number }).ms)).toEqual([0, 1_000, 1_000, 4_000])
    for (const [i, due] of [0, 50, 50, 200].entries()) {
      expect(at[i]).toBeGreaterThanOrEqual(due - 2) // the grain of the timers
    }
  })

  test('takes dates, other fields, and lines without a time or with an earlier one: they go right behind', async () => {
    const lines = [
      { at: '2024-01-01T00:00:00Z' },
      'no json',
      { at: '2023-12-31T00:00:00Z' },
      { at: '2024-01-01T00:00:01Z' },
    ]
    const { payloads, feed } = await played(recording(lines), { speed: 1_000, timeField: 'at' })
    expect(payloads).toHaveLength(4)
    expect(payloads[1]).toBe('no json')
    expect(feed.ending?.code).toBe(1000)
  })

  test('goes at a rate, whatever the times', async () => {
    const { at, payloads } = await played(recording(['a', 'b', 'c', 'd', 'e']), { rate: 50 })
    expect(payloads).toEqual(['a', 'b', 'c', 'd', 'e'])
    expect(at[4]).toBeGreaterThanOrEqual(80 - 2)
  })

  test('goes round with `loop`, and ends with its signal', async () => {
    const { hub } = openHub()
    const stop = new AbortController()
    const path = recording([{ time: T0 }, { time: T0 + 5 }])
    const feed = hub.feed('f', { source: replay(path, { loop: true, signal: stop.signal }) })
    await until('three rounds', () => feed.log.count >= 6)
    expect(feed.ending).toBeUndefined()
    stop.abort()
    await until('the end', () => feed.ending?.code === 1000)
  })

  test('a loop of nothing ends', async () => {
    expect((await played(recording([]), { loop: true })).feed.ending?.code).toBe(1000)
  })

  test('at 1,000 times the speed keeps its pace, and loses nothing', async () => {
    const times = Array.from({ length: 2_000 }, (_, i) => ({ time: T0 + i * 250, i }))
    const { at, payloads } = await played(recording(times), { speed: 1_000 })
    expect(payloads.map(line => (JSON.parse(line) as { i: number }).i)).toEqual(times.map(({ i }) => i))
    for (const [i, time] of at.entries()) expect(time).toBeGreaterThanOrEqual((i * 250) / 1_000 - 2)
  })

  test('at 1,000 times the speed, what a slow reader of a feed that does not wait has lost is told exactly', async () => {
    const { hub, client } = await startHub()
    const times = Array.from({ length: 2_000 }, (_, i) => ({ time: T0 + i * 250, i, pad: 'x'.repeat(5_000) }))
    const source = replay(recording(times), { speed: 1_000 })
    const feed = hub.feed('f', { source, overflow: 'skip', capacity: 200_000, minClients: 2 })
    const [healthy, slow] = [await client('/feeds/f'), await client('/feeds/f')]
    slow.stop()
    await until('the source to end', () => feed.source.state === 'ended')
    slow.go()
    expect(await slow.closed(20_000)).toBe(1000)
    expect(await healthy.closed(20_000)).toBe(1000)
    const { delivered, skipped } = feed.totals()
    expect(slow.messages).toBeLessThan(2_000)
    expect([delivered, skipped]).toEqual([healthy.messages + slow.messages, 4_000 - healthy.messages - slow.messages])
    expect(feed.gaps.overflow).toBeGreaterThan(0)
  })

  test('at a million times the speed loses nothing where it can wait', async () => {
    const { hub, client } = await startHub()
    const source = replay(QUAKES, { speed: 1_000_000 })
    const feed = hub.feed('quakes', { source, overflow: 'pause', minClients: 2, capacity: 100_000 })
    const clients = [await client('/feeds/quakes'), await client('/feeds/quakes')]
    clients[0]!.readAt(400_000)
    expect(await clients[0]!.closed(20_000)).toBe(1000)
    expect(await clients[1]!.closed()).toBe(1000)
    const lines = readFileSync(QUAKES, 'utf8').trimEnd().split('\n')
    expect(lines).toHaveLength(1_707)
    for (const { texts } of clients) expect(texts).toEqual(lines)
    expect([feed.log.count, feed.totals().skipped]).toEqual([1_707, 0])
  })

  test('fails where the first line has no time, and says what to do', async () => {
    const { feed } = await played(recording(['no json']))
    expect(feed.ending?.reason).toBe(
      'source failed: line 1 of the recording: expected "time" with a time (ms since 1970, or ISO 8601), or replay at a rate, got nothing',
    )
  })

  test('fails where there is no file, and is not asked again', async () => {
    const { feed } = await played('/there/is/no/such/recording')
    expect(feed.ending?.reason).toMatch(/^source failed: ENOENT/)
    expect(feed.source.restarts).toBe(0)
  })

  test.each<[unknown, string]>([
    [{ speed: 0 }, 'replay.speed: expected more than 0, got 0'],
    [{ rate: 0 }, 'replay.rate: expected at least 0.001, got 0'],
    [{ speed: 2, rate: 5 }, 'replay.rate: expected either a rate or a speed, got 5'],
    [{ loop: 'yes' }, 'replay.loop: expected a boolean, got "yes"'],
    [{ fast: true }, 'replay: expected no option but speed, loop, rate, timeField, signal, got "fast"'],
  ])('refuses what will not do: %j', (options, message) => {
    expect(() => replay('x', options as ReplayOptions)).toThrow(
      expect.objectContaining({ code: 'bad_option', message }),
    )
  })
})

test('the recorded data set is in order, complete, and small', () => {
  const text = readFileSync(QUAKES, 'utf8')
  const quakes = text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as { time: number; mag: number | null; place: string })
  expect(text.length).toBeLessThan(300_000)
  expect(quakes.every(({ time }, i) => time >= (quakes[i - 1]?.time ?? 0))).toBe(true)
  expect(Object.keys(quakes[0]!)).toEqual(['time', 'mag', 'place', 'lon', 'lat', 'depth'])
})
