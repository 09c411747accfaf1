/** What was asked on the command line: which workloads, in which size, and where the results go. Nonsense is refused with a sentence. */
import { parseArgs } from 'node:util'
import { KINDS, type Kind } from './peers/index.ts'
import type { Setting, Settings, Size, Workload } from './workload.ts'
import { BENCHMARK, WORKLOADS } from './workloads/index.ts'

export interface Task {
  readonly workload: Workload
  readonly settings: Settings
  readonly kinds: readonly Kind[]
}

export interface Request {
  readonly tasks: readonly Task[]
  readonly size: Size
  /** The whole benchmark, for docs/benchmarks.md: nothing else was asked. */
  readonly whole: boolean
  /** The whole, a second time: it is compared with what docs/benchmarks.md has, and changes no figure there. */
  readonly again: boolean
  readonly json: string | undefined
  readonly markdown: string | undefined
}

export class Refusal extends Error {}

/** Spans of time; all other numbers are counts. */
const FRACTIONS = ['seconds', 'warmUp', 'every', 'away', 'settle', 'fast', 'plateau']
const FILES = ['json', 'markdown'] as const
const FLAGS = ['quick', 'tiny', 'again'] as const

export function parse(argv: readonly string[]): Request {
  const { words, options } = read(argv)
  const size: Size = options.has('tiny') ? 'tiny' : options.has('quick') ? 'quick' : 'full'
  if (options.has('tiny') && options.has('quick')) throw new Refusal('--tiny: expected not beside --quick')
  const again = options.has('again')
  if (again && (options.size > 1 || words.length > 0))
    throw new Refusal('--again: expected alone, for the whole benchmark')
  if (words.length > 1) throw new Refusal(`workload: expected one, got ${words.join(' ')}`)
  const chosen = words.length === 0 ? BENCHMARK : [workloadOf(words[0]!)]
  const general = ['pairs', 'kinds', ...FILES, ...FLAGS]
  for (const name of options.keys()) {
    const known = words.length === 0 ? [] : Object.keys(chosen[0]!.sizes.full).map(kebab)
    if (general.includes(name) || known.includes(name)) continue
    const where = words.length === 0 ? 'without a workload' : `of ${words[0]}`
    throw new Refusal(`--${name}: expected one of the options ${where}: ${[...general, ...known].join(', ')}`)
  }
  const whole = words.length === 0 && options.size === 0
  return {
    tasks: chosen.map(workload => task(workload, size, options)).filter(({ kinds }) => kinds.length > 0),
    ...{ size, whole, again, json: options.get('json'), markdown: options.get('markdown') },
  }
}

function read(argv: readonly string[]): { words: readonly string[]; options: ReadonlyMap<string, string> } {
  const settings = WORKLOADS.flatMap(({ sizes }) => Object.entries(sizes.full))
  const named = ['kinds', ...FILES].map(name => [name, { type: 'string' }] as const)
  const flags = FLAGS.map(name => [name, { type: 'boolean' }] as const)
  const own = settings.map(
    ([name, value]) => [kebab(name), { type: typeof value === 'boolean' ? 'boolean' : 'string' }] as const,
  )
  const known = Object.fromEntries([...named, ...flags, ...own])
  const { tokens, positionals } = parseArgs({
    args: [...argv],
    options: known,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  const options = new Map<string, string>()
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const option = known[token.name]
    if (option === undefined) throw new Refusal(`--${token.name}: expected an option that there is`)
    if (options.has(token.name)) throw new Refusal(`--${token.name}: expected once`)
    if (option.type === 'string' && (token.value === undefined || token.value === '')) {
      throw new Refusal(`--${token.name}: expected a value, got nothing`)
    }
    if (option.type === 'boolean' && token.value !== undefined) {
      throw new Refusal(`--${token.name}: expected no value, got ${token.value}`)
    }
    options.set(token.name, token.value ?? '')
  }
  return { words: positionals, options }
}

function workloadOf(name: string): Workload {
  const found = WORKLOADS.find(workload => workload.name === name)
  if (found !== undefined) return found
  throw new Refusal(`workload: expected one of ${WORKLOADS.map(({ name }) => name).join(', ')}, got ${name}`)
}

function task(workload: Workload, size: Size, options: ReadonlyMap<string, string>): Task {
  const settings = Object.fromEntries(
    Object.entries(workload.sizes[size]).map(([name, preset]) => {
      const text = options.get(kebab(name))
      return [name, text === undefined ? preset : parseSetting(workload, name, preset, text)]
    }),
  ) as Settings
  const kinds = kindsOf(workload, options.get('kinds'), options)
  const refused = workload.check?.(settings, kinds)
  if (refused !== undefined) throw new Refusal(refused)
  return { workload, settings, kinds }
}

function parseSetting(workload: Workload, name: string, preset: Setting, text: string): Setting {
  if (typeof preset === 'boolean') return true
  if (typeof preset === 'string') {
    const words = workload.words?.[name] ?? []
    if (words.includes(text)) return text
    throw new Refusal(`--${kebab(name)}: expected one of ${words.join(', ')}, got ${text}`)
  }
  if (typeof preset === 'number') return parseNumber(name, text)
  return text.split(',').map(part => parseNumber(name, part))
}

function parseNumber(name: string, text: string): number {
  const value = Number(text)
  const fractions = FRACTIONS.includes(name)
  const least = name === 'silent' || name === 'delay' || name === 'warmUp' || name === 'settle' ? 0 : Number.MIN_VALUE
  const valid = /^\d+(\.\d+)?$/.test(text) && value >= least && (fractions || Number.isInteger(value))
  if (valid) return value
  const rule = `a ${fractions ? '' : 'whole '}number ${least === 0 ? 'from 0 up' : 'above 0'}`
  throw new Refusal(`--${kebab(name)}: expected ${rule}, got ${text === '' ? 'nothing' : text}`)
}

/** Asked of one workload, any kinds in that order; of the whole set, those of each that were asked for. */
function kindsOf(workload: Workload, text: string | undefined, options: ReadonlyMap<string, string>): readonly Kind[] {
  if (text === undefined) return options.has('window') ? ['spillway', 'off'] : workload.kinds
  return text.split(',').map(name => {
    const kind = KINDS.find(known => known === name)
    if (kind === undefined) throw new Refusal(`--kinds: expected some of ${KINDS.join(', ')}, got ${name || 'nothing'}`)
    return kind
  })
}

export const kebab = (name: string): string => name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`)
