/** Append costs the same with one reader and with 100,000, because nothing in the log knows a reader. */
import { expect, test } from 'vitest'
import { Cursor } from '../../src/log/cursor.ts'
import { Position } from '../../src/log/position.ts'
import { fill, logOf } from './helpers.ts'

const CURSORS = 100_000

/** The thing itself, but whoever reads or writes one of its fields is counted. */
function counted<T extends object>(thing: T, count: () => void): T {
  return new Proxy(thing, {
    get(target, key) {
      count()
      return Reflect.get(target, key)
    },
    set(target, key, value) {
      count()
      return Reflect.set(target, key, value)
    },
  })
}

test('append and trim look at none of 100,000 cursors, nor at the places where these are', () => {
  let looks = 0
  const look = () => {
    looks++
  }
  const log = logOf({ bytes: 256 * 1024, messages: 2_000, ms: 5_000 })
  fill(log, 1_000, 100)
  const cursors: Cursor[] = []
  for (let n = 0; n < CURSORS; n++) {
    const place = log.seekCount(n % 1_001)
    const cursor = counted(new Cursor(counted(place, look)), look)
    if (n % 10 === 0) {
      const run = log.run(place)
      if (run !== undefined) log.pin(run)
      cursor.unfinished = run
    }
    cursors.push(cursor)
  }
  looks = 0
  for (let n = 0; n < 20_000; n++) fill(log, 1, n % 300, n)
  log.trim(20_000)
  expect(log.bytes).toBeGreaterThan(10 * 256 * 1024)
  expect(looks).toBe(0)
  expect(cursors.every(({ at }) => log.overran(at))).toBe(true)
  expect(looks).toBeGreaterThanOrEqual(CURSORS)
})

test('append makes a place for each mark and none for each message', () => {
  const log = logOf({ bytes: 1024 * 1024 })
  fill(log, 10_000, 50)
  const { end } = log
  expect(end).toBeInstanceOf(Position)
  let marks = 0
  for (let at = log.tail; at.count < log.count; at = log.seekCount(at.count + 1)) {
    if (log.seekCount(at.count) === at) marks++
  }
  expect(marks).toBeGreaterThan(50)
  expect(marks).toBeLessThan(80)
})
