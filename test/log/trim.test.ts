/** What the log lets go of: by bytes, messages and age, and never past the floor. */
import { describe, expect, test } from 'vitest'
import { MARK_MS } from '../../src/log/segment.ts'
import { expectBytes, fill, framesFrom, logOf, noiseFor } from './helpers.ts'

const KIB = 1024

describe('trimming', () => {
  test('by bytes lets go of whole segments, oldest first, and only of as many as it must', () => {
    const log = logOf({ bytes: 64 * KIB })
    let least = Number.POSITIVE_INFINITY
    let most = 0
    for (let n = 0; n < 5_000; n++) {
      const before = log.tail
      fill(log, 1, 98)
      const { tail } = log
      if (tail.count > before.count) expect(tail.segment).toBe(before.segment + 1)
      most = Math.max(most, log.held)
      if (tail.count > 0) least = Math.min(least, log.bytes - tail.bytes)
      expect(log.overran(before)).toBe(tail.count > before.count)
    }
    expect(most).toBeLessThanOrEqual(64 * KIB + log.segmentBytes)
    expect(least).toBeGreaterThanOrEqual(64 * KIB - 3 * log.segmentBytes)
  })

  test('by messages is exact to the message', () => {
    const log = logOf({ bytes: 64 * KIB, messages: 37 })
    for (let n = 1; n < 3_000; n++) {
      fill(log, 1, 50)
      expect(log.tail.count).toBe(Math.max(0, n - 37))
    }
  })

  test('by messages gives memory back as soon as no message of a segment is kept', () => {
    const log = logOf({ bytes: 1024 * KIB, messages: 10 })
    fill(log, 50_000, 100)
    expect(log.held).toBeLessThan(2.2 * log.segmentBytes)
  })

  test('by age lets go of all that is older, and of nothing that is 20 ms younger', () => {
    const log = logOf({ bytes: 1024 * KIB, ms: 500 })
    const times: number[] = []
    for (let now = 0; now < 4_000; now += 3) {
      fill(log, 1, 30, now)
      times.push(now)
      log.trim(now)
      const tail = log.tail.count
      expect(times[tail]).toBeGreaterThanOrEqual(now - 500)
      if (tail > 0) expect(times[tail - 1]).toBeLessThan(now - 500 + MARK_MS)
    }
  })

  test('by age keeps what is young enough when a new segment is opened', () => {
    const log = logOf({ bytes: 64 * KIB, ms: 500 })
    for (let now = 0; log.end.segment === 0; now += 100) fill(log, 1, 500, now)
    const last = (log.count - 1) * 100
    expect(log.tail.count).toBe((last - 500) / 100)
  })

  test('by age goes on when nothing more is published, until nothing is kept', () => {
    const log = logOf({ bytes: 1024 * KIB, ms: 500 })
    const { end } = log
    fill(log, 3_000, 100, 0)
    log.trim(500)
    expect(log.tail.count).toBe(0)
    log.trim(501)
    expect([log.tail, log.newest]).toEqual([log.end, log.end])
    expect([log.overran(end), log.overran(log.end)]).toEqual([true, false])
    expect(log.run(log.tail)).toBeUndefined()
    expect(log.held).toBeLessThan(2 * log.segmentBytes)
    log.append('after', 502)
    expect(framesFrom(log, log.tail).map(({ payload }) => `${payload}`)).toEqual(['after'])
    expect(log.newest).toEqual(log.tail)
  })

  test('never passes the floor, whichever limit asks for it', () => {
    for (const limits of [{}, { messages: 5 }, { ms: 50 }]) {
      const log = logOf({ bytes: 64 * KIB, ...limits })
      fill(log, 10, 100, 0)
      log.floor = log.tail.count + 2
      const { floor } = log
      fill(log, 3_000, 100, 1_000)
      log.trim(1_000)
      expect(log.tail.count).toBeLessThanOrEqual(floor)
      expect(log.overran(log.seekCount(floor))).toBe(false)
      const frames = framesFrom(log, log.seekCount(floor))
      expect(frames.length).toBe(3_010 - floor)
      for (const [n, { payload }] of frames.entries()) expectBytes(payload, noiseFor(floor + n, 100))
    }
  })

  test('goes up to the floor and makes good the rest when the floor rises', () => {
    const log = logOf({ bytes: 64 * KIB, messages: 100 })
    log.floor = 700
    fill(log, 3_000, 98)
    expect(log.tail.count).toBe(700)
    const held = log.held
    expect(held).toBeGreaterThan(200 * KIB)
    expect(held).toBeLessThan((3_000 - 700) * 100 + 3 * log.segmentBytes)
    log.floor = Number.POSITIVE_INFINITY
    log.trim(0)
    expect(log.tail.count).toBe(2_900)
    expect(log.held).toBeLessThan(4 * log.segmentBytes)
  })

  test('lets go of a segment that ends where the floor begins', () => {
    const log = logOf({ bytes: 64 * KIB, messages: 1 })
    const full = log.segmentBytes - 4
    log.floor = 1
    fill(log, 1, full)
    fill(log, 1, full)
    expect(log.tail.count).toBe(1)
    expect(log.held).toBeLessThan(2 * log.segmentBytes)
    log.floor = 0
    fill(log, 1, full)
    expect(log.tail.count).toBe(1)
  })
})
