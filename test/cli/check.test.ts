/** `spillway check`: what would run and where each value came from, or everything that is wrong; and `serve` with the same file. */
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { readConfiguration } from '../../src/config.ts'
import { filePath, SETTINGS, type Setting } from '../../src/settings.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { run, start } from './run.ts'

/** A folder with these files, gone when the test is over. */
function folderWith(files: Readonly<Record<string, unknown>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-check-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  for (const [name, contents] of Object.entries(files)) {
    writeFileSync(join(folder, name), typeof contents === 'string' ? contents : JSON.stringify(contents, undefined, 2))
  }
  return folder
}

const check = (cwd: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) =>
  run(['check', ...args], { cwd, env: { ...process.env, ...env } })

/** The option, value and origin of a line; several spaces are one. */
const linesOf = (out: string) => out.split('\n').map(line => line.trim().replace(/ {2,}/g, ' | '))

const FILE = {
  serve: { port: 0 },
  feeds: {
    log: { source: 'follow:app.log', overflow: 'evict', capacity: '4MiB', softLag: 65_536, highMark: '80%' },
    ticks: { source: 'ticker', symbols: 5 },
  },
}

describe('with nothing wrong', () => {
  test('every value is told with the flag, variable or line that it came from, and the memory bound', async () => {
    const folder = folderWith({ 'spillway.config.json': FILE, 'app.log': '' })
    const { code, out, errors } = await check(folder, ['--capacity-age', '90s', '--origins', 'https://a.example,*'], {
      SPILLWAY_DRAIN: '1500ms',
    })
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    const lines = linesOf(out)
    expect(lines[0]).toBe('configuration file: spillway.config.json')
    for (const line of [
      'port | 0 | spillway.config.json:3',
      'host | 127.0.0.1 | default',
      'origins | https://a.example, * | --origins',
      'drainMs | 1500ms | SPILLWAY_DRAIN',
      'exitWhenDone | off | default',
      'maxClients | 10000 | default',
      'source | follow:app.log | spillway.config.json:7',
      'overflow | evict | spillway.config.json:8',
      'capacity.bytes | 4MiB | spillway.config.json:9',
      'capacity.ms | 90s | --capacity-age',
      'softLag.bytes | 64KiB | spillway.config.json:10',
      'highMark | 80% | spillway.config.json:11',
      'fromStart | off | default',
      'source | ticker | spillway.config.json:14',
      'symbols | 5 | spillway.config.json:15',
    ])
      expect(lines).toContain(line)
    const { memory } = await readConfiguration([], { environment: {}, folder })
    expect(out).toContain(`\nmemory  at most ${Math.round(memory.total / 2 ** 20)} MiB: process 128 MiB, `)
    expect(out).toMatch(/\nkernel {2}at most 256 MiB in flight\nnothing is wrong\n$/)
  })

  test('what a .js file opened when it was loaded keeps neither check nor serve', async () => {
    const file = "setInterval(() => {}, 1000)\nexport default { feeds: { a: { source: 'host' } } }"
    const folder = folderWith({ 'spillway.config.mjs': file })
    expect((await check(folder)).code).toBe(0)
    const { child, out, errors, exit } = start(['serve', '--port', '0'], { cwd: folder })
    await until('the hub', () => out().includes('kernel'))
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(errors()).toContain('warning: ended, though something that spillway.config.mjs opened is still open')
  })

  test('every option of the table has a line', async () => {
    const sources = ['ticker', 'host', 'stdin', 'file:x', 'follow:x', 'replay:x', 'exec:date']
    const folder = folderWith({ x: '' })
    const { out } = await check(
      folder,
      sources.flatMap((source, i) => ['--feed', `f${i}=${source}`]),
    )
    const told = new Set(linesOf(out).map(line => line.split(' | ')[0]))
    for (const setting of SETTINGS as readonly Setting[]) {
      const path = filePath(setting)
      if (path !== '') expect(told, path).toContain(path.replace(/^(serve|hub|feeds\.NAME)\./, ''))
    }
  })

  test('a file that is to be followed need not be there, and that it is not is told', async () => {
    const { code, out } = await check(folderWith({}), ['--follow', 'no.log'])
    expect(code).toBe(0)
    expect(linesOf(out)).toContain('source | follow:no.log (not there yet) | --follow')
  })

  test('a source that a flag put in the place of another is told with both', async () => {
    const folder = folderWith({ 'spillway.config.json': FILE })
    const { out } = await check(folder, ['--feed', 'log=exec:date'])
    expect(linesOf(out)).toContain('source | exec:date | --feed, instead of follow:app.log')
  })

  test('no source is started, no function of a .js file is called, and no port is opened', async () => {
    const folder = folderWith({
      'spillway.config.mjs': `
        import { writeFileSync } from 'node:fs'
        const called = () => writeFileSync('called', '')
        export default {
          serve: { port: 1 }, // which needs rights that are not asked for
          feeds: {
            own: { source: () => { called(); return [] }, through: [source => { called(); return source }], pipeline: source => { called(); return source } },
            ran: { source: 'exec:touch called' },
          },
        }`,
    })
    const { code, out, errors } = await check(folder)
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(linesOf(out)).toContain('source | its own | spillway.config.mjs')
    expect(linesOf(out)).toContain('through | 1 of its own | spillway.config.mjs')
    expect(existsSync(join(folder, 'called'))).toBe(false)
  })
})

describe('with something wrong', () => {
  test('all of it is told on standard error, a line each, and nothing on standard output; serve tells the same', async () => {
    const folder = folderWith({
      'spillway.config.json':
        '{\n  "serve": { "port": "x" },\n  "feeds": { "a": { "source": "ticker", "overflw": "skip" } }\n}',
    })
    const args = ['--overflow', 'pause', '--prot', '80']
    const { code, out, errors } = await check(folder, args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(errors.split('\n')).toEqual([
      'spillway: flag: expected one that spillway serve --help lists, such as --port, got "--prot"',
      'spillway: serve.port (spillway.config.json:2): expected a whole number from 0 to 65535, got "x"',
      'spillway: feeds.a.overflw (spillway.config.json:3): expected an option that there is (the nearest is overflow), got "skip"',
      'spillway: feeds.a.overflow (--overflow): expected evict or skip, because this source cannot wait, got "pause"',
      '',
    ])
    expect(await run(['serve', ...args], { cwd: folder })).toEqual({ code, out, errors })
  })

  // Not in test/config/wrong.test.ts, where modules are loaded by the test runner in its own way.
  test.each([
    [
      'a.mjs',
      'export default {\n  feeds: {]\n}',
      /^spillway: a\.mjs: expected a module that loads, got "line 2: Unexpected token '\]'"\n$/,
    ],
    [
      'a.js',
      'export default {\n  feeds: {]\n}',
      /^spillway: a\.js: expected a module that loads, got "line 2: Unexpected token '\]'"\n$/,
    ],
    [
      'a.mjs',
      'const a = 1\nthrow new Error("no database")',
      /^spillway: a\.mjs: expected a module that loads, got "line 2: no database"\n$/,
    ],
    ['a.mjs', 'export const config = {}', /^spillway: a\.mjs: expected a default export, got \["config"\]\n$/],
  ])('%s with %j', async (name, text, errors) => {
    expect(await check(folderWith({ [name]: text }), ['--config', name])).toEqual({
      code: 2,
      out: '',
      errors: expect.stringMatching(errors),
    })
  })
})

test.each([
  ['spillway.config.js', 'module.exports = { serve: { port: 7 } }'],
  ['spillway.config.js', 'export default { serve: { port: 7 } }'],
  ['spillway.config.mjs', 'export default Promise.resolve({ serve: { port: 7 } })'],
])('%s may be %j', async (name, text) => {
  const { out } = await check(folderWith({ [name]: text }))
  expect(linesOf(out)).toContain(`port | 7 | ${name}`)
})

describe('serve', () => {
  async function serve(folder: string, args: readonly string[] = [], stdin: 'ignore' | 'pipe' = 'ignore') {
    const hub = start(['serve', '--port', '0', ...args], { cwd: folder, stdio: [stdin, 'pipe', 'pipe'] })
    await until('the banner', () => hub.out().includes('kernel') || hub.child.exitCode !== null)
    expect(hub.errors()).not.toContain('spillway:')
    const port = Number(/:(\d+)\/\n/.exec(hub.out().toString())?.[1])
    const listen = async (path: string) => {
      const client = await RawClient.open(port, path)
      onTestFinished(() => client.destroy())
      return client
    }
    return { ...hub, listen }
  }

  test('runs what the file says, stages of a .js file included, and the banner names the file', async () => {
    const folder = folderWith({
      'spillway.config.mjs': `
        const map = f => source => new source.constructor(observer => source.subscribe({
          next: message => observer.next(f(message)), error: e => observer.error(e), complete: () => observer.complete() }))
        export default { feeds: {
          loud: {
            source: async function* () { yield 'one'; yield 'two' },
            through: async function* (messages) { for await (const message of messages) yield String(message.payload ?? message) + '!' },
            pipeline: [map(({ payload }) => payload.toString().toUpperCase())],
            minClients: 1, overflow: 'pause',
          },
        } }`,
    })
    const hub = await serve(folder)
    expect(hub.out().toString()).toContain('\n  config  spillway.config.mjs\n')
    const client = await hub.listen('/feeds/loud')
    expect(await client.closed()).toBe(1000)
    expect(client.texts).toEqual(['ONE!', 'TWO!'])
  })

  test('says so where the file has no feed for what is piped in, and is silent where it has one', async () => {
    const folder = folderWith({ 'spillway.config.json': { feeds: { ticks: { source: 'ticker' } } } })
    const hub = await serve(folder, [], 'pipe')
    await until('the warning', () => hub.errors().endsWith('\n'))
    expect(JSON.parse(hub.errors())).toMatchObject({
      level: 'warn',
      msg: 'nobody reads what is piped in: no feed of spillway.config.json has the source stdin (--feed NAME=stdin adds one)',
    })
    expect((await serve(folder, ['--feed', 'in=stdin'], 'pipe')).errors()).toBe('')
  })

  test('takes a command, a file that grows and a recording by flags alone, each under its own name', async () => {
    const folder = folderWith({
      'app.log': 'one\n',
      'data.ndjson': '{"time":0,"n":1}\n{"time":60000,"n":2}\n',
    })
    const flags = [
      '--exec',
      'echo hello',
      '--follow',
      'app.log',
      '--from-start',
      '--replay',
      'data.ndjson',
      '--speed',
      '100000',
      '--loop',
    ]
    const hub = await serve(folder, flags)
    expect(
      hub
        .out()
        .toString()
        .match(/feeds\/\S+/g),
    ).toEqual(['feeds/echo', 'feeds/app', 'feeds/data'])
    const log = await hub.listen('/feeds/app?from=earliest')
    await until('what was in the file', () => log.texts.includes('one'))
    writeFileSync(join(folder, 'app.log'), 'one\ntwo\n')
    await until('what came to it', () => log.texts.includes('two'))
    renameSync(join(folder, 'app.log'), join(folder, 'app.log.1'))
    writeFileSync(join(folder, 'app.log'), 'three\n')
    await until('what the new file has', () => log.texts.includes('three'))
    writeFileSync(join(folder, 'app.log'), 'four\n'.repeat(2)) // truncated, and written again
    await until('what came behind the truncation', () => log.texts.includes('four'))
    expect([...new Set(log.texts)]).toEqual(['one', 'two', 'three', 'four'])
    const data = await hub.listen('/feeds/data?from=earliest')
    await until('the recording, over and over', () => data.messages > 4)
    expect(data.texts.slice(0, 3)).toEqual(['{"time":0,"n":1}', '{"time":60000,"n":2}', '{"time":0,"n":1}'])
    await until('the end of the command', () =>
      hub.errors().includes('feed echo: its source has ended after 1 messages'),
    )
  })

  test('a command that crashes is run again, and what it said and how it ended is in the log', async () => {
    const hub = await serve(folderWith({}), ['--exec', 'echo up; echo no disk >&2; exit 3'])
    const client = await hub.listen('/feeds/echo?from=earliest')
    await until('it to be run again', () => client.messages >= 2)
    expect(new Set(client.texts)).toEqual(new Set(['up']))
    const told = hub
      .errors()
      .split('\n')
      .filter(line => line !== '')
      .map(line => JSON.parse(line) as { readonly level: string; readonly msg: string; readonly event?: string })
    const crash = told.find(({ event }) => event === 'source-restarting')
    expect(crash).toMatchObject({
      level: 'warn',
      msg: expect.stringMatching(
        /^feed echo: its source failed: the command exited with code 3; asked again in \d+ ms$/,
      ),
    })
    expect(told.some(({ msg }) => msg.includes('no disk'))).toBe(true)
  })
})
