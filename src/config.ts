/**
 * From flags and environment to options: what was given is read by the kinds of the table in settings.ts, flags before
 * environment, and whatever is unknown or malformed is refused with "expected …, got …". The rules between options are
 * those of options.ts, checked again there.
 */
import { parseArgs } from 'node:util'
import { expected, SpillwayError } from './errors.ts'
import { OVERFLOWS, type Overflow } from './log/overflow.ts'
import type { FeedOptions, HubOptions } from './options.ts'
import { FEED_NAME, FEED_NAME_RULE } from './protocol.ts'
import { environmentName, type Kind, SETTINGS, type Setting } from './settings.ts'

/** What `spillway serve` runs with. */
export interface Configuration {
  readonly serve: {
    readonly port: number
    readonly host: string
    readonly drainMs: number
    readonly origins: readonly string[]
    readonly exitWhenDone: boolean
    /** Undefined: nothing was said. */
    readonly feeds: readonly FeedSource[] | undefined
  }
  readonly hub: HubOptions
  readonly feed: FeedOptions
  readonly source: { readonly rate?: number; readonly chunkBytes?: number }
  readonly ticker: { readonly symbols?: number; readonly perSecond?: number; readonly seed?: number }
}

/** A feed's name and where its messages come from. */
export interface FeedSource {
  readonly name: string
  readonly source: 'ticker' | 'host' | 'stdin' | { readonly file: string }
}

type Value = string | number | boolean | readonly string[] | readonly FeedSource[]

/** @throws SpillwayError `bad_option` */
export function readConfiguration(args: readonly string[], environment: NodeJS.ProcessEnv): Configuration {
  const parts = { serve: {}, hub: {}, feed: {}, source: {}, ticker: {} } as Record<
    Setting['into'][0],
    Record<string, unknown>
  >
  const given = new Map([...fromEnvironment(environment), ...fromFlags(args)])
  for (const setting of SETTINGS) {
    const texts = given.get(setting.flag)
    if (texts === undefined) continue
    const value = read(setting, texts.what, texts.values)
    put(parts[setting.into[0]], setting.into[1], value)
  }
  const { binary, ...feed } = parts.feed
  if (binary === true) feed['format'] = 'binary'
  const serve = {
    port: 8080,
    host: '127.0.0.1',
    drainMs: 5_000,
    origins: [],
    exitWhenDone: false,
    feeds: undefined,
    ...parts.serve,
  }
  return { serve, hub: parts.hub, feed, source: parts.source, ticker: parts.ticker }
}

/** What was given for a flag, and how it was spelled. */
interface Given {
  readonly what: string
  readonly values: readonly string[]
}

function fromFlags(args: readonly string[]): Map<string, Given> {
  const options = Object.fromEntries(
    SETTINGS.map(({ flag, kind }) => [flag, { type: kind === 'switch' ? 'boolean' : 'string' } as const]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const given = new Map<string, Given>()
  for (const token of tokens) {
    if (token.kind === 'positional') refuse('argument', 'none', token.value)
    if (token.kind !== 'option') continue
    const setting = SETTINGS.find(({ flag }) => flag === token.name)
    if (setting === undefined)
      refuse('flag', `one that spillway serve --help lists${nearest(token.name)}`, token.rawName)
    const what = token.rawName
    // parseArgs takes the next flag for the value of one whose value was forgotten.
    const value = token.inlineValue === false && token.value.startsWith('--') ? undefined : token.value
    if (setting.kind === 'switch' && value !== undefined) refuse(what, 'no value', value)
    if (setting.kind !== 'switch' && value === undefined) refuse(what, RULES[setting.kind], undefined)
    const values = [...(given.get(setting.flag)?.values ?? []), value ?? 'true']
    if (setting.kind !== 'feeds' && values.length > 1) refuse(what, 'to be given once', values)
    given.set(setting.flag, { what, values })
  }
  return given
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Map<string, Given> {
  const given = new Map<string, Given>()
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('SPILLWAY_') || value === undefined) continue
    const setting = SETTINGS.find(({ flag }) => environmentName(flag) === name)
    if (setting === undefined) refuse('environment', 'only variables that spillway serve --help implies', name)
    given.set(setting.flag, { what: name, values: setting.kind === 'feeds' ? value.split(',') : [value] })
  }
  return given
}

const RULES: Readonly<Record<Kind, string>> = {
  port: 'a whole number from 0 to 65535',
  address: 'an address',
  count: 'a whole number from 0 up',
  number: 'a number from 0 up',
  bytes: 'a number of bytes, such as 65536, 64KiB, 16MiB or 1GB',
  duration: 'a time, such as 500ms, 30s, 5m or 0',
  share: 'a share, such as 75% or 0.75',
  policy: OVERFLOWS.join(', '),
  policies: `a list of ${OVERFLOWS.join(', ')}`,
  origins: 'a list of origins such as https://example.org, or *',
  feeds: `NAME=SOURCE, with NAME ${FEED_NAME_RULE}, and SOURCE ticker, host, stdin or file:PATH`,
  switch: 'true or false',
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

function read({ kind }: Setting, what: string, values: readonly string[]): Value {
  const text = values[0] ?? ''
  const value = kind === 'feeds' ? readFeeds(what, values) : READ[kind](text.trim())
  if (value === undefined) refuse(what, RULES[kind], text)
  return value
}

const READ: Readonly<Record<Exclude<Kind, 'feeds'>, (text: string) => Value | undefined>> = {
  port: text => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  address: text => (/^[A-Za-z0-9.:_-]+$/.test(text) ? text : undefined),
  count: text => (/^\d{1,15}$/.test(text) ? Number(text) : undefined),
  number: text => (/^\d{1,15}(\.\d+)?$/.test(text) ? Number(text) : undefined),
  bytes: text => scaled(text, BYTES, Math.round),
  duration: text => (text === '0' ? 0 : scaled(text, TIMES)),
  share: text => (text.endsWith('%') ? scaled(text.slice(0, -1), { '': 0.01 }) : scaled(text, { '': 1 })),
  policy: text => OVERFLOWS.find(name => name === text),
  policies: text => {
    const names = text.split(',').map(name => name.trim())
    return names.every(name => OVERFLOWS.includes(name as Overflow)) ? names : undefined
  },
  origins: text => {
    const origins = text.split(',').map(origin => origin.trim())
    return origins.every(origin => origin === '*' || URL.canParse(origin)) ? origins : undefined
  },
  switch: text => (text === 'true' ? true : text === 'false' ? false : undefined),
}

function scaled(text: string, units: Readonly<Record<string, number>>, round = (n: number) => n): number | undefined {
  const match = /^(\d{1,15}(?:\.\d+)?) ?([A-Za-z]*)$/.exec(text)
  if (match === null) return undefined
  const [, amount, unit = ''] = match
  const name = unit.toLowerCase()
  return Object.hasOwn(units, name) ? round(Number(amount) * units[name]!) : undefined
}

function readFeeds(what: string, values: readonly string[]): readonly FeedSource[] {
  return values.map(value => {
    const [name = '', ...rest] = value.split('=')
    const text = rest.join('=')
    if (!FEED_NAME.test(name)) refuse(what, RULES.feeds, value)
    if (text === 'ticker' || text === 'host' || text === 'stdin') return { name, source: text }
    if (text.startsWith('file:') && text.length > 5) return { name, source: { file: text.slice(5) } }
    return refuse(what, RULES.feeds, value)
  })
}

function put(part: Record<string, unknown>, path: string, value: Value): void {
  const [key = '', inner] = path.split('.')
  if (inner === undefined) part[key] = value
  else part[key] = { ...(part[key] as object | undefined), [inner]: value }
}

/** ", such as --overflow", if a known flag begins alike. */
function nearest(name: string): string {
  const found = SETTINGS.find(({ flag }) => flag.slice(0, 3) === name.slice(0, 3))
  return found === undefined ? '' : `, such as --${found.flag}`
}

function refuse(what: string, rule: string, got: unknown): never {
  throw new SpillwayError('bad_option', expected(what, rule, got))
}
