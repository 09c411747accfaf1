/**
 * What was given on the command line and in the environment: values by flag, read by their kinds, with where each came from;
 * and the feeds. A flag hides its variable, which is then not looked at. What is unknown, malformed or given twice is told;
 * the rest is read on, so that all of it is told at once.
 */
import { parseArgs } from 'node:util'
import type { Report } from '../errors.ts'
import { FEED_NAME, FEED_NAME_RULE } from '../protocol.ts'
import { environmentName, SETTINGS, type Setting } from '../settings.ts'
import { nearest } from './nearest.ts'
import { nameOf, parseSource, SOURCE_RULE, type SourceSpec } from './spec.ts'
import { KINDS, readValue, refusedValue, type Value } from './values.ts'

/** A value, and the flag, variable or line of a file that it came from. */
export interface Given {
  readonly value: Value
  readonly from: string
}

/** A feed that was asked for by name. */
export interface GivenFeed {
  readonly name: string
  readonly source: SourceSpec
  readonly from: string
}

export interface FromOutside {
  /** By flag; what a flag is short for, under that. */
  readonly settings: ReadonlyMap<string, Given>
  readonly feeds: readonly GivenFeed[]
}

/** A flag or variable as it was spelled, and its texts. */
interface Spelled {
  readonly from: string
  readonly texts: readonly string[]
}

/** Flags that may be given several times: each makes a feed. */
const FEEDS: ReadonlySet<string> = new Set(['feed', 'exec', 'follow', 'replay'])
const TABLE: readonly Setting[] = SETTINGS

export function readGiven(args: readonly string[], environment: NodeJS.ProcessEnv, report: Report): FromOutside {
  const spelled = [fromEnvironment(environment, report), fromFlags(args, report)]
  const settings = new Map<string, Given>()
  // A flag stands for what it is short for, so that --format text hides SPILLWAY_BINARY.
  const hidden = new Set([...spelled[1]!.keys()].map(flag => settingOf(flag)!.means?.[0] ?? flag))
  for (const [place, given] of spelled.entries()) {
    for (const setting of TABLE) {
      const found = given.get(setting.flag)
      const target = setting.means?.[0] ?? setting.flag
      if (found === undefined || FEEDS.has(setting.flag) || (place === 0 && hidden.has(target))) continue
      const value = readOne(setting, found, report)
      if (value === undefined || (setting.means !== undefined && value === false)) continue
      const before = settings.get(target)
      if (before !== undefined) {
        report(found.from, `to stand without ${before.from}`, found.texts[0])
        continue
      }
      settings.set(target, { value: setting.means?.[1] ?? value, from: found.from })
    }
  }
  return { settings, feeds: readFeeds(new Map([...spelled[0]!, ...spelled[1]!]), report) }
}

const settingOf = (flag: string) => TABLE.find(setting => setting.flag === flag)

function readOne({ kind }: Setting, { from, texts }: Spelled, report: Report): Value | undefined {
  const value = readValue(kind, texts[0])
  if (value === undefined) report(from, KINDS[kind].rule, refusedValue(kind, texts[0]))
  return value
}

function fromFlags(args: readonly string[], report: Report): Map<string, Spelled> {
  const options = Object.fromEntries(
    TABLE.map(({ flag, kind }) => [flag, { type: kind === 'switch' ? 'boolean' : 'string' } as const]),
  )
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true })
  const given = new Map<string, Spelled>()
  // What stands behind a flag that is refused may be its value: one fault, not two.
  let refused = false
  for (const token of tokens) {
    if (token.kind === 'positional' && !refused) report('argument', 'none', token.value)
    if (token.kind !== 'option') {
      refused = false
      continue
    }
    refused = readFlag(token.name, token.rawName, token.value, token.inlineValue, given, report)
  }
  return given
}

/** Whether it was refused without its value, which may be what comes next. */
function readFlag(
  name: string,
  from: string,
  text: string | undefined,
  inline: boolean | undefined,
  given: Map<string, Spelled>,
  report: Report,
): boolean {
  const setting = settingOf(name)
  if (setting === undefined) {
    const near = nearest(
      name,
      TABLE.map(({ flag }) => flag),
    )
    report('flag', `one that spillway serve --help lists${near === undefined ? '' : `, such as --${near}`}`, from)
    return inline !== true
  }
  // parseArgs takes the next flag for the value of one whose value was forgotten.
  const value = inline === false && text?.startsWith('--') ? undefined : text
  const isSwitch = setting.kind === 'switch'
  if (!isSwitch && value === undefined) {
    report(from, ruleOf(setting), undefined)
    return true
  }
  if (isSwitch && value !== undefined) {
    report(from, 'no value', value)
    return false
  }
  const texts = [...(given.get(name)?.texts ?? []), value ?? 'true']
  given.set(name, { from, texts })
  if (!FEEDS.has(name) && texts.length > 1) {
    const { kind } = setting
    report(
      from,
      'to be given once',
      texts.map(text => refusedValue(kind, text)),
    )
  }
  return false
}

function fromEnvironment(environment: NodeJS.ProcessEnv, report: Report): Map<string, Spelled> {
  const given = new Map<string, Spelled>()
  const names = TABLE.map(({ flag }) => environmentName(flag))
  for (const [from, text] of Object.entries(environment)) {
    if (!from.startsWith('SPILLWAY_') || text === undefined) continue
    const setting = TABLE.find(({ flag }) => environmentName(flag) === from)
    if (setting === undefined) {
      const near = nearest(from, names)
      const rule = `only variables that spillway serve --help implies${near === undefined ? '' : `, such as ${near}`}`
      report('environment', rule, from)
    } else given.set(setting.flag, { from, texts: setting.flag === 'feed' ? text.split(COMMA) : [text] })
  }
  return given
}

/** A comma with a name behind it: others belong to a path or a command. */
const COMMA = /,(?=\s*[A-Za-z0-9][A-Za-z0-9_.-]{0,63}=)/
const FEED_RULE = `NAME=SOURCE, with NAME ${FEED_NAME_RULE}, and SOURCE ${SOURCE_RULE}`

function ruleOf({ flag, kind }: Setting): string {
  return flag === 'feed' ? FEED_RULE : KINDS[kind].rule
}

function readFeeds(given: ReadonlyMap<string, Spelled>, report: Report): readonly GivenFeed[] {
  const feeds = new Map<string, GivenFeed>()
  for (const flag of FEEDS) {
    const { from = '', texts = [] } = given.get(flag) ?? {}
    for (const text of texts) {
      const [, name, source = ''] = flag === 'feed' ? (/^\s*([^=]*)=(.*)$/s.exec(text) ?? []) : []
      const spec = parseSource(flag === 'feed' ? source : `${flag}:${text}`)
      const named = name ?? (flag !== 'feed' && spec !== undefined ? nameOf(spec) : '')
      if (spec === undefined || !FEED_NAME.test(named)) report(from, ruleOf(settingOf(flag)!), text)
      else if (feeds.has(named)) report(from, 'a name for each feed (--feed NAME=SOURCE gives one)', named)
      else feeds.set(named, { name: named, source: spec, from })
    }
  }
  return [...feeds.values()]
}
