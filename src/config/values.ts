/**
 * How values are written: each kind of option as text, as on a command line or in the environment, and as a plain JSON value
 * in the option's own unit. One rule for each kind, said when something else comes. Called by what reads flags, environment
 * and the configuration file.
 */
import { OPCODES } from '../log/frame.ts'
import { OVERFLOWS, type Overflow } from '../log/overflow.ts'
import { isToken, TOKEN_RULE } from '../server/admin/guard.ts'

interface Notation {
  /** What stands for the value in help. */
  readonly shown: string
  /** What a plain number counts, or what else the value is. */
  readonly unit: string
  /** What is expected of the value. */
  readonly rule: string
  readonly text: (text: string) => Value | undefined
  /** Of what is no text. Left out: nothing but text will do. */
  readonly plain?: (value: unknown) => Value | undefined
}

export type Value = string | number | boolean | readonly string[]

const RESTARTS = ['never', 'failure', 'always']
const FORMATS = Object.keys(OPCODES)
/** Below this a size without a unit was meant in another: nobody wants a log of 16 bytes. */
const LEAST_BARE_SIZE = 1024

const kinds = {
  port: {
    shown: 'PORT',
    unit: 'port',
    rule: 'a whole number from 0 to 65535',
    text: text => portIn(text),
    plain: value => portOf(value),
  },
  portOrOff: {
    shown: 'PORT',
    unit: 'port',
    rule: 'a whole number from 0 to 65535, or off',
    text: text => (text === 'off' ? text : portIn(text)),
    plain: value => portOf(value),
  },
  secret: {
    shown: 'TOKEN',
    unit: 'text',
    rule: TOKEN_RULE,
    text: text => (isToken(text) ? text : undefined),
  },
  address: {
    shown: 'ADDRESS',
    unit: 'address',
    rule: 'an address',
    text: text => (/^[A-Za-z0-9.:_-]+$/.test(text) ? text : undefined),
  },
  count: {
    shown: 'N',
    unit: 'number',
    rule: 'a whole number from 0 up',
    text: text => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
    plain: value => (isWhole(value) ? value : undefined),
  },
  number: {
    shown: 'N',
    unit: 'number',
    rule: 'a number from 0 up',
    text: text => (/^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : undefined),
    plain: value => (isAmount(value) ? value : undefined),
  },
  bytes: {
    shown: 'BYTES',
    unit: 'bytes',
    rule: 'a number of bytes, such as 65536, 64KiB, 16MiB or 1GB',
    text: text => scaled(text, BYTES, Math.round),
    plain: value => (isWhole(value) ? value : undefined),
  },
  size: {
    shown: 'BYTES',
    unit: 'bytes',
    rule: `a size, such as 64KiB, 16MiB, 1GB or 65536, and with its unit below ${LEAST_BARE_SIZE}`,
    text: text => (/^\d+$/.test(text) ? bare(Number(text)) : scaled(text, BYTES, Math.round)),
    plain: value => (isWhole(value) ? bare(value) : undefined),
  },
  duration: {
    shown: 'TIME',
    unit: 'ms',
    rule: 'a time, such as 500ms, 30s, 5m or 0',
    text: text => (text === '0' ? 0 : scaled(text, TIMES)),
    plain: value => (isAmount(value) ? value : undefined),
  },
  share: {
    shown: 'SHARE',
    unit: 'share',
    rule: 'a share, such as 75% or 0.75',
    text: text => (text.endsWith('%') ? scaled(text.slice(0, -1), { '': 0.01 }) : scaled(text, { '': 1 })),
    plain: value => (isAmount(value) ? value : undefined),
  },
  policy: {
    shown: 'POLICY',
    unit: 'policy',
    rule: OVERFLOWS.join(', '),
    text: text => OVERFLOWS.find(name => name === text),
  },
  policies: {
    shown: 'POLICY,…',
    unit: 'policies',
    rule: `a list of ${OVERFLOWS.join(', ')}`,
    text: text => list(text.split(','), isOverflow),
    plain: value => (isTexts(value) ? list(value, isOverflow) : undefined),
  },
  origins: {
    shown: 'ORIGIN,…',
    unit: 'origins',
    rule: 'a list of origins such as https://example.org, or *',
    text: text => list(text.split(','), isOrigin),
    plain: value => (isTexts(value) ? list(value, isOrigin) : undefined),
  },
  format: {
    shown: 'FORMAT',
    unit: 'format',
    rule: FORMATS.join(' or '),
    text: text => FORMATS.find(name => name === text),
  },
  restart: {
    shown: 'WHEN',
    unit: 'when',
    rule: RESTARTS.join(', '),
    text: text => RESTARTS.find(name => name === text),
    plain: value => (value === false ? 'never' : undefined),
  },
  switch: {
    shown: '',
    unit: 'true or false',
    rule: 'true or false',
    text: text => (text === 'true' ? true : text === 'false' ? false : undefined),
    plain: value => (typeof value === 'boolean' ? value : undefined),
  },
  word: {
    shown: 'NAME',
    unit: 'text',
    rule: 'a name, such as time',
    text: text => (text === '' ? undefined : text),
  },
  path: {
    shown: 'PATH',
    unit: 'path',
    rule: 'a path',
    text: text => (text === '' ? undefined : text),
  },
  command: {
    shown: 'COMMAND',
    unit: 'command',
    rule: 'a command, such as "vmstat 1"',
    text: text => (text === '' ? undefined : text),
  },
  feeds: {
    shown: 'NAME=SOURCE',
    unit: 'source',
    rule: 'NAME=SOURCE',
    text: text => text,
  },
} as const satisfies Record<string, Notation>

export type Kind = keyof typeof kinds
export const KINDS: Readonly<Record<Kind, Notation>> = kinds

/** The value, or undefined if it breaks the kind's rule. */
export function readValue(kind: Kind, given: unknown): Value | undefined {
  const { text, plain } = KINDS[kind]
  return typeof given === 'string' ? text(given.trim()) : plain?.(given)
}

/** What is said of a value that is refused: of a secret only its length. */
export function refusedValue(kind: Kind | undefined, given: unknown): unknown {
  return kind === 'secret' && typeof given === 'string' ? `${given.length} characters` : given
}

/** A value as a person would write it: what `readValue` makes the value of again. */
export function writeValue(kind: Kind, value: Value): string {
  if (kind === 'secret') return 'hidden'
  if (typeof value === 'object') return value.join(', ')
  if (typeof value !== 'number') return String(value)
  if (kind === 'duration') return inLargest(value, ['d', 'h', 'm', 's'], TIMES) ?? `${value}ms`
  if (kind === 'bytes' || kind === 'size') return inLargest(value, ['GiB', 'MiB', 'KiB'], BYTES) ?? `${value}B`
  return kind === 'share' ? `${Number((value * 100).toFixed(10))}%` : String(value)
}

function inLargest(value: number, units: readonly string[], amounts: Readonly<Record<string, number>>) {
  if (value === 0) return '0'
  const unit = units.find(unit => value % amounts[unit.toLowerCase()]! === 0)
  return unit === undefined ? undefined : `${value / amounts[unit.toLowerCase()]!}${unit}`
}

const BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
}
const TIMES: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 3.6e6, d: 8.64e7 }

function scaled(text: string, units: Readonly<Record<string, number>>, round = (n: number) => n): number | undefined {
  const match = /^(\d{1,15}(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text)
  if (match === null) return undefined
  const [, amount, unit = ''] = match
  const name = unit.toLowerCase()
  return Object.hasOwn(units, name) ? round(Number(amount) * units[name]!) : undefined
}

function bare(bytes: number): number | undefined {
  return bytes === 0 || (bytes >= LEAST_BARE_SIZE && Number.isSafeInteger(bytes)) ? bytes : undefined
}

function list(texts: readonly string[], allowed: (text: string) => boolean): readonly string[] | undefined {
  const trimmed = texts.map(text => text.trim())
  return trimmed.every(allowed) ? trimmed : undefined
}

const isOverflow = (text: string) => OVERFLOWS.includes(text as Overflow)
const isOrigin = (text: string) => text === '*' || URL.canParse(text)
const portIn = (text: string) => (/^\d{1,5}$/.test(text) ? portOf(Number(text)) : undefined)
const portOf = (value: unknown) => (isWhole(value) && value <= 65_535 ? value : undefined)
const isWhole = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0
const isAmount = (value: unknown): value is number => Number.isFinite(value) && (value as number) >= 0
const isTexts = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every(each => typeof each === 'string')
