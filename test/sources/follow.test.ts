/** follow: a file that grows, is rotated, truncated, removed, or not there yet. */
import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { FeedOptions } from '../../src/options.ts'
import { type FollowOptions, follow } from '../../src/sources/follow.ts'
import type { SourceFunction } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { openHub, payloadsOf, promptly, turns } from './helpers.ts'

function open(given: string | undefined, options: FollowOptions = {}, beside: FeedOptions = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'app.log')
  if (given !== undefined) writeFileSync(path, given)
  const { hub, lines } = openHub()
  const feed = hub.feed('f', { source: follow(path, { everyMs: 10, ...options }), ...beside })
  const has = (...payloads: string[]) =>
    until(`${payloads.join(', ')}, got ${payloadsOf(feed).join(', ')}`, () => `${payloadsOf(feed)}` === `${payloads}`)
  return { path, hub, feed, lines, has, moved: () => renameSync(path, `${path}.1`) }
}

const fromStart = { from: 'start' } as const

describe('follow', () => {
  test('gives what is written from now on, line by line', async () => {
    const { path, has } = open('old\n')
    appendFileSync(path, 'one\ntw')
    await has('one')
    appendFileSync(path, 'o\nthree\n')
    await has('one', 'two', 'three')
  })

  test('gives what is there first, with `from: start`', async () => {
    const { path, has } = open('one\ntwo\n', fromStart)
    await has('one', 'two')
    appendFileSync(path, 'three\n')
    await has('one', 'two', 'three')
  })

  test('waits for a file that is not there, says so once, and has all of it then', async () => {
    const { path, lines, has } = open(undefined)
    await until('it to wait', () => lines.length > 0)
    writeFileSync(path, 'one\n')
    await has('one')
    expect(lines).toEqual([`info: feed f: follow waits for ${path}, which is not there`])
  })

  test('survives a rotation: the old file to its end, then the new one from its start', async () => {
    const { path, lines, has, moved } = open('one\n', fromStart)
    await has('one')
    moved()
    // Whoever had it open goes on writing to it for a while.
    appendFileSync(`${path}.1`, 'two\n')
    await has('one', 'two')
    appendFileSync(`${path}.1`, 'three\n')
    writeFileSync(path, 'four\n')
    await has('one', 'two', 'three', 'four')
    appendFileSync(path, 'five\n')
    await has('one', 'two', 'three', 'four', 'five')
    expect(lines).toEqual([`info: feed f: ${path} is another file now: from its start`])
  })

  test('loses nothing over many rotations, whatever the moment', async () => {
    const { path, feed } = open('', fromStart)
    const expected: string[] = []
    for (let file = 0; file < 20; file++) {
      for (let i = 0; i < 50; i++) {
        expected.push(`${file}-${i}`)
        appendFileSync(path, `${file}-${i}\n`)
      }
      // A file may be replaced before it was ever looked at: no follower can know of it. This one was.
      await until('the file to have been seen', () => feed.log.count > file * 50)
      renameSync(path, `${path}.${file}`)
      writeFileSync(path, '')
    }
    await until('all of it', () => feed.log.count >= expected.length)
    expect(payloadsOf(feed)).toEqual(expected)
  })

  test('does not take the rest of a line for the beginning of another file', async () => {
    const { path, has, moved } = open('one\nno end', fromStart)
    await has('one')
    moved()
    writeFileSync(path, 'begin\n')
    await has('one', 'no end', 'begin')
  })

  test('survives a truncation, begins at the start, and tells what may be lost', async () => {
    const { path, lines, has } = open('one\ntwo\n', fromStart)
    await has('one', 'two')
    truncateSync(path)
    await until('it to be told', () => lines.length > 0)
    appendFileSync(path, 'three\n')
    await has('one', 'two', 'three')
    expect(lines).toEqual([`warn: feed f: ${path} was truncated from 8 to 0 bytes: what was not read is lost`])
  })

  test.each<[string, string]>([
    ['of which nothing is new', 'new 1\nnew 2\n'],
    ['of which the end is new', `${'new\n'.repeat(100)}`],
    ['that begins as before', 'one\ntwo!\n'],
  ])('survives a truncation after which the file has grown as long again before it looked: %s', async (_, written) => {
    const { path, lines, has } = open('one\ntwo\nthr', fromStart)
    await has('one', 'two')
    writeFileSync(path, written.padEnd(12, '.'))
    const again = written.split('\n').slice(0, -1)
    await has('one', 'two', 'thr', ...again)
    // It may have looked between the two.
    const told =
      /was truncated (and written again beyond where it was read|from 11 to \d+ bytes): what was not read is lost$/
    expect(lines).toEqual([expect.stringMatching(told)])
  })

  test('knows a truncation of what it has not read, because it began at the end', async () => {
    const { path, lines, has } = open(`${'old\n'.repeat(50)}`, { everyMs: 10 })
    writeFileSync(path, 'new\n'.repeat(60))
    await has(...Array<string>(60).fill('new'))
    expect(lines).toHaveLength(1)
  })

  test('can be the source of several feeds, each with a place of its own', async () => {
    const { path, hub } = open('one\n')
    const source = follow(path, { ...fromStart, everyMs: 10 })
    const feeds = ['a', 'b'].map(name => hub.feed(name, { source }))
    await until('both to have it', () => feeds.every(feed => feed.log.count === 1))
    appendFileSync(path, 'two\n'.repeat(1_000))
    await until('both to have all of it', () => feeds.every(feed => feed.log.count === 1_001))
  })

  test('waits when the file is removed, and goes on with the next', async () => {
    const { path, has } = open('one\n', fromStart)
    await has('one')
    unlinkSync(path)
    await turns(20)
    writeFileSync(path, 'two\n')
    await has('one', 'two')
  })

  test('gives bytes as they are on a binary feed', async () => {
    const { path, has } = open('ab', fromStart, { format: 'binary', capacity: 100_000 })
    appendFileSync(path, 'cd')
    // Chunks are filled up: 16 KiB of them by default.
    appendFileSync(path, '.'.repeat(16 * 1024 - 4))
    await has(`abcd${'.'.repeat(16 * 1024 - 4)}`)
  })

  test('goes on where it was after a failure, with the line that was not whole', async () => {
    const { path } = open('one\ntw')
    const { hub } = openHub()
    const following = follow(path, { ...fromStart, everyMs: 10 })
    let readable: Readable | undefined
    const source: SourceFunction = opening => {
      readable = following(opening) as Readable
      return readable
    }
    const feed = hub.feed('f', { source, restart: { minMs: 1 } })
    await until('the first line', () => feed.log.count === 1)
    readable?.destroy(new Error('the disk is gone for a moment'))
    await until('it to be asked again', () => feed.source.restarts === 1)
    appendFileSync(path, 'o\n')
    await until('the second line', () => feed.log.count === 2)
    expect(payloadsOf(feed)).toEqual(['one', 'two'])
  })

  test('fails where the file cannot be read, and is asked again', async () => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f', { source: follow(tmpdir(), fromStart), restart: { minMs: 1, attempts: 1 } })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toMatch(/^source failed: EISDIR/)
    expect(lines[0]).toMatch(/^warn: feed f: its source failed: EISDIR.*; asked again in [12] ms$/)
  })

  test('ends with its signal, and lets go of the hub at once', async () => {
    const stop = new AbortController()
    const { feed, has } = open('one\n', { ...fromStart, everyMs: 60_000, signal: stop.signal })
    await has('one')
    stop.abort()
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
    const other = open('one\n', { ...fromStart, everyMs: 60_000 })
    await other.has('one')
    await promptly('close()', other.hub.close({ drainMs: 0 }))
  })

  test.each<[unknown, unknown, string]>([
    ['', {}, 'follow: expected at least 1, got ""'],
    ['x', { from: 'middle' }, 'follow.from: expected start or end, got "middle"'],
    ['x', { everyMs: 1 }, 'follow.everyMs: expected at least 10, got 1'],
  ])('refuses what will not do: %j, %j', (path, options, message) => {
    expect(() => follow(path as string, options as FollowOptions)).toThrow(
      expect.objectContaining({ code: 'bad_option', message }),
    )
  })
})
