/** The policies: what each of them says about a reader that is too slow, and by what it is measured. */
import { describe, expect, test } from 'vitest'
import { Cursor } from '../../src/log/cursor.ts'
import type { Log, LogLimits } from '../../src/log/log.ts'
import {
  exceeds,
  judge,
  type LagLimits,
  OVERFLOWS,
  type Overflow,
  POLICIES,
  type Verdict,
} from '../../src/log/overflow.ts'
import { fill, logOf } from './helpers.ts'

const NONE = Number.POSITIVE_INFINITY
const UNLIMITED: LogLimits = { bytes: NONE, messages: NONE, ms: NONE }
const FRAME_BYTES = 102
/** The time of everything below; messages are appended at 0. */
const NOW = 1_000

function limits(max: Partial<LogLimits>, softForMs = 0): LagLimits {
  return { max: { ...UNLIMITED, ...max }, soft: UNLIMITED, softForMs }
}

/** A reader with so many messages in flight and so many queued. */
function readerWith(inFlight: number, queued: number): { readonly log: Log; readonly cursor: Cursor } {
  const log = logOf({ bytes: 64 * 1024 })
  fill(log, 1 + inFlight, FRAME_BYTES - 2)
  const cursor = new Cursor(log.seekCount(1))
  if (inFlight > 0) {
    cursor.unfinished = log.run(cursor.at)!
    cursor.at = cursor.unfinished.to
  }
  fill(log, queued, FRAME_BYTES - 2)
  return { log, cursor }
}

describe('a reader over a limit', () => {
  const verdicts: Record<Overflow, { queued: Verdict; inFlight: Verdict; overrun: Verdict }> = {
    pause: { queued: 'keep', inFlight: 'keep', overrun: 'evict' },
    evict: { queued: 'evict', inFlight: 'evict', overrun: 'evict' },
    skip: { queued: 'skip', inFlight: 'keep', overrun: 'skip' },
  }
  const units = [
    { unit: 'bytes', within: { bytes: 10 * FRAME_BYTES }, over: { bytes: 10 * FRAME_BYTES - 1 } },
    { unit: 'messages', within: { messages: 10 }, over: { messages: 9 } },
    { unit: 'ms', within: { ms: NOW }, over: { ms: NOW - 1 } },
  ]
  const cases = OVERFLOWS.flatMap(overflow => units.map(each => ({ overflow, ...each, ...verdicts[overflow] })))

  test.each(cases)('in $unit, queued, under $overflow: $queued', ({ overflow, within, over, queued }) => {
    const { log, cursor } = readerWith(0, 10)
    expect(judge(overflow, cursor, log, limits(within), 0, NOW)).toBe('keep')
    expect(judge(overflow, cursor, log, limits(over), 0, NOW)).toBe(queued)
  })

  test.each(cases)('in $unit, in flight, under $overflow: $inFlight', ({ overflow, within, over, inFlight }) => {
    const { log, cursor } = readerWith(10, 0)
    expect(judge(overflow, cursor, log, limits(within), 0, NOW)).toBe('keep')
    expect(judge(overflow, cursor, log, limits(over), 0, NOW)).toBe(inFlight)
  })

  test.each(cases)('in $unit, by what is in flight and queued together, under $overflow: $inFlight', each => {
    const { log, cursor } = readerWith(6, 4)
    expect(judge(each.overflow, cursor, log, limits(each.within), 0, NOW)).toBe('keep')
    const verdict = each.unit === 'ms' ? each.queued : each.inFlight
    expect(judge(each.overflow, cursor, log, limits(each.over), 0, NOW)).toBe(verdict)
  })

  test.each(OVERFLOWS)('that is soft, under %s, is let be until its patience is over', overflow => {
    const { log, cursor } = readerWith(0, 10)
    const soft = limits({}, 500)
    const { queued } = verdicts[overflow]
    expect(judge(overflow, cursor, log, soft, 0, NOW)).toBe('keep')
    expect(judge(overflow, cursor, log, soft, NOW, NOW)).toBe('keep')
    expect(judge(overflow, cursor, log, soft, NOW - 499, NOW)).toBe('keep')
    expect(judge(overflow, cursor, log, soft, NOW - 500, NOW)).toBe(queued)
    expect(judge(overflow, cursor, log, limits({ messages: 9 }, 500), NOW, NOW)).toBe(queued)
  })

  test.each(OVERFLOWS)('is out of the question once it is overrun, under %s', overflow => {
    const { log, cursor } = readerWith(0, 10)
    fill(log, 2_000, FRAME_BYTES - 2)
    expect(log.overran(cursor.at)).toBe(true)
    expect(judge(overflow, cursor, log, limits({}), 0, NOW)).toBe(verdicts[overflow].overrun)
    expect(judge(overflow, cursor, log, limits({ bytes: 1 }), 1, NOW)).toBe(verdicts[overflow].overrun)
  })

  test.each(OVERFLOWS)('is never one that has everything, under %s', overflow => {
    const { log, cursor } = readerWith(0, 0)
    expect(judge(overflow, cursor, log, limits({ bytes: 0, messages: 0, ms: 0 }), 0, 1e9)).toBe('keep')
  })
})

describe('the policies', () => {
  test('are named as the option names them, and only pause holds the gate', () => {
    expect(OVERFLOWS).toEqual(['pause', 'evict', 'skip'])
    expect(OVERFLOWS.filter(name => POLICIES[name].gates)).toEqual(['pause'])
  })

  test('go by what is confirmed, except where only what is queued can be helped', () => {
    const { cursor } = readerWith(5, 5)
    expect(POLICIES.pause.measured(cursor)).toBe(cursor.confirmed)
    expect(POLICIES.evict.measured(cursor)).toBe(cursor.confirmed)
    expect(POLICIES.skip.measured(cursor)).toBe(cursor.at)
    expect(cursor.confirmed).not.toBe(cursor.at)
  })
})

describe('what lies between a place and the head', () => {
  test('exceeds no limit that is not set', () => {
    const { log, cursor } = readerWith(0, 10)
    expect(exceeds(log, cursor.at, UNLIMITED, 1e9)).toBe(false)
  })

  test('is as old as its oldest message, and of no age at the head', () => {
    const log = logOf({ bytes: 64 * 1024 })
    const { end } = log
    for (const now of [100, 200, 300]) log.append('x', now)
    const old = (ms: number) => ({ ...UNLIMITED, ms })
    expect(exceeds(log, end, old(400), 500)).toBe(false)
    expect(exceeds(log, end, old(399), 500)).toBe(true)
    expect(exceeds(log, log.newest, old(200), 500)).toBe(false)
    expect(exceeds(log, log.newest, old(199), 500)).toBe(true)
    expect(exceeds(log, log.end, old(0), 1e9)).toBe(false)
  })

  test('is as old as the oldest message kept, where the place itself is gone', () => {
    const log = logOf({ bytes: 64 * 1024, messages: 2 })
    const { end } = log
    for (const now of [100, 200, 300]) log.append('x', now)
    expect(exceeds(log, end, { ...UNLIMITED, ms: 300 }, 500)).toBe(false)
    expect(exceeds(log, end, { ...UNLIMITED, ms: 299 }, 500)).toBe(true)
  })
})
