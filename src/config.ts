/**
 * What `spillway serve` runs with: flags over environment over file over defaults, option by option, and where each came from.
 *
 * A flag or variable is for every feed it means something for, whatever the file says of that feed. `--feed NAME=SOURCE` (and
 * --exec, --follow, --replay) adds a feed, or replaces the source of one in the file: the feed stays what it is, and what
 * belonged to the old kind of source goes with it. Whatever is wrong is told, all of it at once: here, and in rules.ts what
 * goes with what.
 */

import { type ConfigFile, type FileFeed, loadFile, pathName } from './config/file.ts'
import { type FromOutside, type Given, type GivenFeed, readGiven } from './config/given.ts'
import { missingFile } from './config/open.ts'
import { checkRules } from './config/rules.ts'
import { asList } from './config/shape.ts'
import { SOURCE_RULE, type SourceSpec } from './config/spec.ts'
import { expected, type Report, SpillwayError } from './errors.ts'
import type { SourceOptions } from './hub.ts'
import type { MemoryBound } from './memory.ts'
import type { FeedOptions, HubOptions } from './options.ts'
import { SETTINGS, type Setting } from './settings.ts'

export interface Configuration {
  /** The file, if there is one. */
  readonly file: string | undefined
  readonly serve: {
    readonly port: number
    readonly host: string
    /** Undefined: the one after `port`. */
    readonly adminPort?: number | 'off'
    readonly adminHost: string
    readonly adminToken?: string
    readonly drainMs: number
    readonly origins: readonly string[]
    readonly exitWhenDone: boolean
  }
  readonly hub: HubOptions
  readonly feeds: readonly FeedPlan[]
  /** What was given of `serve` and `hub`, by flag. */
  readonly given: ReadonlyMap<string, Given>
  /** Options of `serve` and `hub` that were refused. */
  readonly wrong: ReadonlySet<string>
}

/** A configuration in which nothing is wrong, and what its memory can come to. */
export interface Checked extends Configuration {
  readonly memory: MemoryBound
}

/** A feed as it will be opened. */
export interface FeedPlan {
  readonly name: string
  readonly source: SourceSpec
  /** Where its source was given. */
  readonly from: string
  /** The source that the file had given, if another took its place. */
  readonly replaced: SourceSpec | undefined
  /** What the hub is told of it, its source aside. */
  readonly options: FeedOptions & Omit<SourceOptions, 'source'>
  /** What its source is made with. */
  readonly sourceOptions: Readonly<Record<string, unknown>>
  /** What was given of all that, by flag. */
  readonly given: ReadonlyMap<string, Given>
  /** What only a .js file can say. */
  readonly code: FileFeed['code']
  /** Options that were refused. */
  readonly wrong: ReadonlySet<string>
}

export interface Surroundings {
  readonly environment: NodeJS.ProcessEnv
  /** @default the process's */
  readonly folder?: string
  /** Whether something is piped in, which makes a feed where no other is asked for. */
  readonly piped?: boolean
}

const TABLE: readonly Setting[] = SETTINGS
const SERVE = {
  port: 8080,
  host: '127.0.0.1',
  adminHost: '127.0.0.1',
  drainMs: 5_000,
  origins: [],
  exitWhenDone: false,
}

/** Reads and checks everything that can be checked without opening a port or a source. @throws SpillwayError `bad_option`, a line a fault */
export async function readConfiguration(args: readonly string[], around: Surroundings): Promise<Checked> {
  const faults: string[] = []
  const report: Report = (what, rule, got) => void faults.push(expected(what, rule, got))
  const { folder = process.cwd() } = around
  const outside = readGiven(args, around.environment, report)
  const before = faults.length
  const file = await loadFile(outside.settings.get('config'), folder, report)
  // Of a file that cannot be read nothing more can be said, and what goes without it would mislead.
  if (file !== undefined || faults.length === before) {
    const configuration = combine(outside, file, around.piped === true, report)
    const memory = checkRules(configuration, faults)
    for (const plan of configuration.feeds) await checkFile(plan, folder, report)
    if (faults.length === 0) return { ...configuration, memory }
  }
  throw new SpillwayError('bad_option', [...new Set(faults)].join('\n'))
}

async function checkFile({ name, source, from }: FeedPlan, folder: string, report: Report): Promise<void> {
  const why = await missingFile(source, folder)
  if (why !== undefined)
    report(
      `${pathName(['feeds', name, 'source'])} (${from})`,
      `a file that can be read (${why})`,
      'path' in source ? source.path : '',
    )
}

function combine(outside: FromOutside, file: ConfigFile | undefined, piped: boolean, report: Report): Configuration {
  const given = new Map([...(file?.values ?? []), ...outside.settings])
  const feeds = plans(outside, file, piped, report)
  for (const { flag, sources } of TABLE) {
    const asked = outside.settings.get(flag)
    if (asked === undefined || sources === undefined || feeds.some(({ given }) => given.get(flag) === asked)) continue
    if (feeds.some(({ wrong }) => wrong.has('source'))) continue
    const meant = feeds.filter(({ source }) => sources.includes(source.kind))
    if (meant.length > 0) report(asked.from, '--binary beside it', undefined)
    else
      report(
        asked.from,
        `a feed whose source is ${sources.join(', ')}`,
        feeds.map(({ source }) => source.kind),
      )
  }
  const serve = { ...SERVE, ...optionsOf(given, 'serve') } as Configuration['serve']
  return { file: file?.name, serve, hub: optionsOf(given, 'hub'), feeds, given, wrong: file?.wrong ?? new Set() }
}

const NOTHING: FileFeed = { from: '', source: undefined, values: new Map(), code: {}, wrong: new Set() }

function plans(
  { settings, feeds }: FromOutside,
  file: ConfigFile | undefined,
  piped: boolean,
  report: Report,
): FeedPlan[] {
  const asked = new Map(feeds.map(feed => [feed.name, feed]))
  const names = new Set([...(file?.feeds.keys() ?? []), ...asked.keys()])
  if (names.size === 0) {
    for (const feed of piped ? PIPED : DEMONSTRATION) asked.set(feed.name, feed)
  }
  return [...new Set([...names, ...asked.keys()])].map(name => {
    const inFile = file?.feeds.get(name) ?? NOTHING
    const source = asked.get(name)?.source ?? inFile.source
    const wrong = new Set(inFile.wrong)
    if (source === undefined && !wrong.has('source')) {
      report(`${pathName(['feeds', name, 'source'])} (${inFile.from})`, SOURCE_RULE, undefined)
      wrong.add('source')
    }
    return plan(name, source ?? UNKNOWN, asked.get(name), { ...inFile, wrong }, settings)
  })
}

/** In place of a source that is none, so that the rest of its feed can be looked at. */
const UNKNOWN: SourceSpec = { kind: 'own', source: { async *[Symbol.asyncIterator]() {} } }

const DEMONSTRATION: readonly GivenFeed[] = [
  { name: 'ticks', source: { kind: 'ticker' }, from: 'default' },
  { name: 'host', source: { kind: 'host' }, from: 'default' },
]
const PIPED: readonly GivenFeed[] = [{ name: 'stdin', source: { kind: 'stdin' }, from: 'default' }]

function plan(
  name: string,
  source: SourceSpec,
  asked: GivenFeed | undefined,
  inFile: FileFeed,
  settings: FromOutside['settings'],
): FeedPlan {
  const given = new Map<string, Given>()
  const replaced = asked === undefined ? undefined : inFile.source
  const format = settings.get('format')?.value ?? inFile.values.get('format')?.value
  for (const { flag, into, sources } of TABLE) {
    const means = sources?.includes(source.kind) ?? true
    const applies = means && (flag !== 'chunk' || format === 'binary')
    const value = (applies ? settings.get(flag) : undefined) ?? inFile.values.get(flag)
    if (value === undefined || (into[0] !== 'feed' && into[0] !== 'source')) continue
    // What belonged to the source that was replaced goes with it.
    if (means || replaced === undefined) given.set(flag, value)
  }
  const options = optionsOf(given, 'feed')
  const { rate, ...others } = options
  const restart = options['restart'] as { readonly on?: string } | undefined
  // A recording has a rate of its own, which its times do not hold.
  const ofSource = source.kind === 'replay' && rate !== undefined ? { rate } : {}
  return {
    name,
    source,
    from: asked?.from ?? inFile.from,
    replaced,
    options: {
      ...(source.kind === 'replay' ? others : options),
      ...(restart?.on === 'never' ? { restart: false } : {}),
      ...Object.fromEntries(Object.entries(inFile.code).map(([key, value]) => [key, asList(value)])),
    },
    sourceOptions: { ...optionsOf(given, 'source'), ...ofSource },
    given,
    code: inFile.code,
    wrong: inFile.wrong,
  }
}

/** The options of a part, by name; those in several units as an object of them. */
function optionsOf(given: ReadonlyMap<string, Given>, part: Setting['into'][0]): Record<string, unknown> {
  const options: Record<string, unknown> = {}
  for (const { flag, into } of TABLE) {
    const value = given.get(flag)?.value
    if (into[0] !== part || value === undefined) continue
    const [option = '', inner] = into[1].split('.')
    options[option] = inner === undefined ? value : { ...(options[option] as object | undefined), [inner]: value }
  }
  return options
}
