/** What was asked on the command line: scenarios, made of a file or of flags, and which servers to send the swarm against. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Kind } from '../bench/peers/index.ts'
import { AGAINST } from './against.ts'
import { parseAssertion } from './assert.ts'
import { BEHAVIOURS } from './behaviours.ts'
import { type Scenario, scenarioFile, scenarioOf } from './scenario.ts'
import type { Target } from './socket.ts'
import { read, refuse } from './units.ts'

export interface Orders {
  readonly scenarios: readonly Scenario[]
  /** Where it goes: to an address, or to servers that are started for it. */
  readonly target: Target | undefined
  readonly against: readonly Kind[]
  /** Where the report goes; `-` is standard output. */
  readonly json: string | undefined
}

export const SCENARIOS = join(import.meta.dirname, 'scenarios')

const text = { type: 'string' } as const
const FLAGS = {
  clients: text,
  total: text,
  ramp: text,
  warmup: text,
  duration: text,
  seed: text,
  time: text,
  assert: { type: 'string', multiple: true },
  json: text,
  against: text,
  protocol: text,
  all: { type: 'boolean' },
  help: { type: 'boolean' },
} as const

/** Undefined: it was asked for help. @throws SpillwayError `bad_option` */
export function readOrders(args: readonly string[]): Orders | undefined {
  const { values, positionals } = parsed(args)
  if (values.help === true) return undefined
  const urls = positionals.filter(word => word.includes('://'))
  if (urls.length > 1) refuse('URL', 'one', urls.join(' '))
  const files = positionals.filter(word => !word.includes('://')).map(fileOf)
  if (values.all === true) files.push(...allScenarios())
  const target = urls[0] === undefined ? undefined : targetOf(urls[0], values.protocol)
  const against = kindsOf(values.against, target, files.length)
  const over = overrides(values)
  for (const flag of ['clients', 'total', 'time'] as const) {
    if (files.length > 0 && values[flag] !== undefined) refuse(`--${flag}`, 'none beside a scenario', values[flag])
  }
  if (target === undefined && values.protocol !== undefined) refuse('--protocol', 'a URL beside it', values.protocol)
  if (files.length === 0) return { scenarios: [fromFlags(values, over)], target, against, json: values.json }
  const scenarios = files.map(file => asserting({ ...scenarioFile(file), ...over }, values.assert ?? []))
  return { scenarios, target, against, json: values.json }
}

/** What the command line asserts comes after what the scenario does. */
function asserting(scenario: Scenario, texts: readonly string[]): Scenario {
  const names = scenario.populations.map(({ name }) => name)
  return { ...scenario, assertions: [...scenario.assertions, ...texts.map(text => parseAssertion(text, names))] }
}

type Values = ReturnType<typeof parsed>['values']

function parsed(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: FLAGS, allowPositionals: true })
  } catch (error) {
    return refuse(
      'flag',
      `one of ${Object.keys(FLAGS)
        .map(flag => `--${flag}`)
        .join(', ')}, with its value`,
      (error as Error).message,
    )
  }
}

export function allScenarios(): string[] {
  return readdirSync(SCENARIOS)
    .filter(file => file.endsWith('.json'))
    .sort()
    .map(file => join(SCENARIOS, file))
}

/** A path, or the name of one that comes along: `junk`, `junk.json`, `scenarios/junk.json`. */
function fileOf(word: string): string {
  const candidates = [word, join(import.meta.dirname, word), join(SCENARIOS, word), join(SCENARIOS, `${word}.json`)]
  return (
    candidates.find(file => file.endsWith('.json') && existsSync(file)) ??
    refuse('scenario', 'a file, or one of those in scripts/swarm/scenarios', word)
  )
}

/** @throws SpillwayError `bad_option` */
export function targetOf(url: string, protocol?: string): Target {
  const parts = URL.canParse(url) ? new URL(url) : refuse('URL', 'ws://HOST:PORT/PATH', url)
  // TLS costs more than the frames, and would be what is measured.
  if (parts.protocol !== 'ws:') refuse('URL', 'ws://, in front of whatever ends TLS', url)
  const host = parts.hostname.replace(/^\[|\]$/g, '')
  return {
    host,
    port: Number(parts.port || 80),
    path: parts.pathname + parts.search,
    ...(protocol === undefined ? {} : { protocol }),
  }
}

function kindsOf(asked: string | undefined, target: Target | undefined, scenarios: number): Kind[] {
  if (asked !== undefined && target !== undefined) refuse('--against', 'none beside a URL', asked)
  if (asked === undefined && target !== undefined) return []
  if (asked === undefined && scenarios > 1) return ['spillway', 'loop']
  if (asked === undefined) refuse('URL', `ws://HOST:PORT/PATH, or --against ${AGAINST.join(' or ')}`, undefined)
  return asked
    .split(',')
    .map(name => AGAINST.find(kind => kind === name) ?? refuse('--against', AGAINST.join(', '), name))
}

/** What goes before the scenario's own. */
function overrides(values: Values): Partial<Scenario> {
  const time = (flag: 'ramp' | 'warmup' | 'duration') => {
    const given = values[flag]
    return given === undefined
      ? undefined
      : (read('time', given) ?? refuse(`--${flag}`, 'a time such as 500ms or 2s', given))
  }
  const [rampMs, warmupMs, durationMs] = [time('ramp'), time('warmup'), time('duration')]
  const seed = values.seed === undefined ? undefined : Number(values.seed)
  if (seed !== undefined && !Number.isInteger(seed)) refuse('--seed', 'a whole number', values.seed)
  const given = { rampMs, warmupMs, durationMs, seed }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

const CLIENTS = /^(?:([a-z][a-z0-9-]*):)?([a-z-]+)=(\d+(?:\.\d+)?%?)(?:@(.+))?$/

/** `healthy=500,trickle=10%@16KB,closed:never-reads=100`: name, behaviour, count or share, and its first parameter. */
function fromFlags(values: Values, over: Partial<Scenario>): Scenario {
  if (values.clients === undefined) refuse('--clients', 'some, or a scenario', undefined)
  const clients = values.clients.split(',').map(part => {
    const [, name, behaviour = '', count = '', param] =
      CLIENTS.exec(part) ?? refuse('--clients', '[NAME:]BEHAVIOUR=COUNT[@PARAMETER], …', part)
    const { params } =
      BEHAVIOURS[behaviour] ?? refuse('--clients', `one of ${Object.keys(BEHAVIOURS).join(', ')}`, behaviour)
    const first = Object.keys(params)[0]
    if (param !== undefined && first === undefined) refuse('--clients', `no parameter, for ${behaviour} has none`, part)
    return {
      behaviour,
      ...(name === undefined ? {} : { name }),
      ...(count.endsWith('%') ? { share: count } : { count: Number(count) }),
      ...(param === undefined ? {} : { [first!]: param }),
    }
  })
  const total = values.total === undefined ? {} : { total: Number(values.total) }
  const time = values.time === undefined ? {} : { time: values.time }
  const whole = { about: 'asked on the command line', clients, ...total, ...time, assert: values.assert ?? [] }
  return { ...scenarioOf(whole, 'swarm'), ...over }
}
