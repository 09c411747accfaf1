/**
 * JSON that says where: which line and column is wrong and what would have been right there, and on which line each value
 * stands. JSON.parse says neither for certain, its words differ between versions of Node, and of a key that is given twice
 * it keeps the last in silence. Called for the configuration file.
 */

export interface Located {
  readonly value: unknown
  /** The line, from 1, on which the value at a path begins. */
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined
}

/** What is no JSON: where, what was expected there, and what came. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault'
  readonly line: number
  readonly column: number
  readonly rule: string
  readonly got: string | undefined

  constructor(text: string, at: number, rule: string, got?: string) {
    super(rule)
    const before = text.slice(0, at).split('\n')
    this.line = before.length
    this.column = (before.at(-1)?.length ?? 0) + 1
    this.rule = rule
    this.got = got ?? (at < text.length ? String.fromCodePoint(text.codePointAt(at)!) : undefined)
  }
}

const SPACE = /[ \t\r\n]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
const WORD = /[A-Za-z_$][\w$]*/y
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids them, so they end a text.
const TEXT = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y
const WORDS: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
])
/** Deeper than any configuration, and far from the end of the stack. */
const MAX_DEPTH = 100

/** @throws JsonFault */
export function parseJson(text: string): Located {
  const lines = new Map<string, number>()
  let at = 0
  let line = 1
  let counted = 0

  const space = (): string | undefined => {
    SPACE.lastIndex = at
    at += SPACE.exec(text)![0].length
    return text[at]
  }
  const fail = (rule: string, where = at, got?: string): never => {
    throw new JsonFault(text, where, rule, got)
  }
  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  const note = (path: readonly PropertyKey[]): void => {
    for (; counted < at; counted++) if (text[counted] === '\n') line++
    lines.set(JSON.stringify(path), line)
  }

  function value(path: readonly PropertyKey[], what = 'a value'): unknown {
    const next = space()
    note(path)
    if (path.length > MAX_DEPTH) fail(`no more than ${MAX_DEPTH} levels`)
    if (next === '{') return object(path)
    if (next === '[') return array(path)
    if (next === '"') return string()
    if (next === '/' || next === '#') fail(`${what} (JSON has no comments; spillway.config.mjs has)`)
    const from = at
    const number = take(NUMBER)
    if (number !== undefined) return Number(number)
    const word = take(WORD)
    if (word === undefined || !WORDS.has(word)) return fail(what, from, word)
    return WORDS.get(word)
  }

  function string(): string {
    const from = at
    const found = take(TEXT)
    return found === undefined ? fail('a text that ends on its line and has no stray \\', from) : JSON.parse(found)
  }

  function array(path: readonly PropertyKey[]): unknown[] {
    const items: unknown[] = []
    at++
    if (space() === ']') {
      at++
      return items
    }
    for (;;) {
      items.push(value([...path, items.length]))
      const next = space()
      if (next !== ',' && next !== ']') fail('a comma or ]')
      at++
      if (next === ']') return items
    }
  }

  function object(path: readonly PropertyKey[]): Record<string, unknown> {
    const entries = new Map<string, unknown>()
    at++
    if (space() === '}') {
      at++
      return {}
    }
    for (;;) {
      const next = space()
      if (next === '/' || next === '#') fail('a key in double quotes (JSON has no comments; spillway.config.mjs has)')
      if (next !== '"') fail('a key in double quotes')
      const from = at
      const key = string()
      if (entries.has(key)) fail('each key once', from, key)
      if (space() !== ':') fail('a colon')
      at++
      entries.set(key, value([...path, key]))
      const end = space()
      if (end !== ',' && end !== '}') fail('a comma or }')
      at++
      // Own properties, whatever the key: `__proto__` is a name like any other here.
      if (end === '}') return Object.fromEntries(entries)
    }
  }

  if (text.startsWith('\uFEFF')) at++
  const whole = value([], 'an object')
  if (space() !== undefined) fail('nothing more')
  return { value: whole, lineOf: path => lines.get(JSON.stringify(path)) }
}
