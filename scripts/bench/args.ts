/** What was asked on the command line. Each workload has defaults of its own. */
import { parseArgs } from 'node:util'
import { KINDS, type Kind } from './run.ts'

const NUMBERS = [
  'pairs',
  'seconds',
  'clients',
  'silent',
  'healthy',
  'rate',
  'bytes',
  'read',
  'delay',
  'per-turn',
] as const
type NumberName = (typeof NUMBERS)[number]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ...(Object.fromEntries(NUMBERS.map(name => [name, { type: 'string' }])) as Record<NumberName, { type: 'string' }>),
    kinds: { type: 'string' },
    overflow: { type: 'string' },
    stop: { type: 'boolean' },
    window: { type: 'boolean' },
  },
})

export const words = positionals
export const { stop = false, window = false, overflow = 'skip' } = values

export function number(name: NumberName, otherwise: number): number {
  return numbers(name, String(otherwise))[0]!
}

export function numbers(name: NumberName, otherwise: string): readonly number[] {
  return (values[name] ?? otherwise).split(',').map(text => {
    const value = Number(text)
    if (text === '' || !(value >= 0)) refuse(`--${name}`, 'numbers from 0 up', text)
    return value
  })
}

export function kinds(otherwise: readonly Kind[]): readonly Kind[] {
  const known = Object.keys(KINDS) as Kind[]
  const names = values.kinds?.split(',') ?? otherwise
  return names.map(name => known.find(kind => kind === name) ?? refuse('--kinds', known.join(', '), name))
}

export function refuse(what: string, rule: string, got: string): never {
  console.error(`${what}: expected ${rule}, got ${got || 'nothing'}`)
  process.exit(2)
}
