/** JSON that says where it is wrong: the same values as JSON.parse, and for what is no JSON the line, the column and the rule. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { JsonFault, parseJson } from '../../src/config/json.ts'

const fault = (text: string): JsonFault => {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof JsonFault) return error
    throw error
  }
  throw new Error(`${text} was taken`)
}

test('every JSON value is read as JSON.parse reads it, however it is written', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2, '\t'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent)
      expect(parseJson(text).value).toEqual(JSON.parse(text))
    }),
  )
})

test('whatever is taken away from a text or put into it, it is taken exactly where JSON.parse takes it', () => {
  const edits = fc.tuple(
    fc.jsonValue(),
    fc.nat(),
    fc.nat(2),
    fc.constantFrom('', ',', '}', ']', '"', '\\', '0', 'x', '\n', ':', '-', '.'),
  )
  fc.assert(
    fc.property(edits, ([value, place, cut, added]) => {
      const whole = JSON.stringify(value, undefined, 1)
      const at = place % (whole.length + 1)
      const text = whole.slice(0, at) + added + whole.slice(at + cut)
      let parsed: { readonly value: unknown } | undefined
      try {
        parsed = { value: JSON.parse(text) }
      } catch {}
      if (parsed === undefined) expect(() => parseJson(text)).toThrow(JsonFault)
      else {
        // But for keys given twice, which JSON.parse takes.
        try {
          expect(parseJson(text).value).toEqual(parsed.value)
        } catch (error) {
          if (!(error instanceof JsonFault) || error.rule !== 'each key once') throw error
        }
      }
    }),
    { numRuns: 1_000 },
  )
})

describe('what is no JSON is told with line, column, rule and what came:', () => {
  test.each<[string, number, number, string, string | undefined]>([
    ['', 1, 1, 'an object', undefined],
    ['{\n  "a": 1,\n}', 3, 1, 'a key in double quotes', '}'],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3, 'a comma or }', '"'],
    ['{ "a": x }', 1, 8, 'a value', 'x'],
    ['{ "a": undefined }', 1, 8, 'a value', 'undefined'],
    ["{ 'a': 1 }", 1, 3, 'a key in double quotes', "'"],
    ['{ "a" 1 }', 1, 7, 'a colon', '1'],
    ['{ "a": [1 2] }', 1, 11, 'a comma or ]', '2'],
    ['{ "a": 01 }', 1, 9, 'a comma or }', '1'],
    ['{ "a": "x\n" }', 1, 8, 'a text that ends on its line and has no stray \\', '"'],
    ['{ "a": 1 } b', 1, 12, 'nothing more', 'b'],
    ['{ "a": 1', 1, 9, 'a comma or }', undefined],
    ['{\n  "a": 1,\n  "a": 2\n}', 3, 3, 'each key once', 'a'],
    ['// hi\n{}', 1, 1, 'an object (JSON has no comments; spillway.config.mjs has)', '/'],
  ])('%j', (text, line, column, rule, got) => {
    expect(fault(text)).toMatchObject({ line, column, rule, got })
  })

  test('a text that is deeper than any configuration is refused before the stack is at its end', () => {
    expect(fault('['.repeat(100_000)).rule).toBe('no more than 100 levels')
  })
})

test('each value knows its line, and a key may be any text', () => {
  const { value, lineOf } = parseJson('{\n "a.b": {\n  "c": [1,\n 2] },\n "__proto__": 1\n}')
  expect(Object.keys(value as object)).toEqual(['a.b', '__proto__'])
  expect([[], ['a.b'], ['a.b', 'c'], ['a.b', 'c', 1], ['__proto__'], ['a', 'b']].map(lineOf)).toEqual([
    1,
    2,
    3,
    4,
    5,
    undefined,
  ])
})
