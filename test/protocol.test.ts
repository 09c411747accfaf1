/** The wire: where a reader begins, how a close says why, which HTTP status says the same. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CLOSE,
  type CloseCode,
  closeReason,
  FEED_NAME,
  type From,
  formatPosition,
  parseFrom,
  statusOf,
} from '../src/protocol.ts'

const utf8 = new TextEncoder()
const bytesOf = (text: string) => utf8.encode(text).length

describe('from', () => {
  test.each<[string, From]>([
    ['latest', { at: 'latest' }],
    ['earliest', { at: 'earliest' }],
    ['-100', { at: 'messages', back: 100 }],
    ['-0', { at: 'messages', back: 0 }],
    ['-500ms', { at: 'age', ms: 500 }],
    ['-30s', { at: 'age', ms: 30_000 }],
    ['-5m', { at: 'age', ms: 300_000 }],
    ['-2h', { at: 'age', ms: 7_200_000 }],
    ['-1d', { at: 'age', ms: 86_400_000 }],
    ['a1b2:0', { at: 'position', epoch: 'a1b2', offset: 0 }],
    ['Az0_.~-:9007199254740991', { at: 'position', epoch: 'Az0_.~-', offset: Number.MAX_SAFE_INTEGER }],
  ])('reads %s', (text, from) => {
    expect(parseFrom(text)).toEqual(from)
  })

  test.each([
    '',
    'Latest',
    ' latest',
    'newest',
    '100',
    '+100',
    '-',
    '-1.5',
    '-1e3',
    '-5M',
    '-5 m',
    '-5w',
    '-1234567890123456',
    '--5',
    'a1b2',
    'a1b2:',
    ':5',
    'a1b2:-1',
    'a1b2:1.5',
    'a1b2:0x10',
    'a b:5',
    'a:b:5',
    'ä:5',
    'a1b2:9007199254740992',
    `${'e'.repeat(65)}:1`,
    'a1b2:1\n',
  ])('is none of the forms: %j', text => {
    expect(parseFrom(text)).toBeUndefined()
  })

  test('reads back every position it is given as text', () => {
    const epochs = fc.stringMatching(/^[A-Za-z0-9_.~-]{1,64}$/)
    fc.assert(
      fc.property(epochs, fc.maxSafeNat(), (epoch, offset) => {
        expect(parseFrom(formatPosition(epoch, offset))).toEqual({ at: 'position', epoch, offset })
      }),
    )
  })

  test('never throws, and never makes a number up, whatever it is given', () => {
    const pieces = fc.constantFrom('-', ':', '5', '0', 'm', 's', 'latest', 'e', ' ', '.', '%', '😀', '9'.repeat(20))
    const anything = fc.oneof(
      fc.string({ maxLength: 20 }),
      fc.array(pieces, { maxLength: 6 }).map(texts => texts.join('')),
    )
    fc.assert(
      fc.property(anything, text => {
        const from = parseFrom(text)
        for (const value of Object.values(from ?? {})) {
          if (typeof value === 'number' && !(Number.isInteger(value) && value >= 0)) throw new Error(`${value}`)
        }
      }),
    )
  })
})

describe('a close reason', () => {
  test('of 123 bytes is left as it is, of 124 is cut', () => {
    expect(closeReason('x'.repeat(123))).toBe('x'.repeat(123))
    expect(closeReason('x'.repeat(124))).toBe(`${'x'.repeat(120)}…`)
  })

  test('is counted in bytes, not in characters', () => {
    expect(closeReason('é'.repeat(61))).toBe('é'.repeat(61))
    expect(closeReason('é'.repeat(62))).toBe(`${'é'.repeat(60)}…`)
  })

  test('is not cut within a character', () => {
    expect(closeReason('😀'.repeat(40))).toBe(`${'😀'.repeat(30)}…`)
    expect(closeReason(`x${'😀'.repeat(40)}`)).toBe(`x${'😀'.repeat(29)}…`)
  })

  test('fits its frame and loses no more than it must, in any script', () => {
    const characters = fc.constantFrom('a', ' ', 'é', 'ß', '€', '語', '…', '😀', '𝄞')
    const long = fc.array(characters, { minLength: 20, maxLength: 130 }).map(all => all.join(''))
    fc.assert(
      fc.property(long, text => {
        const reason = closeReason(text)
        expect(bytesOf(reason)).toBeLessThanOrEqual(123)
        if (bytesOf(text) <= 123) {
          expect(reason).toBe(text)
          return
        }
        const kept = reason.slice(0, -1)
        const [next = ''] = text.slice(kept.length)
        expect(text.startsWith(kept)).toBe(true)
        expect(reason.endsWith('…')).toBe(true)
        expect(bytesOf(`${kept}${next}…`)).toBeGreaterThan(123)
      }),
    )
  })
})

describe('the HTTP status of a refusal', () => {
  test.each<[CloseCode, number]>([
    [CLOSE.badRequest, 400],
    [CLOSE.notAllowed, 403],
    [CLOSE.noSuchFeed, 404],
    [CLOSE.tooSlow, 408],
    [CLOSE.stalled, 409],
    [CLOSE.positionGone, 410],
    [CLOSE.internal, 500],
    [CLOSE.overloaded, 503],
    [CLOSE.restart, 503],
    [CLOSE.ended, 500],
  ])('for %d is %d', (code, status) => {
    expect(statusOf(code)).toBe(status)
  })

  test('is an error for every close code there is', () => {
    for (const code of Object.values(CLOSE)) expect(statusOf(code)).toBeGreaterThanOrEqual(400)
  })
})

describe('the name of a feed', () => {
  test.each(['a', 'ticks', '0', 'a.b-c_d', 'A'.repeat(64)])('may be %s', name => {
    expect(FEED_NAME.test(name)).toBe(true)
  })

  test.each(['', '.', '-a', '_a', 'a/b', 'a b', 'ä', 'a%20b', 'a\n', 'A'.repeat(65)])('may not be %j', name => {
    expect(FEED_NAME.test(name)).toBe(false)
  })

  test('needs no escaping in a path', () => {
    const names = fc.stringMatching(FEED_NAME)
    fc.assert(fc.property(names, name => void expect(encodeURIComponent(name)).toBe(name)))
  })
})
