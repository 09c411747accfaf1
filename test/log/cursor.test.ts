/** A cursor: where a reader is, and an account in which every message is in exactly one place. */
import { describe, expect, test } from 'vitest'
import { type Account, Cursor } from '../../src/log/cursor.ts'
import type { Log } from '../../src/log/log.ts'
import type { Position } from '../../src/log/position.ts'
import { NOTHING } from '../support/account.ts'
import { fill, logOf } from './helpers.ts'

const FRAME_BYTES = 102

function logWith(messages: number): Log {
  const log = logOf({ bytes: 64 * 1024 })
  fill(log, messages, FRAME_BYTES - 2)
  return log
}

/** What the flush does with a reader: writes a run, of which the socket takes all or not. */
function write(log: Log, cursor: Cursor, taken: boolean): void {
  const run = log.run(cursor.at)!
  cursor.at = run.to
  if (!taken) cursor.unfinished = run
}

function sum(account: Account): number {
  const { taken, inFlight, skipped, conflated, queued, unknown, undelivered } = account
  return taken + inFlight + skipped + conflated + queued + unknown + undelivered
}

describe('a cursor', () => {
  test('that has just joined owes and has nothing', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.end)
    expect(cursor.account(log.end)).toEqual(NOTHING)
    expect([cursor.at, cursor.confirmed, cursor.joined]).toEqual([log.end, log.end, log.end])
    expect([cursor.taken, cursor.takenBytes, cursor.inFlightMessages, cursor.inFlightBytes]).toEqual([0, 0, 0, 0])
  })

  test('that joined further back has all from there on queued, and nothing before it', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.seekCount(2))
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 3, queued: 3 })
  })

  test('has taken what the socket took whole', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.seekCount(1))
    write(log, cursor, true)
    fill(log, 2, 10)
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 6, taken: 4, queued: 2 })
    expect(cursor.takenBytes).toBe(4 * FRAME_BYTES)
    expect(cursor.confirmed).toBe(cursor.at)
  })

  test('has in flight what the socket did not take whole, and is confirmed up to there', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.tail)
    write(log, cursor, true)
    fill(log, 3, FRAME_BYTES - 2)
    const before = cursor.at
    write(log, cursor, false)
    fill(log, 1, FRAME_BYTES - 2)
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 9, taken: 5, inFlight: 3, queued: 1 })
    expect([cursor.inFlightMessages, cursor.inFlightBytes]).toEqual([3, 3 * FRAME_BYTES])
    expect(cursor.takenBytes).toBe(5 * FRAME_BYTES)
    expect(cursor.confirmed).toBe(before)
    cursor.unfinished = undefined
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 9, taken: 8, queued: 1 })
    expect(cursor.confirmed).toBe(cursor.at)
  })

  test('passes over messages in one gap, which takes nothing back of what is in flight', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.tail)
    write(log, cursor, false)
    const confirmed: Position = cursor.confirmed
    fill(log, 10, FRAME_BYTES - 2)
    cursor.skipTo(log.newest)
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 15, inFlight: 5, skipped: 9, queued: 1 })
    expect([cursor.gaps, cursor.skipped, cursor.skippedBytes]).toEqual([1, 9, 9 * FRAME_BYTES])
    expect(cursor.confirmed).toBe(confirmed)
    cursor.unfinished = undefined
    write(log, cursor, true)
    fill(log, 4, FRAME_BYTES - 2)
    cursor.skipTo(log.newest)
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 19, taken: 6, skipped: 12, queued: 1 })
    expect([cursor.gaps, cursor.skippedBytes, cursor.takenBytes]).toEqual([2, 12 * FRAME_BYTES, 6 * FRAME_BYTES])
  })

  test('that is closed has nothing on its way: in flight is unknown, queued undelivered', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.tail)
    write(log, cursor, false)
    fill(log, 10, 50)
    cursor.skipTo(log.newest)
    const account = cursor.account(log.end, true)
    expect(account).toEqual({ ...NOTHING, published: 15, skipped: 9, unknown: 5, undelivered: 1 })
    expect(sum(account)).toBe(account.published)
  })

  test('can give its account up to an earlier place than the head', () => {
    const log = logWith(5)
    const cursor = new Cursor(log.tail)
    write(log, cursor, true)
    fill(log, 2, 10)
    const until = log.end
    fill(log, 7, 10)
    expect(cursor.account(until, true)).toEqual({ ...NOTHING, published: 7, taken: 5, undelivered: 2 })
  })

  test('has passed the offsets a source left out, which are no messages and in no sum', () => {
    const log = logOf({ bytes: 64 * 1024 })
    for (const offset of [10, 11, 15]) log.append('x', 0, offset)
    const cursor = new Cursor(log.tail)
    write(log, cursor, true)
    expect(cursor.account(log.end)).toEqual({ ...NOTHING, published: 3, taken: 3, missing: 3 })
    log.append('x', 0, 116)
    log.append('x', 0, 120)
    expect(cursor.account(log.end).missing).toBe(3)
    cursor.skipTo(log.newest)
    expect(cursor.account(log.end)).toEqual({
      ...NOTHING,
      published: 5,
      taken: 3,
      skipped: 1,
      queued: 1,
      missing: 3 + 100 + 3,
    })
  })

  test('balances after every step of a long life', () => {
    const log = logWith(1)
    const cursor = new Cursor(log.tail)
    for (let n = 0; n < 2_000; n++) {
      fill(log, n % 7, n % 300)
      if (log.overran(cursor.at) || n % 41 === 0) cursor.skipTo(log.newest)
      else if (cursor.unfinished !== undefined) cursor.unfinished = n % 3 === 0 ? undefined : cursor.unfinished
      else if (n % 5 !== 0 && cursor.at.count < log.count) write(log, cursor, n % 2 === 0)
      for (const closed of [false, true]) {
        const account = cursor.account(log.end, closed)
        expect(sum(account)).toBe(account.published)
        expect(account.published).toBe(log.count - cursor.joined.count)
        expect(Math.min(...Object.values(account))).toBeGreaterThanOrEqual(0)
      }
      expect(cursor.takenBytes + cursor.inFlightBytes + cursor.skippedBytes).toBe(cursor.at.bytes)
    }
    expect(cursor.gaps).toBeGreaterThan(40)
  })
})
