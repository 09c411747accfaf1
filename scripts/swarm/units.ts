/**
 * What people write and read: times `500ms`, sizes `16KiB`, shares `40%`. Figures are kept in milliseconds, bytes and shares
 * of one; here is the only place that knows how they are spelled. Pure.
 */
import { expected, SpillwayError } from '../../src/errors.ts'

/** What a figure is measured in. */
export type Unit = 'time' | 'size' | 'share' | 'count'

interface Spelling {
  /** Each suffix and what one of it is. */
  readonly suffixes: Readonly<Record<string, number>>
  readonly rule: string
  readonly show: (value: number) => string
}

const KIB = 1_024

export const UNITS: Readonly<Record<Unit, Spelling>> = {
  time: {
    suffixes: { ms: 1, s: 1_000, m: 60_000 },
    rule: 'a time such as 50ms, 2s or 1m',
    show: ms => (ms < 100 ? `${round(ms, 1)} ms` : ms < 10_000 ? `${round(ms)} ms` : `${round(ms / 1_000, 1)} s`),
  },
  size: {
    suffixes: { '': 1, B: 1, KB: 1e3, MB: 1e6, GB: 1e9, KiB: KIB, MiB: KIB ** 2, GiB: KIB ** 3 },
    rule: 'a size such as 65536, 16KiB or 2MiB',
    show: bytes => {
      const size = Math.abs(bytes)
      if (size < KIB) return `${round(bytes)} B`
      if (size < 10 * KIB) return `${round(bytes / KIB, 1)} KiB`
      if (size < KIB ** 2) return `${round(bytes / KIB)} KiB`
      return size < KIB ** 3 ? `${round(bytes / KIB ** 2, 1)} MiB` : `${round(bytes / KIB ** 3, 1)} GiB`
    },
  },
  share: {
    suffixes: { '%': 0.01 },
    rule: 'a share such as 100%',
    // Never rounded up to everything, nor down to nothing.
    show: share => {
      const percent = share * 100
      const text = round(percent, 1)
      return `${text === '100' && share < 1 ? '99.9' : text === '0' && share > 0 ? round(percent, 3) : text} %`
    },
  },
  count: {
    suffixes: { '': 1 },
    rule: 'a number',
    show: n => (Number.isInteger(n) ? round(n) : round(n, Math.abs(n) < 100 ? 1 : 0)),
  },
}

/** Undefined if it is not spelled as this unit is. */
export function read(unit: Unit, text: string): number | undefined {
  const parts = /^(-?\d+(?:\.\d+)?) ?([A-Za-z%]*)$/.exec(text.trim())
  const factor = UNITS[unit].suffixes[parts?.[2] ?? 'none']
  // 7 × 0.01 is not 0.07: a share of n % is n / 100, so that 100 % is one.
  if (parts === null || factor === undefined) return undefined
  return unit === 'share' ? Number(parts[1]) / 100 : Number(parts[1]) * factor
}

export function show(unit: Unit, value: number): string {
  return UNITS[unit].show(value)
}

/** Bad input: the sentence that everybody gets who breaks a rule; the command line ends with 2. @throws SpillwayError `bad_option` */
export function refuse(what: string, rule: string, got: unknown): never {
  throw new SpillwayError('bad_option', expected(what, rule, got))
}

function round(value: number, digits = 0): string {
  return Number(value.toFixed(digits)).toLocaleString('en-US', { maximumFractionDigits: digits })
}
