/** Wrong configurations: for each kind of fault a sentence with the path, the rule and the value; for several, all of them. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readConfiguration } from '../../src/config.ts'
import { SpillwayError } from '../../src/errors.ts'

interface Wrong {
  /** By name; what is no text is written as JSON, on one line. */
  readonly files?: Readonly<Record<string, unknown>>
  readonly flags?: readonly string[]
  readonly environment?: NodeJS.ProcessEnv
}

/** Every sentence that is told, in order; the folder is taken out of them. */
async function faultsOf({ files = {}, flags = [], environment = {} }: Wrong): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-wrong-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, contents] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), typeof contents === 'string' ? contents : JSON.stringify(contents))
  }
  try {
    await readConfiguration(flags, { environment, folder })
    return []
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.code !== 'bad_option') throw error
    return error.message.replaceAll(folder, '…').split('\n')
  }
}

const json = (contents: unknown): Wrong => ({ files: { 'spillway.config.json': contents } })
const feed = (options: object): Wrong => json({ feeds: { f: { source: 'stdin', ...options } } })
const js = (text: string): Wrong => ({ files: { 'spillway.config.mjs': text } })
const J = 'spillway.config.json'
const M = 'spillway.config.mjs'
const at = (path: string) => `${path} (${J}:1)`
const NAME = '1 to 64 of A–Z a–z 0–9 _ . - beginning with a letter or digit'
const SOURCES = 'ticker, host, stdin, file:PATH, follow:PATH, replay:PATH or exec:COMMAND'
const SIZE = 'a size, such as 64KiB, 16MiB, 1GB or 65536, and with its unit below 1024'

const TABLE: readonly (readonly [string, Wrong, string | RegExp])[] = [
  // The file itself.
  [
    'a comma too many',
    json('{\n  "feeds": {},\n}'),
    `${J}, line 3, column 1: expected a key in double quotes, got "}"`,
  ],
  [
    'a comma too few',
    json('{\n  "serve": {}\n  "hub": {}\n}'),
    `${J}, line 3, column 3: expected a comma or }, got "\\""`,
  ],
  [
    'a file that ends too soon',
    json('{ "hub": {'),
    `${J}, line 1, column 11: expected a key in double quotes, got nothing`,
  ],
  ['an empty file', json(''), `${J}, line 1, column 1: expected an object, got nothing`],
  [
    'comments',
    json('{\n  // mine\n}'),
    `${J}, line 2, column 3: expected a key in double quotes (JSON has no comments; spillway.config.mjs has), got "/"`,
  ],
  [
    'two ports',
    json('{ "serve": { "port": 1,\n "port": 2 } }'),
    `${J}, line 2, column 2: expected each key once, got "port"`,
  ],
  ['a list instead of an object', json([]), `${J}: expected an object, got []`],
  ['a part that is none', json({ feeds: [] }), `${at('feeds')}: expected an object, got []`],
  [
    'a file that is not there',
    { flags: ['--config', 'no.json'] },
    '--config: expected a configuration file that is there, got "no.json"',
  ],
  [
    'a file of another kind',
    { files: { 'a.yaml': '' }, flags: ['--config', 'a.yaml'] },
    '--config: expected a .json, .js or .mjs file, or none, got "a.yaml"',
  ],
  [
    'a folder',
    { files: { 'a.json/b': '' }, flags: ['--config=a.json'] },
    /^a\.json: expected a file that can be read \(EISDIR.*\), got "…\/a\.json"$/,
  ],
  [
    'two files',
    { files: { [J]: {}, [M]: '' } },
    `configuration: expected one file in the working directory (or --config PATH), got ["${J}","${M}"]`,
  ],
  [
    'a file and none',
    { files: { 'a.json': {} }, flags: ['--config', 'a.json', '--no-config'] },
    '--no-config: expected to stand without --config, got "true"',
  ],

  // Keys.
  [
    'an unknown part',
    json({ feed: {} }),
    `${at('feed')}: expected an option that there is (the nearest is feeds), got {}`,
  ],
  [
    'an unknown key',
    feed({ overlow: 'skip' }),
    `${at('feeds.f.overlow')}: expected an option that there is (the nearest is overflow), got "skip"`,
  ],
  [
    'a flag for a key',
    json({ hub: { 'max-clients': 5 } }),
    `${at('hub.max-clients')}: expected an option that there is (the nearest is maxClients), got 5`,
  ],
  [
    'a key like no other',
    json({ serve: { colour: 'red' } }),
    `${at('serve.colour')}: expected no option but port, host, origins, adminPort, adminHost, adminToken, drainMs, logFormat, logLevel, exitWhenDone, got "red"`,
  ],
  [
    'an unknown unit',
    feed({ capacity: { byte: 1 } }),
    `${at('feeds.f.capacity.byte')}: expected an option that there is (the nearest is bytes), got 1`,
  ],
  ['"$schema"', json({ $schema: 'x' }), `${at('["$schema"]')}: expected no option but serve, hub, feeds, got "x"`],

  // Values.
  [
    'a text for a port',
    json({ serve: { port: 'http' } }),
    `${at('serve.port')}: expected a whole number from 0 to 65535, got "http"`,
  ],
  ['null', json({ serve: { host: null } }), `${at('serve.host')}: expected an address, got null`],
  ['a size below 1024 without unit', feed({ capacity: 16 }), `${at('feeds.f.capacity')}: expected ${SIZE}, got 16`],
  [
    'a unit that is none',
    feed({ maxLag: { bytes: '16XB' } }),
    `${at('feeds.f.maxLag.bytes')}: expected ${SIZE}, got "16XB"`,
  ],
  [
    'a time without unit',
    feed({ maxPauseMs: '10' }),
    `${at('feeds.f.maxPauseMs')}: expected a time, such as 500ms, 30s, 5m or 0, got "10"`,
  ],
  [
    'a negative number',
    json({ hub: { stallTimeoutMs: -1 } }),
    `${at('hub.stallTimeoutMs')}: expected a time, such as 500ms, 30s, 5m or 0, got -1`,
  ],
  ['a share above 1', feed({ highMark: 75 }), `${at('feeds.f.highMark')}: expected at most 1, got 75`],
  [
    'no whole number',
    json({ hub: { maxClients: 1.5 } }),
    `${at('hub.maxClients')}: expected a whole number from 0 up, got 1.5`,
  ],
  [
    'a policy that is none',
    feed({ overflow: 'drop' }),
    `${at('feeds.f.overflow')}: expected pause, evict, skip, got "drop"`,
  ],
  [
    'a policy that may not be allowed',
    feed({ allow: ['skip', 'conflate'] }),
    `${at('feeds.f.allow')}: expected a list of pause, evict, skip, got ["skip","conflate"]`,
  ],
  ['a format that is none', feed({ format: 'json' }), `${at('feeds.f.format')}: expected text or binary, got "json"`],
  [
    'an origin that is none',
    json({ serve: { origins: ['example.org'] } }),
    `${at('serve.origins')}: expected a list of origins such as https://example.org, or *, got ["example.org"]`,
  ],
  ['no switch', json({ serve: { exitWhenDone: 1 } }), `${at('serve.exitWhenDone')}: expected true or false, got 1`],
  [
    'a restart that is none',
    feed({ source: 'exec:date', restart: 'sometimes' }),
    `${at('feeds.f.restart')}: expected never, failure, always, got "sometimes"`,
  ],

  [
    'an origin with a path',
    json({ serve: { origins: ['https://example.org/live'] } }),
    `${at('serve.origins')}: expected origins such as https://example.org, or *, got "https://example.org/live"`,
  ],
  [
    'a drain of a day',
    { flags: ['--drain', '1d'] },
    'serve.drainMs (--drain): expected milliseconds from 0 to 3600000, got 86400000',
  ],

  // Feeds and sources.
  [
    'a name with a slash',
    json({ feeds: { 'a/b': { source: 'host' } } }),
    `${at('feeds["a/b"]')}: expected a name of ${NAME}, got "a/b"`,
  ],
  ['a feed that is a text', json({ feeds: { a: 'ticker' } }), `${at('feeds.a')}: expected an object, got "ticker"`],
  ['no source', json({ feeds: { a: {} } }), `${at('feeds.a.source')}: expected ${SOURCES}, got nothing`],
  [
    'a source that is none',
    feed({ source: 'kafka:x' }),
    `${at('feeds.f.source')}: expected ${SOURCES}; or, in a .js or .mjs file, a source or a function that makes one, got "kafka:x"`,
  ],
  [
    'a file that is missing',
    feed({ source: 'file:no.txt' }),
    /^feeds\.f\.source \(spillway\.config\.json:1\): expected a file that can be read \(ENOENT.*\), got "no\.txt"$/,
  ],
  [
    'a recording that is missing',
    { flags: ['--replay', 'no.ndjson'] },
    /^feeds\.no\.source \(--replay\): expected a file that can be read \(ENOENT.*\), got "no\.ndjson"$/,
  ],
  [
    'a folder to read',
    { files: { 'a/b': '' }, flags: ['--feed', 'f=follow:a'] },
    'feeds.f.source (--feed): expected a file that can be read (this is none), got "a"',
  ],
  [
    'two feeds from stdin',
    json({ feeds: { a: { source: 'stdin' }, b: { source: 'stdin' } } }),
    `${at('feeds.b.source')}: expected another source than that of feeds.a, got "stdin"`,
  ],

  // What contradicts itself.
  [
    'marks the wrong way round',
    feed({ highMark: 0.4, lowMark: '45%' }),
    `${at('feeds.f.lowMark')}: expected less than highMark (0.4), got 0.45`,
  ],
  [
    'a mark above the default of the other',
    feed({ highMark: 0.4 }),
    `feeds.f.lowMark (default, beside ${J}:1): expected less than highMark (0.4), got 0.5`,
  ],
  [
    'a limit above the capacity',
    feed({ capacity: '1MiB', maxLag: '2MiB' }),
    `${at('feeds.f.maxLag')}: expected at most the capacity (1048576 bytes), got 2097152`,
  ],
  [
    'messages larger than their log',
    feed({ capacity: '2KiB', maxMessageBytes: '4KiB' }),
    `${at('feeds.f.maxMessageBytes')}: expected at most what the capacity has room for (2032 bytes), got 4096`,
  ],
  [
    'patience for nothing',
    feed({ softForMs: '1s' }),
    `${at('feeds.f.softForMs')}: expected softLag beside it, got "it alone"`,
  ],
  [
    'pause for a source that cannot wait',
    feed({ source: 'ticker', overflow: 'pause' }),
    `${at('feeds.f.overflow')}: expected evict or skip, because this source cannot wait, got "pause"`,
  ],
  [
    'readers that may pause a source that cannot wait',
    feed({ source: 'host', allow: ['pause'] }),
    /^feeds\.f\.(allow|overflow) \(.*\): expected .*because this source cannot wait/,
  ],
  [
    'a rate for a source that cannot wait',
    feed({ source: 'ticker', rate: 5 }),
    `${at('feeds.f.rate')}: expected 0, because this source cannot wait, got 5`,
  ],
  [
    'more readers to wait for than there may be',
    json({ hub: { maxClients: 2 }, feeds: { f: { source: 'stdin', minClients: 3 } } }),
    `${at('feeds.f.minClients')}: expected at most maxClients (2), got 3`,
  ],
  [
    'less in flight than windows',
    json({ hub: { maxInFlightBytes: '1MiB' } }),
    `${at('hub.maxInFlightBytes')}: expected 0, or at least maxClients × minWindowBytes (10000 × 4096 = 40960000), got 1048576`,
  ],
  [
    'windows the wrong way round',
    json({ hub: { minWindowBytes: '2KiB', maxWindowBytes: '1KiB' } }),
    `${at('hub.maxWindowBytes')}: expected at least minWindowBytes (2048), got 1024`,
  ],
  [
    'chunks of text',
    feed({ chunkBytes: 64 }),
    `${at('feeds.f.chunkBytes')}: expected format binary beside it, got "text"`,
  ],
  [
    'an option of another source',
    feed({ symbols: 5 }),
    `${at('feeds.f.symbols')}: expected source ticker beside it, got "stdin"`,
  ],
  [
    'a delay that ends before it begins',
    feed({ source: 'exec:date', restart: { minMs: '2s', maxMs: '1s' } }),
    `${at('feeds.f.restart.maxMs')}: expected at least 2000, got 1000`,
  ],
  [
    'more symbols than there are',
    feed({ source: 'ticker', symbols: 501 }),
    `${at('feeds.f.symbols')}: expected at most 500, got 501`,
  ],
  [
    'a recording at a rate and at a speed',
    { files: { r: '' }, flags: ['--replay', 'r', '--rate', '5', '--speed', '2'] },
    'feeds.r.rate (--rate): expected either a rate or a speed, got 5',
  ],

  // JavaScript.
  [
    'a module that is not there',
    js('import "./no.mjs"'),
    new RegExp(`^${M}: expected a module that loads, got ".*Cannot find module`),
  ],
  ['no default export', js('export const config = {}'), `${M}: expected a default export, got ["config"]`],
  ['a function for a default export', js('export default () => ({})'), `${M}: expected an object, got a function`],
  [
    'a pipeline that is no function',
    js('export default { feeds: { f: { source: "host", pipeline: "map" } } }'),
    `feeds.f.pipeline (${M}): expected an RxJS operator (a function from one Observable to another), or a list of such (in a .js or .mjs file), got "map"`,
  ],
  [
    'a stage that is none',
    js('export default { feeds: { f: { source: "host", through: [5] } } }'),
    `feeds.f.through (${M}): expected a function from one AsyncIterable to another, a Duplex, or a list of such (in a .js or .mjs file), got [5]`,
  ],
  [
    'a source of its own that is none',
    js('export default { feeds: { f: { source: { a: 1 } } } }'),
    `feeds.f.source (${M}): expected ${SOURCES}; or, in a .js or .mjs file, a source or a function that makes one, got {"a":1}`,
  ],
  [
    'an Observable that is to wait',
    js(
      'const source = { canWait: false, async *[Symbol.asyncIterator]() {} }\nexport default { feeds: { f: { source, overflow: "pause" } } }',
    ),
    `feeds.f.overflow (${M}): expected evict or skip, because this source cannot wait, got "pause"`,
  ],

  [
    'a stage for a source that cannot wait for it',
    js(`import { of } from 'rxjs'\nexport default { feeds: { f: { source: of('x'), through: source => source } } }`),
    /^feeds\.f\.through \(spillway\.config\.mjs\): expected none on an Observable, /,
  ],
  [
    'a stage for one run, of a source that may run again',
    js(
      `import { PassThrough } from 'node:stream'\nexport default { feeds: { f: { source: 'exec:date', through: [new PassThrough()] } } }`,
    ),
    /^feeds\.f\.through\[0\] \(spillway\.config\.mjs\): expected a function that makes the Duplex, /,
  ],
  [
    'a restart of what cannot be asked again',
    js(
      'const source = { async *[Symbol.asyncIterator]() {} }\nexport default { feeds: { f: { source, restart: "always" } } }',
    ),
    /^feeds\.f\.source \(default, beside spillway\.config\.mjs\): expected a function beside restart/,
  ],
  [
    'delays of a restart that never is',
    feed({ source: 'exec:date', restart: { on: 'never', maxMs: '1m' } }),
    `${at('feeds.f.restart.maxMs')}: expected restart failure or always beside it, got "never"`,
  ],
  [
    'a restart of a source that runs once',
    feed({ restart: 'always' }),
    `${at('feeds.f.restart.on')}: expected source exec, follow or own beside it, got "stdin"`,
  ],

  // Flags and variables beside all that.
  [
    'a flag that contradicts the file',
    { ...feed({ source: 'ticker' }), flags: ['--overflow', 'pause'] },
    'feeds.f.overflow (--overflow): expected evict or skip, because this source cannot wait, got "pause"',
  ],
  [
    'a variable that contradicts the file',
    { ...feed({ maxLag: '2MiB' }), environment: { SPILLWAY_CAPACITY: '1MiB' } },
    `${at('feeds.f.maxLag')}: expected at most the capacity (1048576 bytes), got 2097152`,
  ],
  [
    'a flag for sources that nobody has',
    { ...feed({}), flags: ['--speed', '5'] },
    '--speed: expected a feed whose source is replay, got ["stdin"]',
  ],
  [
    'a flag for binary feeds where there is none',
    { ...feed({}), flags: ['--chunk', '5'] },
    '--chunk: expected --binary beside it, got nothing',
  ],
]

test.each(TABLE)('%s', async (_name, wrong, sentence) => {
  const faults = await faultsOf(wrong)
  expect(faults).toEqual([typeof sentence === 'string' ? sentence : expect.stringMatching(sentence)])
})

test('there are many more than thirty kinds, and no two say the same', () => {
  expect(TABLE.length).toBeGreaterThan(60)
  expect(new Set(TABLE.map(([name]) => name)).size).toBe(TABLE.length)
})

test('of several faults all are told, and none that only follows from another', async () => {
  const contents = {
    serve: { port: 'x', drainMs: '5' },
    hub: { maxClient: 5, maxClients: 0, minWindowBytes: '2KiB', maxWindowBytes: '1KiB' },
    feeds: {
      a: { source: 'tickr', overflow: 'pause', highMark: 0.4, softForMs: 5 },
      b: { source: 'ticker', overflow: 'pause', minClients: 2, rate: 5, symbols: 0, perSecond: 0 },
      c: { source: 'stdin', capacity: '16XB', maxLag: '900MiB', maxMessageBytes: '900MiB', lowMark: '90%' },
      d: { source: 'exec:date', restart: { minMs: 0, attempts: -1, on: 'no' }, chunkBytes: 0 },
    },
  }
  const faults = await faultsOf({
    ...json(contents),
    flags: ['--prot', '80', '--speed', 'fast', '--overflow', 'pause'],
  })
  const paths = faults.map(fault => /^[^\s:]+/.exec(fault)![0])
  expect(paths.sort()).toEqual(
    [
      'flag',
      '--speed',
      'serve.port',
      'serve.drainMs',
      'hub.maxClient',
      'hub.maxClients',
      'hub.maxWindowBytes',
      'feeds.a.source',
      'feeds.a.lowMark',
      'feeds.a.softForMs',
      'feeds.b.overflow',
      'feeds.b.minClients',
      'feeds.b.rate',
      'feeds.b.symbols',
      'feeds.b.perSecond',
      'feeds.c.capacity',
      'feeds.c.lowMark',
      'feeds.d.restart.minMs',
      'feeds.d.restart.attempts',
      'feeds.d.restart.on',
      'feeds.d.chunkBytes',
    ].sort(),
  )
})
