/**
 * The shape of the configuration file, as a zod schema made of the table in settings.ts: which keys there are, and what each may
 * hold. It says what is wrong where; the values are then read by file.ts, with the same rules. A room of its own because zod
 * enters here, and nowhere else on this floor.
 */
import { z } from 'zod'
import { SETTINGS, type Setting } from '../settings.ts'
import { checkSource } from '../sources/source.ts'
import { namedOperators, namedStages, type Operator, type Stage } from '../sources/stages.ts'
import { nearest } from './nearest.ts'
import { parseSource, SOURCE_RULE } from './spec.ts'
import { KINDS, type Kind, readValue, refusedValue } from './values.ts'

/** Something wrong: where in the file, the rule, and what stands there. */
export interface ShapeFault {
  readonly path: readonly PropertyKey[]
  readonly rule: string
  readonly got: unknown
}

/** What a feed may have that no flag can say. */
export const CODE = {
  through: 'a function from one AsyncIterable to another, a Duplex, or a list of such (in a .js or .mjs file)',
  pipeline: 'an RxJS operator (a function from one Observable to another), or a list of such (in a .js or .mjs file)',
} as const

/** One alone is a list of one. */
export const asList = <T>(value: T | readonly T[]): readonly T[] => (Array.isArray(value) ? value : [value as T])

/** What the hub would take. */
function takes(check: () => unknown): boolean {
  try {
    check()
    return true
  } catch {
    return false
  }
}

const isSource = (value: unknown) =>
  typeof value === 'string' ? parseSource(value.trim()) !== undefined : takes(() => checkSource(value))
const isThrough = (value: unknown) => takes(() => namedStages(asList(value as Stage), 'through'))
const isPipeline = (value: unknown) => takes(() => namedOperators(asList(value as Operator), 'pipeline'))

/** A fault where a value breaks its rule; what is left out is none. */
const leaf = (rule: string, holds: (value: unknown) => boolean) =>
  z.custom<unknown>(value => value === undefined || holds(value), rule).optional()
const valueAs = (kind: Kind) => leaf(KINDS[kind].rule, value => readValue(kind, value) !== undefined)

/** Which of its parts an option is that is given as one value; of an amount its bytes. */
const ALONE: Readonly<Record<string, string>> = { restart: 'on' }

/** Whether a value at `capacity` or `restart` stands for this part of it. */
export function standsFor(option: string, part: string): boolean {
  return part === (ALONE[option] ?? 'bytes')
}

/** The options of some parts, those in several units as an object of them, or as the first alone. */
function options(...parts: readonly Setting['into'][0][]) {
  const shape: Record<string, z.ZodType> = {}
  const amounts = new Map<string, Record<string, z.ZodType>>()
  for (const { into, kind, means } of SETTINGS as readonly Setting[]) {
    if (!parts.includes(into[0]) || means !== undefined) continue
    const [option = '', unit] = into[1].split('.')
    if (unit === undefined) shape[option] = valueAs(kind)
    else amounts.set(option, { ...amounts.get(option), [unit]: valueAs(kind) })
  }
  for (const [option, units] of amounts) {
    const alone = ALONE[option] ?? 'bytes'
    shape[option] = z.preprocess(value => (isPlainObject(value) ? value : { [alone]: value }), z.strictObject(units))
  }
  return shape
}

export const isPlainObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const schema = z.strictObject({
  serve: z.strictObject(options('serve')).optional(),
  hub: z.strictObject(options('hub')).optional(),
  feeds: z
    .record(
      z.string(),
      z.strictObject({
        source: leaf(`${SOURCE_RULE}; or, in a .js or .mjs file, a source or a function that makes one`, isSource),
        ...options('feed', 'source'),
        through: leaf(CODE.through, isThrough),
        pipeline: leaf(CODE.pipeline, isPipeline),
      }),
    )
    .optional(),
})

const WHAT: Readonly<Record<string, string>> = { object: 'an object', record: 'an object' }

/** Everything that is wrong with the shape of a file's contents. */
export function shapeFaults(contents: unknown): readonly ShapeFault[] {
  const issues = schema.safeParse(contents, { reportInput: true }).error?.issues ?? []
  return issues.flatMap((issue): ShapeFault[] => {
    const path = actual(issue.path, contents)
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map(key => ({
        path: [...path, key],
        rule: unknownRule(key, path),
        got: at(contents, [...path, key]),
      }))
    }
    const rule = issue.code === 'invalid_type' ? (WHAT[issue.expected] ?? issue.expected) : issue.message
    return [{ path, rule, got: refusedValue(kindAt(path), issue.input) }]
  })
}

/** Of what kind the option at a path is. */
function kindAt(path: readonly PropertyKey[]): Kind | undefined {
  const [part, option] = path
  return (SETTINGS as readonly Setting[]).find(({ into }) => into[0] === part && into[1] === option)?.kind
}

/** "an option that there is (the nearest is overflow)"; without a near one, all that there are. */
function unknownRule(key: string, path: readonly PropertyKey[]): string {
  const known = Object.keys(shapeAt(path))
  const near = nearest(key, known)
  return near === undefined ? `no option but ${known.join(', ')}` : `an option that there is (the nearest is ${near})`
}

function shapeAt(path: readonly PropertyKey[]): object {
  const [part, , option] = path
  if (part === undefined) return schema.shape
  if (part === 'feeds' && option !== undefined) {
    const inner = SETTINGS.map(({ into }) => into[1].split('.')).filter(
      ([name, key]) => name === option && key !== undefined,
    )
    return Object.fromEntries(inner.map(([, key]) => [key, true]))
  }
  if (part === 'feeds') return schema.shape.feeds.unwrap().valueType.shape
  return part === 'hub' ? schema.shape.hub.unwrap().shape : schema.shape.serve.unwrap().shape
}

/** `capacity` alone is its bytes to the schema, and `capacity` to whoever wrote it. */
function actual(path: readonly PropertyKey[], contents: unknown): readonly PropertyKey[] {
  return path.length === 4 && !isPlainObject(at(contents, path.slice(0, 3))) ? path.slice(0, 3) : path
}

/** What stands at a path; undefined if nothing does. */
export function at(contents: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (isPlainObject(value) && Object.hasOwn(value, key) ? value[key as string] : undefined),
    contents,
  )
}
