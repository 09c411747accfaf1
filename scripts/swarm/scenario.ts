/**
 * A scenario: who comes, for how long, what must hold, and which server is started where one is wanted. Read from a JSON file or
 * put together by the command line; checked at once, unknown keys refused, each refusal a sentence "path: expected …, got …".
 */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { z } from 'zod'
import { type FeedOptions, type HubOptions, SpillwayError } from '../../src/index.ts'
import { feedSettings, hubSettings } from '../../src/options.ts'
import { type Assertion, parseAssertion } from './assert.ts'
import type { AttackPlan } from './attack.ts'
import type { Param } from './behaviour.ts'
import { BEHAVIOURS } from './behaviours.ts'
import type { PopulationPlan } from './population.ts'
import { read, refuse, UNITS, type Unit } from './units.ts'

/** What a server that is started for the scenario publishes, and how it is set up. */
export interface ServerSetup {
  /** Messages a second, and bytes of each. */
  readonly rate: number
  readonly bytes: number
  /** How many are published at once. */
  readonly burst: number
  readonly feed: FeedOptions
  readonly hub: HubOptions
}

export interface Scenario extends AttackPlan {
  readonly name: string
  readonly about: string
  readonly server: ServerSetup
  readonly assertions: readonly Assertion[]
  /** Those that the loop of `send()` cannot keep; undefined: nothing is expected of it. */
  readonly loopFails: readonly string[] | undefined
}

const spelled = (unit: Unit) =>
  z.string().transform((text, context) => {
    const value = read(unit, text)
    if (value !== undefined && value >= 0) return value
    context.addIssue({ code: 'custom', message: UNITS[unit].rule, input: text })
    return z.NEVER
  })

function ofParam({ unit, words }: Param): z.ZodType {
  if (words !== undefined) return z.enum(words as [string, ...string[]])
  return unit === 'word' ? z.string() : unit === 'count' ? z.number().min(0) : spelled(unit)
}

const POPULATION_NAME = /^[a-z][a-z0-9-]*$/
const populationKeys = {
  name: z.string().regex(POPULATION_NAME).optional(),
  count: z.int().min(1).optional(),
  share: spelled('share').optional(),
}
const kinds = Object.entries(BEHAVIOURS).map(([name, { params }]) =>
  z.strictObject({
    behaviour: z.literal(name),
    ...populationKeys,
    ...Object.fromEntries(Object.entries(params).map(([key, param]) => [key, ofParam(param).optional()])),
  }),
)
const serverSchema = z.strictObject({
  rate: z.number().gt(0).max(1_000_000).default(100),
  bytes: spelled('size').default(1_024),
  burst: z.int().min(1).max(1_000).default(1),
  feed: z.record(z.string(), z.unknown()).default({}),
  hub: z.record(z.string(), z.unknown()).default({}),
})
const schema = z.strictObject({
  about: z.string().min(1),
  clients: z.array(z.discriminatedUnion('behaviour', kinds as [(typeof kinds)[number], ...typeof kinds])).min(1),
  total: z.int().min(1).optional(),
  ramp: spelled('time').default(1_000),
  warmup: spelled('time').default(0),
  duration: spelled('time').default(10_000),
  seed: z.int().default(1),
  time: z.enum(['auto', 'none']).default('auto'),
  server: serverSchema.default({ rate: 100, bytes: 1_024, burst: 1, feed: {}, hub: {} }),
  assert: z.array(z.string()).default([]),
  loopFails: z.array(z.string()).optional(),
})

/** @throws SpillwayError `bad_option` */
export function scenarioFile(file: string): Scenario {
  let value: unknown
  try {
    value = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    refuse('scenario', 'a file of JSON', `${file} (${(error as Error).message})`)
  }
  return scenarioOf(value, basename(file, '.json'))
}

/** @throws SpillwayError `bad_option` */
export function scenarioOf(value: unknown, name: string): Scenario {
  const result = schema.safeParse(value, { reportInput: true })
  if (!result.success) refuseIssue(result.error.issues[0]!, name)
  const given = result.data
  const populations = populationsOf(given.clients, given.total, name)
  const names = populations.map(population => population.name)
  const assertions = given.assert.map((text, i) => parseAssertion(text, names, `${name}.assert.${i}`))
  const loopFails = given.loopFails?.map((text, i) => {
    const known = parseAssertion(text, names, `${name}.loopFails.${i}`).text
    if (!assertions.some(assertion => assertion.text === known))
      refuse(`${name}.loopFails.${i}`, 'one of those in assert', text)
    return known
  })
  feedSettings(given.server.feed, `${name}.server.feed`)
  hubSettings(given.server.hub)
  return {
    name,
    about: given.about,
    populations,
    rampMs: given.ramp,
    warmupMs: given.warmup,
    durationMs: given.duration,
    seed: given.seed,
    timed: given.time === 'auto',
    server: given.server,
    assertions,
    loopFails,
  }
}

type ClientsGiven = z.output<typeof schema>['clients']

/** Shares become numbers of clients, and what was left out becomes the default. */
function populationsOf(clients: ClientsGiven, total: number | undefined, what: string): PopulationPlan[] {
  const populations = clients.map((given, i) => {
    const { behaviour, name = behaviour, count, share, ...params } = given
    const path = `${what}.clients.${i}`
    if ((count === undefined) === (share === undefined))
      refuse(path, 'either count or share', count === undefined ? 'neither' : 'both')
    if (share !== undefined && total === undefined)
      refuse(`${what}.total`, 'a number of clients that shares are of', undefined)
    return {
      name,
      behaviour,
      count: count ?? Math.round(share! * total!),
      params: { ...defaultsOf(behaviour), ...defined(params) },
    }
  })
  const shares = clients.reduce((sum, { share = 0 }) => sum + share, 0)
  if (shares > 1.0001) refuse(`${what}.clients`, 'shares that come to 100 % at most', `${Math.round(shares * 100)} %`)
  populations.forEach(({ name, count }, i) => {
    if (populations.findIndex(other => other.name === name) !== i)
      refuse(`${what}.clients.${i}.name`, 'a name of its own for each population', name)
    if (RESERVED.includes(name)) refuse(`${what}.clients.${i}.name`, `none of ${RESERVED.join(', ')}`, name)
    if (count === 0) refuse(`${what}.clients.${i}.share`, 'at least one client', 0)
  })
  return populations
}

/** What assertions say for something else. */
const RESERVED = ['hub', 'handshake', 'age', 'loop', 'evictions']

function defaultsOf(behaviour: string): Record<string, number | string> {
  const params = Object.entries(BEHAVIOURS[behaviour]!.params)
  return Object.fromEntries(
    params.map(([key, param]) => [key, param.unit === 'word' ? param.default : read(param.unit, param.default)!]),
  )
}

function defined(params: Readonly<Record<string, unknown>>): Record<string, number | string> {
  return Object.fromEntries(Object.entries(params).filter(([, value]) => value !== undefined)) as Record<
    string,
    number | string
  >
}

function refuseIssue(issue: z.core.$ZodIssue, name: string): never {
  const path = [name, ...issue.path.map(String)].join('.')
  if (issue.code === 'unrecognized_keys') refuse(path, `no key but ${keysAt(issue)}`, issue.keys[0])
  refuse(path, ruleOf(issue), issue.input)
}

function keysAt({ path, input }: z.core.$ZodIssue): string {
  if (path.length === 0) return Object.keys(schema.shape).join(', ')
  if (path[0] === 'server') return Object.keys(serverSchema.shape).join(', ')
  const { behaviour } = input as { readonly behaviour: string }
  return ['behaviour', ...Object.keys(populationKeys), ...Object.keys(BEHAVIOURS[behaviour]!.params)].join(', ')
}

const TYPES: Readonly<Record<string, string>> = {
  int: 'a whole number',
  object: 'an object',
  array: 'a list',
  string: 'a text',
}

function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small' && issue.origin === 'string') return 'a sentence'
  if (issue.code === 'too_small' && issue.origin === 'array') return 'a list that is not empty'
  if (issue.code === 'too_small') return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
  if (issue.code === 'too_big') return `at most ${issue.maximum}`
  if (issue.code === 'invalid_value') return `one of ${issue.values.map(String).join(', ')}`
  if (issue.code === 'invalid_union') return `one of ${Object.keys(BEHAVIOURS).join(', ')}`
  if (issue.code === 'invalid_format') return `something like ${issue.pattern}`
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? `a ${issue.expected}`
  return issue.message
}

/** Whether it is what a scenario refuses, and not a defect. */
export function isRefusal(error: unknown): error is SpillwayError {
  return error instanceof SpillwayError
}
