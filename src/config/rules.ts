/**
 * What goes with what, over a whole configuration. The rules are not here: the hub, and the makers of sources, are asked, with
 * nothing in them that runs and no port opened. Of what they refuse, the option is taken out and they are asked again, until
 * they have no more to say; so every fault is told and every rule stands in one place. Each is told with its path, and with the flag,
 * variable or line that the value came from.
 */
import type { Configuration, FeedPlan } from '../config.ts'
import { expected, SpillwayError } from '../errors.ts'
import { Hub } from '../hub.ts'
import type { MemoryBound } from '../memory.ts'
import { feedSettings, type HubOptions } from '../options.ts'
import { checkAccess } from '../server/admin/guard.ts'
import { Door } from '../server/admit.ts'
import { SETTINGS, type Setting } from '../settings.ts'
import { sourceSettings } from '../sources/options.ts'
import { canWait, isFunction, type SourceLike } from '../sources/source.ts'
import { pathName } from './file.ts'
import type { Given } from './given.ts'
import { isIdle, openSource } from './open.ts'
import { CODE } from './shape.ts'

/** Of which other options a rule about this one speaks: while one of them is refused, this rule says nothing that holds. */
const BETWEEN: Readonly<Record<string, readonly string[]>> = {
  lowMark: ['highMark'],
  maxLag: ['capacity'],
  softForMs: ['softLag'],
  minGateBytesPerSec: ['maxPauseMs'],
  capacity: ['highMark', 'overflow', 'allow'],
  maxMessageBytes: ['capacity', 'highMark', 'overflow', 'allow'],
  chunkBytes: ['format', 'maxMessageBytes', 'capacity'],
  overflow: ['allow'],
  maxWindowBytes: ['minWindowBytes'],
  maxInFlightBytes: ['maxClients', 'minWindowBytes'],
  source: ['restart'],
  adminHost: ['adminToken'],
  adminPort: ['port'],
}

/** Where a fault is, for its sentence. */
interface Place {
  readonly path: readonly string[]
  readonly given: ReadonlyMap<string, Given>
  /** The file that stages come from; no flag gives any. */
  readonly file?: string | undefined
  /** Options that were refused so far. */
  readonly wrong: Set<string>
}

/** Tells what is wrong, and returns the bound of the memory that a hub of this configuration has. */
export function checkRules(configuration: Configuration, faults: string[]): MemoryBound {
  const { feeds, given } = configuration
  const place: Place = { path: ['hub'], given, wrong: new Set(configuration.wrong) }
  const { logger: _, ...options } = configuration.hub
  const hub = settle({ ...options }, place, faults, asked => new Hub(asked as HubOptions)) ?? new Hub()
  const [first, ...others] = feeds.filter(({ source }) => source.kind === 'stdin')
  for (const { name, from } of others) {
    const rule = `another source than that of ${pathName(['feeds', first!.name])}`
    faults.push(expected(`${pathName(['feeds', name, 'source'])} (${from})`, rule, 'stdin'))
  }
  for (const plan of feeds) checkFeed(plan, hub, { ...place, file: configuration.file }, faults)
  const bound = hub.memoryBound()
  const serve: Place = { path: ['serve'], given, wrong: new Set(configuration.wrong) }
  settle({ ...configuration.serve }, serve, faults, options => {
    const { origins, drainMs } = options as Configuration['serve']
    new Door(hub, origins)
    checkAdmin(options as Configuration['serve'])
    void hub.close({ drainMs })
  })
  void hub.close({ drainMs: 0 })
  return bound
}

/** @throws SpillwayError `bad_option` */
function checkAdmin({ port, adminPort, adminHost, adminToken: token }: Configuration['serve']): void {
  if (adminPort === 'off') return
  if (adminPort !== undefined && adminPort !== 0 && adminPort === port) {
    throw new SpillwayError(
      'bad_option',
      expected('adminPort', `another port than that of clients (${port})`, adminPort),
    )
  }
  if (adminHost !== undefined) checkAccess({ host: adminHost, token })
}

function checkFeed(plan: FeedPlan, hub: Hub, outer: Place, faults: string[]): void {
  const { name, source, given } = plan
  const place: Place = { ...outer, path: ['feeds', name], given, wrong: new Set([...plan.wrong, ...outer.wrong]) }
  for (const { flag, into, sources } of SETTINGS as readonly Setting[]) {
    if (!place.wrong.has('source') && given.has(flag) && sources !== undefined && !sources.includes(source.kind)) {
      tell(place, into[1], `expected source ${oneOf(sources)} beside it, got ${JSON.stringify(source.kind)}`, faults)
    }
  }
  checkNever(place, faults)
  const made = isIdle(source)
    ? settle({ ...plan.sourceOptions }, place, faults, sourceOptions => openSource({ source, sourceOptions }))
    : undefined
  const options = { ...plan.options }
  if (options.chunkBytes !== undefined && options.format !== 'binary') {
    tell(place, 'chunkBytes', 'expected format binary beside it, got "text"', faults)
    delete options.chunkBytes
  }
  settle({ ...options }, place, faults, asked => askHub(name, hub, asked, made))
}

/** Delays mean nothing where nothing is asked again; but `--restart never` hides those of the file without a word. */
function checkNever(place: Place, faults: string[]): void {
  const never = place.given.get('restart')
  if (never?.value !== 'never') return
  for (const { flag, into } of SETTINGS) {
    const given = flag.startsWith('restart-') ? place.given.get(flag) : undefined
    if (given === undefined || strength(given) < strength(never)) continue
    tell(place, into[1], 'expected restart failure or always beside it, got "never"', faults)
  }
}

/** What comes first: flags, then variables, then the file. */
const strength = ({ from }: Given) => (from.startsWith('--') ? 2 : from.startsWith('SPILLWAY_') ? 1 : 0)

/** What it says of the options with the source itself is looked at and not begun; then the hub takes them, with a stand-in. */
function askHub(name: string, hub: Hub, asked: FeedPlan['options'], made: SourceLike | undefined): void {
  const { through: _, pipeline: _p, ...options } = asked
  const { rate: _r, chunkBytes: _c, restart: _s, ...own } = options
  sourceSettings({ ...asked, source: made ?? standIn(made) }, name, feedSettings(own, name))
  hub.feed(name, { ...options, source: standIn(made) })
}

/** Asks until nothing more is refused; returns what was made then. Undefined if it is not the options that are wrong. */
function settle<T>(
  options: Record<string, unknown>,
  place: Place,
  faults: string[],
  ask: (options: Readonly<Record<string, unknown>>) => T,
): T | undefined {
  for (;;) {
    try {
      return ask(options)
    } catch (error) {
      if (!(error instanceof SpillwayError)) throw error
      const [, what = '', sentence = error.message] = /^(\S+?): (.*)$/s.exec(error.message) ?? []
      const option = optionIn(what, place)
      tell(place, option, sentence, faults)
      if (!takeOut(option, options, place.wrong)) return undefined
    }
  }
}

/**
 * Takes out what was refused: the option, of one in parts that part; or if it was not given, what the rule holds against it. False if
 * there is nothing to take out.
 */
function takeOut(option: string, options: Record<string, unknown>, wrong: Set<string>): boolean {
  const name = nameIn(option)
  const [, part = ''] = option.split('.')
  const out = [name, ...(BETWEEN[name] ?? [])].find(each => each in options)
  if (out === undefined) return false
  wrong.add(out)
  const { [part]: refused, ...rest } = Object(options[out]) as Record<string, unknown>
  if (refused === undefined) delete options[out]
  else options[out] = rest
  return true
}

/** "exec, follow or own". */
const oneOf = (words: readonly string[]) => words.join(', ').replace(/, ([^,]*)$/, ' or $1')

/** `maxLag.ms` of `prices.maxLag.ms`, whatever dots are in the name of the feed. */
function optionIn(what: string, { path }: Place): string {
  const name = path.at(-1)!
  return what.startsWith(`${name}.`) ? what.slice(name.length + 1) : what.replace(/^\w+\./, '')
}

function tell(place: Place, option: string, sentence: string, faults: string[]): void {
  const { path, wrong } = place
  const name = nameIn(option)
  const others = BETWEEN[name] ?? []
  // Its default, where what was given is out already; or a rule that cannot be asked.
  if ((wrong.has(name) && !option.includes('.')) || others.some(other => wrong.has(other))) return
  wrong.add(name)
  const from = originsOf(option, place)
  const beside = from.length > 0 ? [] : others.flatMap(other => originsOf(other, place))
  const where =
    from.length > 0 ? from.join(', ') : beside.length > 0 ? `default, beside ${beside.join(', ')}` : 'default'
  faults.push(`${pathName(path)}.${option} (${where}): ${sentence}`)
}

/** `through` of `through[0]`, `maxLag` of `maxLag.ms`. */
const nameIn = (option: string) => /^\w*/.exec(option)![0]

/** The flags, variables and lines that an option was given in. */
function originsOf(option: string, { given, file }: Place): readonly string[] {
  if (file !== undefined && nameIn(option) in CODE) return [file]
  const found = (SETTINGS as readonly Setting[]).flatMap(({ flag, into: [part, name] }) => {
    const its = name === option || name.startsWith(`${option}.`)
    return its && part !== 'command' && given.has(flag) ? [given.get(flag)!.from] : []
  })
  return [...new Set(found)]
}

/** A source like this one that gives nothing. */
function standIn(source: SourceLike | undefined): SourceLike {
  const waits = source === undefined || canWait(source)
  const empty = { canWait: waits, async *[Symbol.asyncIterator]() {} }
  return source !== undefined && isFunction(source) ? Object.assign(() => empty, { canWait: waits }) : empty
}
