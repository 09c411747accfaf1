/**
 * What somebody gave, checked by a schema, and what is wrong with it said in a sentence: "path: expected …, got …". The first thing
 * that is wrong, in the words of our rules and not in zod's. For the options of hub, feeds, sources and writables.
 */
import { z } from 'zod'
import { expected, SpillwayError } from './errors.ts'

const AMOUNTS = 'bytes, messages and ms'
const TYPES: Readonly<Record<string, string>> = { int: 'a whole number', object: 'an object', array: 'a list' }

/** Parses with a zod schema; the first thing wrong is thrown as a sentence. */
export function parse<T extends z.ZodType>(schema: T, value: unknown, what: string): z.output<T> {
  const result = schema.safeParse(value, { reportInput: true })
  if (result.success) return result.data
  const issue = meant(result.error.issues[0]!)
  const path = [what, ...issue.path.map(String)].join('.')
  if (issue.code !== 'unrecognized_keys') refuse(path, ruleOf(issue), issue.input)
  const whole = issue.path.length === 0 && schema instanceof z.ZodObject
  refuse(path, `no option but ${whole ? Object.keys(schema.shape).join(', ') : AMOUNTS}`, issue.keys[0])
}

/** An option that breaks a rule. @throws SpillwayError `bad_option` */
export function refuse(what: string, rule: string, got: unknown): never {
  throw new SpillwayError('bad_option', expected(what, rule, got))
}

/** Of an amount, what is wrong with the form that was meant: the object, or the number. */
function meant(issue: z.core.$ZodIssue): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union' || !['number', 'object'].includes(typeof issue.input)) return issue
  const inner = issue.errors[typeof issue.input === 'object' ? 1 : 0]?.[0]
  return inner === undefined ? issue : { ...inner, path: [...issue.path, ...inner.path] }
}

function ruleOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'too_small') return `${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
  if (issue.code === 'too_big') return `${issue.inclusive ? 'at most' : 'less than'} ${issue.maximum}`
  if (issue.code === 'invalid_value')
    return issue.values
      .map(String)
      .join(', ')
      .replace(/, ([^,]*)$/, ' or $1')
  if (issue.code === 'invalid_format') return `something like ${issue.pattern ?? issue.format}`
  if (issue.code === 'invalid_type') return TYPES[issue.expected] ?? `a ${issue.expected}`
  if (issue.code === 'invalid_union') return `a number of bytes, or an object of ${AMOUNTS}`
  return issue.message
}
