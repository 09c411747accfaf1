/**
 * The configuration file: which one, what it holds, and where in it. JSON is plain JSON, and a fault has its line; a .js or .mjs
 * file has a default export, and may hold what JSON cannot: comments, pipelines, sources of one's own. Paths in it are
 * relative to the folder it is in. Called by config.ts, which puts flags and environment over it.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, extname, isAbsolute, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Report, reasonOf } from '../errors.ts'
import { FEED_NAME, FEED_NAME_RULE } from '../protocol.ts'
import { SETTINGS, type Setting } from '../settings.ts'
import type { SourceLike } from '../sources/source.ts'
import type { Given } from './given.ts'
import { JsonFault, parseJson } from './json.ts'
import { at, CODE, isPlainObject, shapeFaults, standsFor } from './shape.ts'
import { parseSource, type SourceSpec } from './spec.ts'
import { readValue } from './values.ts'

export const CONFIG_FILES = ['spillway.config.json', 'spillway.config.js', 'spillway.config.mjs'] as const
/** A module that awaits for ever would end the process without a word. */
const LOAD_MS = 10_000

/** What the file says of one feed. */
export interface FileFeed {
  /** Where in the file it stands. */
  readonly from: string
  /** Undefined if none is given, or what is given is none. */
  readonly source: SourceSpec | undefined
  /** By flag. */
  readonly values: ReadonlyMap<string, Given>
  /** What only a .js file can say. */
  readonly code: Readonly<Partial<Record<keyof typeof CODE, unknown>>>
  /** Options that were refused. */
  readonly wrong: ReadonlySet<string>
}

export interface ConfigFile {
  /** As a person would write its path. */
  readonly name: string
  /** Of `serve` and `hub`, by flag. */
  readonly values: ReadonlyMap<string, Given>
  readonly feeds: ReadonlyMap<string, FileFeed>
  /** Options of `serve` and `hub` that were refused. */
  readonly wrong: ReadonlySet<string>
}

/** The contents of a file, before anything is known about them. */
interface Contents {
  readonly name: string
  /** Its folder, from the working directory. */
  readonly folder: string
  readonly value: unknown
  readonly lineOf: (path: readonly PropertyKey[]) => number | undefined
}

/** Finds and reads it. Undefined: there is none, none is wanted, or it cannot be read, which is told. */
export async function loadFile(
  asked: Given | undefined,
  workingFolder: string,
  report: Report,
): Promise<ConfigFile | undefined> {
  const name = asked === undefined ? find(workingFolder, report) : String(asked.value)
  if (name === undefined || (asked !== undefined && name === 'none')) return undefined
  const path = resolve(workingFolder, name)
  const from = asked?.from ?? name
  const located = { name, folder: relative(workingFolder, dirname(path)) }
  const kind = extname(path)
  if (!['.json', '.js', '.mjs'].includes(kind)) report(from, 'a .json, .js or .mjs file, or none', name)
  else if (!existsSync(path)) report(from, 'a configuration file that is there', name)
  else {
    const loaded = kind === '.json' ? await fromJson(path, name, report) : await fromModule(path, name, report)
    return loaded === undefined ? undefined : readContents({ ...located, ...loaded }, report)
  }
  return undefined
}

function find(folder: string, report: Report): string | undefined {
  const found = CONFIG_FILES.filter(name => existsSync(join(folder, name)))
  if (found.length < 2) return found[0]
  report('configuration', 'one file in the working directory (or --config PATH)', found)
  return undefined
}

type Loaded = Pick<Contents, 'value' | 'lineOf'>

async function fromJson(path: string, name: string, report: Report): Promise<Loaded | undefined> {
  try {
    return parseJson(await readFile(path, 'utf8'))
  } catch (error) {
    if (error instanceof JsonFault) report(`${name}, line ${error.line}, column ${error.column}`, error.rule, error.got)
    else report(name, `a file that can be read (${reasonOf(error)})`, path)
    return undefined
  }
}

async function fromModule(path: string, name: string, report: Report): Promise<Loaded | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not loaded after ${LOAD_MS / 1_000} s`)), LOAD_MS)
  })
  try {
    const module = (await Promise.race([import(pathToFileURL(path).href), late])) as Readonly<Record<string, unknown>>
    if (module['default'] !== undefined) return { value: await module['default'], lineOf: () => undefined }
    report(name, 'a default export', Object.keys(module))
  } catch (error) {
    report(name, 'a module that loads', `${await place(error, path)}${reasonOf(error)}`)
  } finally {
    clearTimeout(timer)
  }
  return undefined
}

/** "line 3: ", if it is known where in this file. */
async function place(error: unknown, path: string): Promise<string> {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  // A SyntaxError has its place only where Node prints it.
  const text = error instanceof SyntaxError ? await syntaxOf(path) : stack
  const called = text.split(/\r?\n/).find(line => line.includes(pathToFileURL(path).href) || line.startsWith('[stdin]'))
  const line = /(?:\.m?js|\[stdin\]):(\d+)/.exec(called ?? '')?.[1]
  return line === undefined ? '' : `line ${line}: `
}

/** What Node says of a file that does not parse. On its input, because it lets a .js file that is a module or none pass. */
async function syntaxOf(path: string): Promise<string> {
  const text = await readFile(path, 'utf8')
  return new Promise(resolve => {
    const args = ['--check', '--input-type=module']
    const child = execFile(process.execPath, args, { timeout: LOAD_MS }, (_error, _out, errors) => resolve(errors))
    child.stdin?.on('error', () => {}) // it has read enough
    child.stdin?.end(text)
  })
}

function readContents({ name, folder, value: contents, lineOf }: Contents, report: Report): ConfigFile {
  const from = (path: readonly PropertyKey[]): string => {
    for (let length = path.length; length > 0; length--) {
      const line = lineOf(path.slice(0, length))
      if (line !== undefined) return `${name}:${line}`
    }
    return name
  }
  const wrong = new Set<string>()
  const refuse = (path: readonly PropertyKey[], rule: string, got: unknown): void => {
    wrong.add(JSON.stringify(path.slice(0, path[0] === 'feeds' ? 3 : 2)))
    report(path.length === 0 ? name : `${pathName(path)} (${from(path)})`, rule, got)
  }
  for (const { path, rule, got } of shapeFaults(contents)) refuse(path, rule, got)

  const wrongAt = (...path: string[]) =>
    new Set([...wrong].map(text => JSON.parse(text) as string[]).flatMap(w => (starts(w, path) ? [w.at(-1)!] : [])))
  const valuesAt = (path: readonly string[], parts: readonly Setting['into'][0][]) => {
    const values = new Map<string, Given>()
    for (const { flag, kind, into, means } of SETTINGS as readonly Setting[]) {
      if (!parts.includes(into[0]) || means !== undefined) continue
      const place = [...path, ...into[1].split('.')]
      const whole = place.slice(0, -1)
      const [option = '', part] = into[1].split('.')
      const alone = part !== undefined && standsFor(option, part) && !isPlainObject(at(contents, whole))
      const given = at(contents, alone ? whole : place)
      const value = given === undefined ? undefined : readValue(kind, given)
      if (value !== undefined) values.set(flag, { value, from: from(alone ? whole : place) })
    }
    return values
  }

  const feeds = new Map<string, FileFeed>()
  const given = at(contents, ['feeds'])
  for (const [feed, options] of isPlainObject(given) ? Object.entries(given) : []) {
    const path = ['feeds', feed]
    if (!FEED_NAME.test(feed)) refuse(path, `a name of ${FEED_NAME_RULE}`, feed)
    else if (isPlainObject(options)) {
      feeds.set(feed, {
        from: from([...path, 'source']),
        source: readSource(options['source'], folder),
        values: valuesAt(path, ['feed', 'source']),
        code: Object.fromEntries(Object.keys(CODE).flatMap(key => (key in options ? [[key, options[key]]] : []))),
        wrong: wrongAt(...path),
      })
    }
  }
  const values = new Map([...valuesAt(['serve'], ['serve']), ...valuesAt(['hub'], ['hub'])])
  return { name, values, feeds, wrong: new Set([...wrongAt('serve'), ...wrongAt('hub')]) }
}

const starts = (path: readonly string[], beginning: readonly string[]) =>
  path.length > beginning.length && beginning.every((key, i) => path[i] === key)

function readSource(given: unknown, folder: string): SourceSpec | undefined {
  if (given === undefined) return undefined
  if (typeof given !== 'string') return { kind: 'own', source: given as SourceLike }
  const spec = parseSource(given.trim())
  return spec !== undefined && 'path' in spec && !isAbsolute(spec.path)
    ? { ...spec, path: join(folder, spec.path) }
    : spec
}

/** `feeds.log.capacity`; what a dot would split is in brackets. */
export function pathName(path: readonly PropertyKey[]): string {
  return path
    .map(key => (/^[\w-]+$/.test(String(key)) ? `.${String(key)}` : `[${JSON.stringify(String(key))}]`))
    .join('')
    .replace(/^\./, '')
}
