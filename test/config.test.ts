/** Flags and environment: how each kind of value is written, which comes first, and what is said when one is wrong. */
import { describe, expect, test } from 'vitest'
import { type Configuration, readConfiguration } from '../src/config.ts'
import { feedSettings, hubSettings } from '../src/options.ts'
import { environmentName, KINDS, type Kind, SETTINGS, type Setting } from '../src/settings.ts'

/** What comes of flags, written as on a command line, and of nothing in the environment. */
const read = (flags: string, environment: NodeJS.ProcessEnv = {}) =>
  readConfiguration(flags.split(' ').filter(Boolean), environment)

const DEFAULTS: Configuration = {
  serve: { port: 8080, host: '127.0.0.1', drainMs: 5_000, origins: [], exitWhenDone: false, feeds: undefined },
  hub: {},
  feed: {},
  source: {},
  ticker: {},
}

test('nothing said is the defaults', () => {
  expect(read('')).toEqual(DEFAULTS)
  expect(read('', { PATH: '/bin', SPILLWAYS: '1', spillway_port: 'x' })).toEqual(DEFAULTS)
})

describe('each kind of value is read:', () => {
  const part = (flags: readonly string[], pick: (configuration: Configuration) => unknown) =>
    pick(readConfiguration(flags, {}))

  test.each([
    ['0', 0],
    ['8080', 8080],
    ['65535', 65_535],
  ])('the port %s', (text, port) => {
    expect(part(['--port', text], ({ serve }) => serve.port)).toBe(port)
  })

  test.each(['0.0.0.0', '::', '::1', 'localhost', 'my-host.example.org'])('the address %s', text => {
    expect(part(['--host', text], ({ serve }) => serve.host)).toBe(text)
  })

  test.each([
    ['0', 0],
    ['20', 20],
    [' 20 ', 20],
  ])('the count %j', (text, count) => {
    expect(part(['--min-clients', text], ({ feed }) => feed.minClients)).toBe(count)
  })

  test.each([
    ['0', 0],
    ['100', 100],
    ['0.5', 0.5],
  ])('the number %s', (text, number) => {
    expect(part(['--rate', text], ({ source }) => source.rate)).toBe(number)
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
    expect(part(['--max-message', text], ({ feed }) => feed.maxMessageBytes)).toBe(bytes)
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
    expect(part(['--drain', text], ({ serve }) => serve.drainMs)).toBe(ms)
  })

  test.each([
    ['75%', 0.75],
    ['0.75', 0.75],
    ['7.5%', 0.075],
    ['1', 1],
  ])('the share %s', (text, share) => {
    expect(part(['--high-mark', text], ({ feed }) => feed.highMark)).toBeCloseTo(share, 12)
  })

  test.each(['pause', 'evict', 'skip'])('the policy %s', text => {
    expect(part(['--overflow', text], ({ feed }) => feed.overflow)).toBe(text)
  })

  test('a list of policies, with and without spaces', () => {
    expect(part(['--allow', 'skip,evict'], ({ feed }) => feed.allow)).toEqual(['skip', 'evict'])
    expect(part(['--allow', 'pause, skip'], ({ feed }) => feed.allow)).toEqual(['pause', 'skip'])
  })

  test('a switch, by being there; in the environment, as true or false', () => {
    expect(part(['--exit-when-done'], ({ serve }) => serve.exitWhenDone)).toBe(true)
    expect(read('', { SPILLWAY_EXIT_WHEN_DONE: 'true' }).serve.exitWhenDone).toBe(true)
    expect(read('', { SPILLWAY_EXIT_WHEN_DONE: 'false' }).serve.exitWhenDone).toBe(false)
  })

  test('the format, as binary or not', () => {
    expect(read('--binary').feed.format).toBe('binary')
    expect(read('', { SPILLWAY_BINARY: 'false' }).feed.format).toBeUndefined()
  })
})

describe('--feed', () => {
  test('takes a ticker, the host, stdin or a file, and may be given several times', () => {
    const { feeds } = read('--feed a=ticker --feed b=host --feed c=stdin --feed d=file:/tmp/x.log').serve
    expect(feeds).toEqual([
      { name: 'a', source: 'ticker' },
      { name: 'b', source: 'host' },
      { name: 'c', source: 'stdin' },
      { name: 'd', source: { file: '/tmp/x.log' } },
    ])
  })

  test('takes the first = as its own, and leaves the others to the path', () => {
    expect(read('--feed=a=file:/x=y').serve.feeds).toEqual([{ name: 'a', source: { file: '/x=y' } }])
  })

  test('in the environment is a list with commas', () => {
    expect(read('', { SPILLWAY_FEED: 'a=ticker,b=host' }).serve.feeds).toEqual([
      { name: 'a', source: 'ticker' },
      { name: 'b', source: 'host' },
    ])
  })

  const FORM =
    '--feed: expected NAME=SOURCE, with NAME 1 to 64 of A–Z a–z 0–9 _ . - beginning with a letter or digit, and SOURCE ticker, host, stdin or file:PATH, got '

  test.each(['ticks', 'ticks=', '=ticker', 'a=Ticker', 'a=file:', 'a=file', 'a=/tmp/x', '-a=ticker', 'a/b=ticker'])(
    'refuses %s and says which forms there are',
    text => {
      expect(() => readConfiguration([`--feed=${text}`], {})).toThrow(FORM + JSON.stringify(text))
    },
  )
})

describe('where values go', () => {
  test('flags come before the environment, one by one', () => {
    const environment = { SPILLWAY_PORT: '1', SPILLWAY_HOST: '::', SPILLWAY_FEED: 'a=host' }
    const { port, host, feeds } = read('--port 2 --feed b=ticker', environment).serve
    expect({ port, host, feeds }).toEqual({ port: 2, host: '::', feeds: [{ name: 'b', source: 'ticker' }] })
  })

  test('a flag and its value may be written with = or a space', () => {
    expect(read('--port=81')).toEqual(read('--port 81'))
  })

  test('the three units of an amount end up in one option', () => {
    const { feed } = read('--max-lag 1MiB --max-lag-messages 5 --max-lag-age 2s --capacity-age 1h')
    expect(feed).toEqual({ maxLag: { bytes: 2 ** 20, messages: 5, ms: 2_000 }, capacity: { ms: 3_600_000 } })
  })

  test('every flag, and every variable, reaches what it is for', () => {
    const examples: Readonly<Record<Kind, string>> = {
      port: '99',
      address: '::1',
      count: '77',
      number: '7.5',
      bytes: '77777',
      duration: '77ms',
      share: '0.6',
      policy: 'evict',
      policies: 'skip',
      origins: 'https://example.org',
      feeds: 'x=host',
      switch: 'true',
    }
    for (const { flag, kind, into } of SETTINGS) {
      const text = examples[kind]
      const byFlag = readConfiguration(kind === 'switch' ? [`--${flag}`] : [`--${flag}`, text], {})
      expect(byFlag, flag).not.toEqual(DEFAULTS)
      expect(readConfiguration([], { [environmentName(flag)]: text }), flag).toEqual(byFlag)
      expect(byFlag[into[0]], flag).not.toEqual(DEFAULTS[into[0]])
    }
  })

  test('the defaults that --help tells are the ones that hold', () => {
    const [hub, feed] = [hubSettings({}), feedSettings({})]
    for (const { flag, kind, into, default: told } of SETTINGS as readonly Setting[]) {
      if (!/^\d/.test(told) || told.includes(',') || flag === 'chunk' || into[0] === 'ticker') continue
      const read = readConfiguration(kind === 'switch' ? [`--${flag}`] : [`--${flag}`, told], {})
      expect(read.serve, flag).toEqual(DEFAULTS.serve)
      expect(hubSettings(read.hub), flag).toEqual(hub)
      const soft = flag === 'soft-for' ? { softLag: 1_000 } : {} // which means nothing alone
      expect(feedSettings({ ...read.feed, ...soft }), flag).toEqual(flag === 'soft-for' ? feedSettings(soft) : feed)
    }
  })

  test('every kind of value has a flag', () => {
    expect(new Set(SETTINGS.map(({ kind }) => kind))).toEqual(new Set(Object.keys(KINDS)))
  })
})

describe('wrong input is refused with one sentence:', () => {
  const BYTES = 'a number of bytes, such as 65536, 64KiB, 16MiB or 1GB'
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
    ['--no-binary', 'flag: expected one that spillway serve --help lists, got "--no-binary"'],
    ['--prot 80', 'flag: expected one that spillway serve --help lists, got "--prot"'],
    ['--ports 80', 'flag: expected one that spillway serve --help lists, such as --port, got "--ports"'],
    ['--toString', 'flag: expected one that spillway serve --help lists, got "--toString"'],
    ['-p 80', 'flag: expected one that spillway serve --help lists, got "-p"'],
    ['8080', 'argument: expected none, got "8080"'],
    ['-- --port', 'argument: expected none, got "--port"'],
    ['--port 80 --port 81', '--port: expected to be given once, got ["80","81"]'],
    ['--binary --binary', '--binary: expected to be given once, got ["true","true"]'],
  ])('%s', (flags, sentence) => {
    expect(() => read(flags)).toThrow(expect.objectContaining({ code: 'bad_option', message: sentence }))
  })

  test.each<[NodeJS.ProcessEnv, string]>([
    [{ SPILLWAY_PORT: 'x' }, 'SPILLWAY_PORT: expected a whole number from 0 to 65535, got "x"'],
    [{ SPILLWAY_PORT: '' }, 'SPILLWAY_PORT: expected a whole number from 0 to 65535, got ""'],
    [{ SPILLWAY_BINARY: 'yes' }, 'SPILLWAY_BINARY: expected true or false, got "yes"'],
    [
      { SPILLWAY_PROT: '80' },
      'environment: expected only variables that spillway serve --help implies, got "SPILLWAY_PROT"',
    ],
  ])('in the environment: %j', (environment, sentence) => {
    expect(() => read('', environment)).toThrow(expect.objectContaining({ code: 'bad_option', message: sentence }))
  })

  test('a variable that nobody knows is told in any case; what a flag overrides is not looked at', () => {
    expect(read('--port 80', { SPILLWAY_PORT: 'x' }).serve.port).toBe(80)
    expect(() => read('--port 80', { SPILLWAY_PROT: '81' })).toThrow('environment: expected')
  })
})
