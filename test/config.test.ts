/** Flags, environment and file: how each kind of value is written, which comes first, and what becomes of a feed that is said twice. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type FromOutside, readGiven } from '../src/config/given.ts'
import { nameOf, parseSource } from '../src/config/spec.ts'
import { KINDS, type Kind, readValue, writeValue } from '../src/config/values.ts'
import { type Checked, readConfiguration } from '../src/config.ts'
import { expected } from '../src/errors.ts'
import { feedSettings, hubSettings } from '../src/options.ts'
import { environmentName, SETTINGS, type Setting } from '../src/settings.ts'

const split = (flags: string) => flags.split(' ').filter(Boolean)

/** What was given with flags, written as on a command line, and variables; and everything that is wrong with it. */
function look(flags: readonly string[], environment: NodeJS.ProcessEnv = {}) {
  const faults: string[] = []
  const given = readGiven(flags, environment, (what, rule, got) => void faults.push(expected(what, rule, got)))
  return { given, faults }
}

/** The same, with nothing wrong. */
function outside(flags: readonly string[], environment: NodeJS.ProcessEnv = {}): FromOutside {
  const { given, faults } = look(flags, environment)
  expect(faults).toEqual([])
  return given
}

/** A folder with these files, gone when the test is over. */
function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, contents] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof contents === 'string' ? contents : JSON.stringify(contents, undefined, 2))
  }
  return folder
}

/** What a hub would run with, given a file, flags and variables. */
const configured = (
  contents: unknown,
  flags = '',
  {
    files = {},
    ...around
  }: { files?: Readonly<Record<string, string>>; environment?: NodeJS.ProcessEnv; piped?: boolean } = {},
): Promise<Checked> =>
  readConfiguration(split(flags), {
    environment: {},
    folder: folderWith({ ...files, ...(contents === undefined ? {} : { 'spillway.config.json': contents }) }),
    ...around,
  })

describe('each kind of value is read:', () => {
  const value = (flag: string, text: string) => outside([flag, text]).settings.get(flag.slice(2))?.value

  test.each([
    ['0', 0],
    ['8080', 8080],
    ['65535', 65_535],
  ])('the port %s', (text, port) => {
    expect(value('--port', text)).toBe(port)
  })

  test.each(['0.0.0.0', '::', '::1', 'localhost', 'my-host.example.org'])('the address %s', text => {
    expect(value('--host', text)).toBe(text)
  })

  test.each([
    ['0', 0],
    ['20', 20],
    [' 20 ', 20],
  ])('the count %j', (text, count) => {
    expect(value('--min-clients', text)).toBe(count)
  })

  test.each([
    ['0', 0],
    ['100', 100],
    ['0.5', 0.5],
  ])('the number %s', (text, number) => {
    expect(value('--rate', text)).toBe(number)
  })

  test.each([
    ['65536', 65_536],
    ['100B', 100],
    ['64k', 64_000],
    ['64KB', 64_000],
    ['64KiB', 65_536],
    ['64kib', 65_536],
    ['1.5MiB', 1_572_864],
    ['2 MB', 2_000_000],
    ['1GB', 1_000_000_000],
    ['1GiB', 2 ** 30],
    ['0.3B', 0],
  ])('the bytes %s', (text, bytes) => {
    expect(value('--max-message', text)).toBe(bytes)
  })

  test.each([
    ['0', 0],
    ['500ms', 500],
    ['30s', 30_000],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['5 M', 300_000],
    ['1h', 3_600_000],
    ['1d', 86_400_000],
  ])('the time %s', (text, ms) => {
    expect(value('--drain', text)).toBe(ms)
  })

  test.each([
    ['75%', 0.75],
    ['0.75', 0.75],
    ['7.5%', 0.075],
    ['1', 1],
  ])('the share %s', (text, share) => {
    expect(value('--high-mark', text)).toBeCloseTo(share, 12)
  })

  test.each(['pause', 'evict', 'skip'])('the policy %s', text => {
    expect(value('--overflow', text)).toBe(text)
  })

  test('a list of policies, with and without spaces', () => {
    expect(value('--allow', 'skip,evict')).toEqual(['skip', 'evict'])
    expect(value('--allow', 'pause, skip')).toEqual(['pause', 'skip'])
  })

  test('a switch, by being there; in the environment, as true or false', () => {
    const done = (flags: string[], environment: NodeJS.ProcessEnv = {}) =>
      outside(flags, environment).settings.get('exit-when-done')?.value
    expect(done(['--exit-when-done'])).toBe(true)
    expect(done([], { SPILLWAY_EXIT_WHEN_DONE: 'true' })).toBe(true)
    expect(done([], { SPILLWAY_EXIT_WHEN_DONE: 'false' })).toBe(false)
  })

  test('the format, which --binary is short for', () => {
    const format = (flags: string, environment: NodeJS.ProcessEnv = {}) =>
      outside(split(flags), environment).settings.get('format')?.value
    expect(format('--format binary')).toBe('binary')
    expect(format('--binary')).toBe('binary')
    expect(format('', { SPILLWAY_BINARY: 'true' })).toBe('binary')
    expect(format('', { SPILLWAY_BINARY: 'false' })).toBeUndefined()
    expect(format('--format text', { SPILLWAY_BINARY: 'true' })).toBe('text')
    expect(look(['--format', 'text', '--binary']).faults).toEqual([
      '--binary: expected to stand without --format, got "true"',
    ])
  })

  test.each(['never', 'failure', 'always'])('the restart %s', text => {
    expect(value('--restart', text)).toBe(text)
  })

  test('a size of less than 1024 only with its unit, because who writes 16 means more', () => {
    expect(value('--capacity', '1024')).toBe(1024)
    expect(value('--capacity', '512B')).toBe(512)
    expect(value('--max-in-flight', '0')).toBe(0)
    expect(look(['--capacity', '16']).faults).toEqual([
      '--capacity: expected a size, such as 64KiB, 16MiB, 1GB or 65536, and with its unit below 1024, got "16"',
    ])
  })
})

test.each<[Kind, number, string]>([
  ['size', 2 ** 26, '64MiB'],
  ['size', 1_000, '1000B'],
  ['bytes', 0, '0'],
  ['duration', 90_000, '90s'],
  ['duration', 600_000, '10m'],
  ['duration', 1_500, '1500ms'],
  ['duration', 0.5, '0.5ms'],
  ['share', 0.07, '7%'],
  ['count', 5, '5'],
])('a value of kind %s is told as a person would write it: %d is %s', (kind, value, text) => {
  expect(writeValue(kind, value)).toBe(text)
  expect(readValue(kind, text)).toBeCloseTo(value, 12)
})

describe('--feed', () => {
  const feeds = (flags: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
    outside(flags, environment).feeds.map(({ name, source }) => ({ name, ...source }))

  test('takes any source there is, and may be given several times', () => {
    const texts = ['a=ticker', 'b=host', 'c=stdin', 'd=file:/x.log', 'e=follow:x y', 'f=replay:x', 'g=exec:vmstat -n 1']
    expect(feeds(texts.map(text => `--feed=${text}`))).toEqual([
      { name: 'a', kind: 'ticker' },
      { name: 'b', kind: 'host' },
      { name: 'c', kind: 'stdin' },
      { name: 'd', kind: 'file', path: '/x.log' },
      { name: 'e', kind: 'follow', path: 'x y' },
      { name: 'f', kind: 'replay', path: 'x' },
      { name: 'g', kind: 'exec', command: 'vmstat -n 1' },
    ])
  })

  test('takes the first = as its own, and leaves the others to the path', () => {
    expect(feeds(['--feed=a=file:/x=y'])).toEqual([{ name: 'a', kind: 'file', path: '/x=y' }])
  })

  test('in the environment is a list with commas; one without a name behind it belongs to the command', () => {
    expect(feeds([], { SPILLWAY_FEED: 'a=exec:cut -d, -f1,2, b=host' })).toEqual([
      { name: 'a', kind: 'exec', command: 'cut -d, -f1,2' },
      { name: 'b', kind: 'host' },
    ])
  })

  test('hides the variable SPILLWAY_FEED; --exec, --follow and --replay have their own', () => {
    const environment = { SPILLWAY_FEED: 'a=host', SPILLWAY_EXEC: 'vmstat 1' }
    expect(feeds(['--feed=b=host'], environment).map(({ name }) => name)).toEqual(['b', 'vmstat'])
  })

  const FORM =
    '--feed: expected NAME=SOURCE, with NAME 1 to 64 of A–Z a–z 0–9 _ . - beginning with a letter or digit, and SOURCE ticker, host, stdin, file:PATH, follow:PATH, replay:PATH or exec:COMMAND, got '

  test.each([
    'ticks',
    'ticks=',
    '=ticker',
    'a=Ticker',
    'a=file:',
    'a=exec: ',
    'a=file',
    'a=/tmp/x',
    '-a=ticker',
    'a/b=ticker',
  ])('refuses %s and says which forms there are', text => {
    expect(look([`--feed=${text}`]).faults).toEqual([FORM + JSON.stringify(text)])
  })

  test('refuses two feeds of one name, however they got it', () => {
    const refused = (from: string, name: string) => [
      `${from}: expected a name for each feed (--feed NAME=SOURCE gives one), got "${name}"`,
    ]
    expect(look(['--feed=f=host', '--feed=f=ticker']).faults).toEqual(refused('--feed', 'f'))
    expect(look(['--follow=a/x.log', '--follow=b/x.log']).faults).toEqual(refused('--follow', 'x'))
    expect(look(['--feed=vmstat=host', '--exec=vmstat 1']).faults).toEqual(refused('--exec', 'vmstat'))
  })
})

describe('a feed that was given no name gets that of', () => {
  test.each<[string, string]>([
    ['exec:vmstat 1', 'vmstat'],
    ['exec:/usr/bin/vmstat -n 1', 'vmstat'],
    ['exec:  LANG=C TZ=UTC vmstat 1', 'vmstat'],
    ['exec:./run.sh --fast', 'run.sh'],
    ['exec:A=1', 'exec'],
    ['exec:"my tool" 1', 'my'],
    ['follow:app.log', 'app'],
    ['follow:/var/log/app.2024.log', 'app.2024'],
    ['follow:.env', 'env'],
    ['follow:/var/log/über täglich.log', 'ber-t-glich'],
    ['follow:---', 'follow'],
    [`follow:${'x'.repeat(80)}.log`, 'x'.repeat(64)],
    ['replay:data.ndjson', 'data'],
    ['replay:../日本.ndjson', 'replay'],
  ])('%s: %s', (text, name) => {
    expect(nameOf(parseSource(text)!)).toBe(name)
  })
})

describe('nothing said is', () => {
  test('the defaults and two feeds to look at', async () => {
    const { serve, hub, feeds, file } = await configured(undefined, '', {
      environment: { PATH: '/bin', SPILLWAYS: '1', spillway_port: 'x' },
    })
    const adminHost = '127.0.0.1'
    expect(serve).toEqual({
      port: 8080,
      host: '127.0.0.1',
      adminHost,
      drainMs: 5_000,
      origins: [],
      exitWhenDone: false,
      logFormat: 'auto',
      logLevel: 'info',
    })
    expect({ hub, file }).toEqual({ hub: {}, file: undefined })
    expect(feeds.map(({ name, source, options }) => [name, source.kind, options])).toEqual([
      ['ticks', 'ticker', {}],
      ['host', 'host', {}],
    ])
  })

  test('a feed of what is piped in, but for feeds that somebody named', async () => {
    const names = ({ feeds }: Checked) => feeds.map(({ name }) => name)
    expect(names(await configured(undefined, '', { piped: true }))).toEqual(['stdin'])
    expect(names(await configured(undefined, '--feed a=host', { piped: true }))).toEqual(['a'])
    expect(names(await configured({ feeds: { b: { source: 'host' } } }, '', { piped: true }))).toEqual(['b'])
    expect(names(await configured({ serve: { port: 1 } }, '', { piped: true }))).toEqual(['stdin'])
  })
})

describe('the file', () => {
  const EVERYTHING = {
    serve: {
      port: 0,
      host: '::',
      drainMs: '1m',
      origins: ['https://example.org', '*'],
      exitWhenDone: true,
      logFormat: 'json',
      logLevel: 'debug',
    },
    hub: { maxClients: '100', maxWindowBytes: '64KiB', targetDelayMs: 250 },
    feeds: {
      'app.log': {
        source: 'follow:app.log',
        fromStart: true,
        format: 'binary',
        chunkBytes: 512,
        overflow: 'evict',
        allow: 'skip, pause',
        capacity: { bytes: '1MiB', messages: 500, ms: '10m' },
        maxLag: '256KiB',
        softLag: 65_536,
        softForMs: '2s',
        highMark: '80%',
        lowMark: 0.25,
        maxMessageBytes: 1_000,
        restart: { on: 'always', minMs: '1s', attempts: 5 },
      },
      rest: { source: 'exec:date', restart: false },
    },
  }

  test('holds everything that flags can say, written as they are or as plain numbers', async () => {
    const { file, serve, hub, feeds } = await configured(EVERYTHING)
    expect(file).toBe('spillway.config.json')
    expect(serve).toEqual({
      adminHost: '127.0.0.1',
      port: 0,
      host: '::',
      drainMs: 60_000,
      origins: ['https://example.org', '*'],
      exitWhenDone: true,
      logFormat: 'json',
      logLevel: 'debug',
    })
    expect(hub).toEqual({ maxClients: 100, maxWindowBytes: 65_536, targetDelayMs: 250 })
    const [log, rest] = feeds
    expect(log).toMatchObject({
      name: 'app.log',
      source: { kind: 'follow', path: 'app.log' },
      sourceOptions: { fromStart: true },
    })
    expect(log!.options).toEqual({
      format: 'binary',
      chunkBytes: 512,
      overflow: 'evict',
      allow: ['skip', 'pause'],
      capacity: { bytes: 2 ** 20, messages: 500, ms: 600_000 },
      maxLag: { bytes: 2 ** 18 },
      softLag: { bytes: 65_536 },
      softForMs: 2_000,
      highMark: 0.8,
      lowMark: 0.25,
      maxMessageBytes: 1_000,
      restart: { on: 'always', minMs: 1_000, attempts: 5 },
    })
    expect(rest!.options).toEqual({ restart: false })
  })

  test('tells of each value which line it is on', async () => {
    const { given, feeds } = await configured(EVERYTHING)
    expect(given.get('port')).toEqual({ value: 0, from: 'spillway.config.json:3' })
    expect(feeds[0]!.given.get('capacity-age')).toEqual({ value: 600_000, from: 'spillway.config.json:30' })
    expect(feeds[0]!.from).toBe('spillway.config.json:21')
  })

  test('is one in the working directory, or the one that --config or SPILLWAY_CONFIG names, or none', async () => {
    const folder = folderWith({ 'spillway.config.json': { serve: { port: 1 } }, 'other.json': { serve: { port: 2 } } })
    const port = async (flags: string, environment: NodeJS.ProcessEnv = {}) =>
      (await readConfiguration(split(flags), { environment, folder })).serve.port
    expect(await port('')).toBe(1)
    expect(await port('--config other.json')).toBe(2)
    expect(await port(`--config ${join(folder, 'other.json')}`)).toBe(2)
    expect(await port('', { SPILLWAY_CONFIG: 'other.json' })).toBe(2)
    expect(await port('--config none')).toBe(8080)
    expect(await port('--no-config')).toBe(8080)
    expect(await port('--no-config', { SPILLWAY_CONFIG: 'other.json' })).toBe(8080)
    expect(await port('', { SPILLWAY_NO_CONFIG: 'true' })).toBe(8080)
  })

  test('has paths relative to its folder', async () => {
    const folder = folderWith({ 'x.ndjson': '' })
    const config = join(folder, 'a.json')
    writeFileSync(
      config,
      JSON.stringify({ feeds: { a: { source: 'replay:x.ndjson' }, b: { source: 'file:x.ndjson' } } }),
    )
    const elsewhere = folderWith({})
    const { feeds } = await readConfiguration(['--config', config], { environment: {}, folder: elsewhere })
    for (const { source } of feeds)
      expect(join(elsewhere, (source as { path: string }).path)).toBe(join(folder, 'x.ndjson'))
  })
})

describe('what comes first', () => {
  const FILE = {
    serve: { port: 3, host: '::1', drainMs: 7 },
    feeds: {
      log: {
        source: 'follow:app.log',
        overflow: 'pause',
        capacity: { bytes: '1MiB', ms: 5_000 },
        fromStart: true,
        restart: 'never',
      },
      ticks: { source: 'ticker', overflow: 'evict', symbols: 5 },
      both: { source: 'stdin', format: 'binary', chunkBytes: 100 },
    },
  }

  test('is a flag, then a variable, then the file, option by option', async () => {
    const environment = { SPILLWAY_PORT: '2', SPILLWAY_HOST: '::2' }
    const { serve, given } = await configured(FILE, '--port 1', { environment })
    expect(serve).toMatchObject({ port: 1, host: '::2', drainMs: 7, exitWhenDone: false })
    expect(['port', 'host', 'drain', 'origins'].map(flag => given.get(flag)?.from)).toEqual([
      '--port',
      'SPILLWAY_HOST',
      'spillway.config.json:5',
      undefined,
    ])
  })

  test('for a feed too: a flag holds for every feed, whatever the file says of it', async () => {
    const overflows = async (flags: string, environment: NodeJS.ProcessEnv = {}) =>
      (await configured(FILE, flags, { environment })).feeds.map(({ options }) => options.overflow)
    expect(await overflows('')).toEqual(['pause', 'evict', undefined])
    expect(await overflows('--overflow skip')).toEqual(['skip', 'skip', 'skip'])
    expect(await overflows('', { SPILLWAY_OVERFLOW: 'evict' })).toEqual(['evict', 'evict', 'evict'])
    expect(await overflows('--overflow skip', { SPILLWAY_OVERFLOW: 'evict' })).toEqual(['skip', 'skip', 'skip'])
  })

  test('the units of an amount are options of their own', async () => {
    const { feeds } = await configured(FILE, '--capacity 2MiB --max-lag-messages 9')
    expect(feeds.map(({ options: { capacity, maxLag } }) => [capacity, maxLag])).toEqual([
      [{ bytes: 2 ** 21, ms: 5_000 }, { messages: 9 }],
      [{ bytes: 2 ** 21 }, { messages: 9 }],
      [{ bytes: 2 ** 21 }, { messages: 9 }],
    ])
  })

  test('a flag for some sources holds for those, one for binary feeds for those, and no other notices', async () => {
    const { feeds } = await configured(FILE, '--symbols 9 --chunk 64')
    expect(feeds.map(({ sourceOptions }) => sourceOptions)).toEqual([{ fromStart: true }, { symbols: 9 }, {}])
    expect(feeds.map(({ options }) => options.chunkBytes)).toEqual([undefined, undefined, 64])
  })

  test('--restart never goes over the delays of the file without a word', async () => {
    const restart = { minMs: '1s', on: 'always' }
    const { feeds } = await configured({ feeds: { f: { source: 'exec:date', restart } } }, '--restart never')
    expect(feeds[0]!.options.restart).toBe(false)
  })

  test('--feed adds a feed, and the others stay', async () => {
    const { feeds } = await configured(FILE, '--feed more=host --exec date')
    expect(feeds.map(({ name }) => name)).toEqual(['log', 'ticks', 'both', 'more', 'date'])
    expect(feeds.map(({ from }) => from).slice(3)).toEqual(['--feed', '--exec'])
  })

  test('--feed replaces the source of a feed: it stays what it is, and what belonged to the old source goes', async () => {
    const { feeds } = await configured(FILE, '--feed log=replay:r.ndjson --speed 2', { files: { 'r.ndjson': '' } })
    expect(feeds).toHaveLength(3)
    expect(feeds[0]).toMatchObject({
      name: 'log',
      source: { kind: 'replay', path: 'r.ndjson' },
      from: '--feed',
      replaced: { kind: 'follow', path: 'app.log' },
      sourceOptions: { speed: 2 },
    })
    expect(feeds[0]!.options).toEqual({ overflow: 'pause', capacity: { bytes: 2 ** 20, ms: 5_000 } })
  })

  test('and keeps what is for the new kind of source too', async () => {
    const { feeds } = await configured(FILE, '--feed log=follow:other.log')
    expect(feeds[0]).toMatchObject({ sourceOptions: { fromStart: true }, options: { restart: false } })
  })
})

test('--rate of a recording is its own, and of other sources the hub holds them to it', async () => {
  const { feeds } = await configured(undefined, '--feed a=replay:r --feed b=stdin --rate 5', { files: { r: '' } })
  expect(feeds.map(({ options, sourceOptions }) => [options.rate, sourceOptions['rate']])).toEqual([
    [undefined, 5],
    [5, undefined],
  ])
})

describe('the table', () => {
  const EXAMPLES: Readonly<Record<Kind, string>> = {
    port: '99',
    portOrOff: '98',
    secret: 'sixteen-or-more-characters',
    address: '::1',
    count: '77',
    number: '7.5',
    bytes: '77777',
    size: '77777777',
    duration: '777ms',
    share: '0.6',
    policy: 'evict',
    policies: 'skip',
    origins: 'https://example.org',
    format: 'binary',
    logFormat: 'json',
    logLevel: 'debug',
    restart: 'always',
    switch: 'true',
    word: 'at',
    path: 'x.ndjson',
    command: 'date',
    feeds: 'x=host',
  }

  test('a flag and its value may be written with = or a space', () => {
    expect(outside(['--port=81'])).toEqual(outside(['--port', '81']))
  })

  test('every flag and every variable is read, and says where it came from', () => {
    for (const { flag, kind, means } of SETTINGS as readonly Setting[]) {
      const text = EXAMPLES[kind]
      const found = ({ settings, feeds }: FromOutside) => [...settings.values(), ...feeds]
      const byFlag = found(outside(kind === 'switch' ? [`--${flag}`] : [`--${flag}`, text]))
      const byVariable = found(outside([], { [environmentName(flag)]: text }))
      expect(byFlag, flag).toHaveLength(1)
      expect(byFlag, flag).toEqual([{ ...byVariable[0], from: `--${flag}` }])
      expect(byVariable[0]!.from).toBe(environmentName(flag))
      if (means !== undefined) expect(outside([`--${flag}`]).settings.get(means[0])?.value).toBe(means[1])
    }
  })

  test('every option of the file reaches what it is for, and is what its flag is', async () => {
    for (const { flag, kind, into, means, sources } of SETTINGS as readonly Setting[]) {
      if (into[0] === 'command' || means !== undefined) continue
      const text = EXAMPLES[kind]
      const source = {
        replay: 'replay:x.ndjson',
        exec: 'exec:date',
        ticker: 'ticker',
        follow: 'follow:x',
        file: 'file:x',
        stdin: 'stdin',
      }[(sources?.[0] ?? 'stdin') as string]!
      const [option, part] = into[1].split('.') as [string, string?]
      const value = kind === 'switch' ? true : text
      const given = { [option]: part === undefined ? value : { [part]: value } }
      // Beside what it needs: a soft limit, a binary feed.
      const needs: Readonly<Record<string, object>> = {
        'soft-for': { softLag: '1KiB' },
        chunk: { format: 'binary' },
        'max-lag': { capacity: '1GB' },
        'min-window': {},
      }
      const beside = needs[flag] ?? {}
      const inHub = into[0] === 'serve' || into[0] === 'hub'
      const file = inHub ? { [into[0]]: given } : { feeds: { f: { source, ...beside, ...given } } }
      const files = { 'x.ndjson': '', x: '' }
      const byFile = await configured(file, inHub ? '--feed f=stdin' : '', { files })
      const other = { feeds: { f: { source, ...beside } } }
      const byFlag = await configured(
        inHub ? undefined : other,
        `--${flag} ${kind === 'switch' ? '' : text}${inHub ? ' --feed f=stdin' : ''}`,
        { files },
      )
      const [a, b] = [byFile, byFlag].map(({ serve, hub, feeds: [feed] }) => ({
        serve,
        hub,
        of: feed!.options,
        its: feed!.sourceOptions,
      }))
      expect(a, flag).toEqual(b)
      const plain = await configured(inHub ? undefined : other, inHub ? '--feed f=stdin' : '', { files })
      const [feed] = plain.feeds
      expect(a, flag).not.toEqual({ serve: plain.serve, hub: plain.hub, of: feed!.options, its: feed!.sourceOptions })
    }
  })

  test('the defaults that --help tells are the ones that hold', async () => {
    const [hub, feed] = [hubSettings({}), feedSettings({})]
    const { serve } = await configured(undefined)
    for (const { flag, kind, into, default: told } of SETTINGS as readonly Setting[]) {
      if (
        !/^\d/.test(told) ||
        told.includes(',') ||
        flag === 'chunk' ||
        flag.startsWith('restart') ||
        into[0] === 'source'
      )
        continue
      const flags = kind === 'switch' ? `--${flag}` : `--${flag} ${told}`
      const soft = flag === 'soft-for' ? { softLag: 1_024 } : {} // which means nothing alone
      const read = await configured(
        undefined,
        `--feed f=stdin ${flags}${flag === 'soft-for' ? ' --soft-lag 1024' : ''}`,
      )
      expect(read.serve, flag).toEqual(serve)
      expect(hubSettings(read.hub), flag).toEqual(hub)
      expect(feedSettings(read.feeds[0]!.options), flag).toEqual(flag === 'soft-for' ? feedSettings(soft) : feed)
    }
  })

  test('every kind of value has a flag', () => {
    expect(new Set(SETTINGS.map(({ kind }) => kind))).toEqual(new Set(Object.keys(KINDS)))
  })
})

describe('wrong input is refused with one sentence:', () => {
  const BYTES = 'a size, such as 64KiB, 16MiB, 1GB or 65536, and with its unit below 1024'
  const TIME = 'a time, such as 500ms, 30s, 5m or 0'
  const SHARE = 'a share, such as 75% or 0.75'

  test.each<[string, string]>([
    ['--port 65536', '--port: expected a whole number from 0 to 65535, got "65536"'],
    ['--port -1', '--port: expected a whole number from 0 to 65535, got "-1"'],
    ['--port 80.5', '--port: expected a whole number from 0 to 65535, got "80.5"'],
    ['--port 0x50', '--port: expected a whole number from 0 to 65535, got "0x50"'],
    ['--port=', '--port: expected a whole number from 0 to 65535, got ""'],
    ['--port', '--port: expected a whole number from 0 to 65535, got nothing'],
    ['--port --host ::1', '--port: expected a whole number from 0 to 65535, got nothing'],
    ['--host http://x/', '--host: expected an address, got "http://x/"'],
    ['--max-clients many', '--max-clients: expected a whole number from 0 up, got "many"'],
    ['--max-clients 1e3', '--max-clients: expected a whole number from 0 up, got "1e3"'],
    ['--min-clients 1.5', '--min-clients: expected a whole number from 0 up, got "1.5"'],
    [`--seed ${'9'.repeat(16)}`, `--seed: expected a whole number from 0 up, got "${'9'.repeat(16)}"`],
    ['--rate -1', '--rate: expected a number from 0 up, got "-1"'],
    ['--rate fast', '--rate: expected a number from 0 up, got "fast"'],
    ['--capacity 16XB', `--capacity: expected ${BYTES}, got "16XB"`],
    ['--capacity -5', `--capacity: expected ${BYTES}, got "-5"`],
    ['--capacity 1e6', `--capacity: expected ${BYTES}, got "1e6"`],
    ['--capacity MiB', `--capacity: expected ${BYTES}, got "MiB"`],
    ['--capacity 5constructor', `--capacity: expected ${BYTES}, got "5constructor"`],
    ['--drain 5', `--drain: expected ${TIME}, got "5"`],
    ['--drain soon', `--drain: expected ${TIME}, got "soon"`],
    ['--drain 1m30s', `--drain: expected ${TIME}, got "1m30s"`],
    ['--high-mark high', `--high-mark: expected ${SHARE}, got "high"`],
    ['--high-mark -5%', `--high-mark: expected ${SHARE}, got "-5%"`],
    ['--high-mark 7,5%', `--high-mark: expected ${SHARE}, got "7,5%"`],
    ['--overflow drop', '--overflow: expected pause, evict, skip, got "drop"'],
    ['--overflow Skip', '--overflow: expected pause, evict, skip, got "Skip"'],
    ['--allow skip,drop', '--allow: expected a list of pause, evict, skip, got "skip,drop"'],
    ['--allow skip,', '--allow: expected a list of pause, evict, skip, got "skip,"'],
    ['--binary=false', '--binary: expected no value, got "false"'],
    ['--no-binary', 'flag: expected one that spillway serve --help lists, such as --binary, got "--no-binary"'],
    ['--prot 80', 'flag: expected one that spillway serve --help lists, such as --port, got "--prot"'],
    ['--ports 80', 'flag: expected one that spillway serve --help lists, such as --port, got "--ports"'],
    ['--toString', 'flag: expected one that spillway serve --help lists, got "--toString"'],
    ['-p 80', 'flag: expected one that spillway serve --help lists, got "-p"'],
    ['8080', 'argument: expected none, got "8080"'],
    ['-- --port', 'argument: expected none, got "--port"'],
    ['--port 80 --port 81', '--port: expected to be given once, got ["80","81"]'],
    ['--binary --binary', '--binary: expected to be given once, got ["true","true"]'],
  ])('%s', (flags, sentence) => {
    expect(look(split(flags)).faults).toEqual([sentence])
  })

  test.each<[NodeJS.ProcessEnv, string]>([
    [{ SPILLWAY_PORT: 'x' }, 'SPILLWAY_PORT: expected a whole number from 0 to 65535, got "x"'],
    [{ SPILLWAY_PORT: '' }, 'SPILLWAY_PORT: expected a whole number from 0 to 65535, got ""'],
    [{ SPILLWAY_BINARY: 'yes' }, 'SPILLWAY_BINARY: expected true or false, got "yes"'],
    [
      { SPILLWAY_PROT: '80' },
      'environment: expected only variables that spillway serve --help implies, such as SPILLWAY_PORT, got "SPILLWAY_PROT"',
    ],
  ])('in the environment: %j', (environment, sentence) => {
    expect(look([], environment).faults).toEqual([sentence])
  })

  test('a variable that nobody knows is told in any case; what a flag overrides is not looked at', () => {
    expect(outside(['--port', '80'], { SPILLWAY_PORT: 'x' }).settings.get('port')?.value).toBe(80)
    expect(look(['--port', '80'], { SPILLWAY_PROT: '81' }).faults).toEqual([
      expect.stringContaining('environment: expected'),
    ])
  })

  test('all of it, and not only the first', () => {
    const { faults } = look(split('--port x --prot 80 --overflow drop --drain --capacity 1MiB'), {
      SPILLWAY_RATE: '-1',
    })
    const told = faults.map(fault => fault.split(':')[0])
    expect(told.sort()).toEqual(['--drain', '--overflow', '--port', 'SPILLWAY_RATE', 'flag'])
  })
})
