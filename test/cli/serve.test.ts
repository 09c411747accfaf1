/** `spillway serve`, from the banner to the exit code. */
import { closeSync, existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { memoryBound } from '../../src/memory.ts'
import { feedSettings, hubSettings } from '../../src/options.ts'
import { SETTINGS } from '../../src/settings.ts'
import { FLAGS } from '../../src/tail.ts'
import { type Running, serveCli } from '../support/cli.ts'
import { startHub } from '../support/hub.ts'
import { RawClient, type RawOptions } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { run, start } from './run.ts'

const MIB = 1024 * 1024

async function connect(port: number, path: string, options?: RawOptions): Promise<RawClient> {
  const client = await RawClient.open(port, path, options)
  onTestFinished(() => client.destroy())
  return client
}

/** A file with this text, gone when the test is over. */
function file(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'file.txt')
  writeFileSync(path, text)
  return path
}

const feedsOf = async ({ port }: Pick<Running, 'port'>) =>
  (await (await fetch(`http://127.0.0.1:${port}/feeds`)).json()) as {
    readonly feeds: readonly { readonly name: string; readonly published: number }[]
    readonly memory: { readonly boundBytes: number }
  }

const namesOf = async (hub: Pick<Running, 'port'>) => (await feedsOf(hub)).feeds.map(({ name }) => name)

/** A hub with nothing on its standard input, as a service has it. */
async function startAlone(args: readonly string[], stdin: 'ignore' | number = 'ignore') {
  const hub = start(['serve', '--port', '0', ...args], { stdio: [stdin, 'pipe', 'pipe'] })
  await until('the banner', () => hub.out().includes('memory') || hub.child.exitCode !== null)
  return { ...hub, port: Number(/:(\d+)\/\n/.exec(hub.out().toString())?.[1]) }
}

describe('the banner', () => {
  test('has the page, the feeds with their policies, and the memory bound', async () => {
    const flags = ['--feed', 'a=stdin', '--feed', 'b=host', '--capacity', '4MiB', '--max-clients', '100']
    const hub = await serveCli(flags)
    const lines = hub.out().split('\n')
    expect(lines[0]).toMatch(/^spillway \d+\.\d+\.\d+$/)
    expect(lines.slice(1, 5)).toEqual([
      `  page    http://localhost:${hub.port}/`,
      expect.stringMatching(/^ {2}admin {3}http:\/\/localhost:\d+\/$/),
      `  feed    ws://localhost:${hub.port}/feeds/a  (text, skip, 4 MiB)`,
      `  feed    ws://localhost:${hub.port}/feeds/b  (text, skip, 4 MiB)`,
    ])
    const feed = feedSettings({ capacity: 4 * MIB })
    const { total } = memoryBound([feed, feed], hubSettings({ maxClients: 100 }))
    expect(lines[5]).toMatch(`  memory  at most ${Math.round(total / MIB)} MiB: process `)
    expect(lines[5]).toContain(', 100 clients 1.56 MiB, ')
    expect(lines[6]).toBe('  kernel  at most 100 MiB in flight')
    expect((await feedsOf(hub)).memory.boundBytes).toBe(total)
    expect(hub.errors()).toBe('')
  })

  test('has the address that was asked for', async () => {
    const { out } = await startAlone(['--host', '0.0.0.0', '--feed', 'a=host'])
    expect(out().toString()).toMatch(/page {4}http:\/\/0\.0\.0\.0:\d+\//)
  })
})

describe('without --feed', () => {
  test('what is piped in becomes the feed stdin, a message a line', async () => {
    const hub = await serveCli([])
    expect(await namesOf(hub)).toEqual(['stdin'])
    const client = await connect(hub.port, '/feeds/stdin')
    hub.child.stdin!.end('one\ntwo\r\n\nthree')
    expect(await client.closed()).toBe(1000)
    expect(client.texts).toEqual(['one', 'two', '', 'three'])
    expect(client.opcodes.has(2)).toBe(false)
  })

  test('so does a file that is redirected in', async () => {
    const descriptor = openSync(file('one\ntwo\n'), 'r')
    onTestFinished(() => closeSync(descriptor))
    const hub = await startAlone(['--min-clients', '1'], descriptor)
    const client = await connect(hub.port, '/feeds/stdin')
    expect(await client.closed()).toBe(1000)
    expect(client.texts).toEqual(['one', 'two'])
  })

  test('and with nothing piped in there are two feeds to look at', async () => {
    const hub = await startAlone([])
    expect(await namesOf(hub)).toEqual(['ticks', 'host'])
    const client = await connect(hub.port, '/feeds/ticks')
    await until('ticks', () => client.messages > 5)
    expect(JSON.parse(client.texts[0]!)).toMatchObject({ symbol: expect.any(String), price: expect.any(Number) })
  })
})

describe('what a feed is made of', () => {
  test('is chunks of a size with --binary', async () => {
    const hub = await serveCli(['--binary', '--chunk', '4', '--min-clients', '1', '--feed', 'f=stdin'])
    const client = await connect(hub.port, '/feeds/f')
    hub.child.stdin!.end(Buffer.from([0, 1, 2, 3, 0xff, 0xfe, 10, 13, 8, 9]))
    expect(await client.closed()).toBe(1000)
    expect(client.payloads.map(payload => [...payload])).toEqual([
      [0, 1, 2, 3],
      [0xff, 0xfe, 10, 13],
      [8, 9],
    ])
    expect(client.opcodes.has(1)).toBe(false)
  })

  test('is told on standard error where a line is too long or no UTF-8, and the rest goes on', async () => {
    const hub = await serveCli(['--max-message', '10', '--min-clients', '1'])
    const client = await connect(hub.port, '/feeds/stdin')
    const stdin = hub.child.stdin!
    stdin.write(`0123456789\n0123456789a\n${'x'.repeat(200_000)}\nafter the long ones\nfine\n`)
    await until('the refusal of the first', () => hub.errors().includes('refused a message'))
    expect(hub.log()).toMatchObject([
      {
        level: 'warn',
        msg: 'feed stdin: refused a message: line: expected a line of at most 10 bytes (maxMessageBytes), got 11',
      },
    ])
    await until('a line that fits', () => client.texts.includes('fine'))
    const refused = async () => {
      const metrics = await (await fetch(`http://127.0.0.1:${hub.port}/metrics`)).text()
      return Number(/^spillway_refused_messages_total\{feed="stdin"\} (\d+)$/m.exec(metrics)?.[1])
    }
    expect(await refused()).toBe(3)
    stdin.write(Buffer.from([0xc3, 0x28, 10]))
    stdin.end('last\n')
    expect(await client.closed()).toBe(1000)
    expect(client.texts).toEqual(['0123456789', 'fine', 'last'])
    expect(await refused()).toBe(4)
  })

  test('says so where the bytes of a line are no UTF-8', async () => {
    const hub = await serveCli([])
    hub.child.stdin!.write(Buffer.from([0xc3, 0x28, 10]))
    await until('the warning', () => hub.errors() !== '')
    expect(hub.log().map(({ msg }) => msg)).toEqual([
      'feed stdin: refused a message: payload: expected valid UTF-8 on text feed stdin, got other bytes',
    ])
  })
})

describe('wrong input ends it with 2, one line on standard error and nothing on standard output:', () => {
  const wrong = async (args: readonly string[], sentence: string | RegExp, env: NodeJS.ProcessEnv = {}) => {
    const { code, out, errors } = await run(['serve', '--port', '0', ...args], { env: { ...process.env, ...env } })
    expect({ code, out, lines: errors.split('\n').length }).toEqual({ code: 2, out: '', lines: 2 })
    if (typeof sentence === 'string') expect(errors).toBe(`spillway: ${sentence}\n`)
    else expect(errors).toMatch(sentence)
  }
  const FORMS =
    'NAME=SOURCE, with NAME 1 to 64 of A–Z a–z 0–9 _ . - beginning with a letter or digit, and SOURCE ticker, host, stdin, file:PATH, follow:PATH, replay:PATH or exec:COMMAND'

  test.concurrent.each<[string[], string | RegExp]>([
    [['--prot', '1'], 'flag: expected one that spillway serve --help lists, such as --port, got "--prot"'],
    [['--feed', 'ticks=tickr'], `--feed: expected ${FORMS}, got "ticks=tickr"`],
    [
      ['--feed', `f=file:${tmpdir()}`],
      /^spillway: feeds\.f\.source \(--feed\): expected a file that can be read \(this is none\), got /,
    ],
    [
      ['--feed', 'f=file:/no/such/file'],
      /^spillway: feeds\.f\.source \(--feed\): expected a file that can be read \(ENOENT.*\), got "\/no\/such\/file"\n$/,
    ],
    [
      ['--feed', 'f=host', '--feed', 'f=ticker'],
      '--feed: expected a name for each feed (--feed NAME=SOURCE gives one), got "f"',
    ],
    [
      ['--feed', 'a=stdin', '--feed', 'b=stdin'],
      'feeds.b.source (--feed): expected another source than that of feeds.a, got "stdin"',
    ],
    [['--overflow', 'drop'], '--overflow: expected pause, evict, skip, got "drop"'],
    [
      ['--overflow', 'pause', '--feed', 'ticks=ticker'],
      'feeds.ticks.overflow (--overflow): expected evict or skip, because this source cannot wait, got "pause"',
    ],
    [['--chunk', '1KiB', '--feed', 'f=stdin'], '--chunk: expected --binary beside it, got nothing'],
    [
      ['--soft-for', '5s', '--feed', 'f=host'],
      'feeds.f.softForMs (--soft-for): expected softLag beside it, got "it alone"',
    ],
    [['--max-clients', '0'], 'hub.maxClients (--max-clients): expected at least 1, got 0'],
    [['--symbols', '5', '--feed', 'f=stdin'], '--symbols: expected a feed whose source is ticker, got ["stdin"]'],
  ])('%j', async (args, sentence) => wrong(args, sentence))

  test('a bad port', async () => {
    const ran = await run(['serve', '--port', '65536'])
    const errors = 'spillway: --port: expected a whole number from 0 to 65535, got "65536"\n'
    expect(ran).toEqual({ code: 2, out: '', errors })
  })

  test('a variable nobody knows', async () => {
    const sentence =
      'environment: expected only variables that spillway serve --help implies, such as SPILLWAY_PORT, got "SPILLWAY_PROT"'
    await wrong([], sentence, { SPILLWAY_PROT: '80' })
  })

  test('a port in use, even while something is piped in', async () => {
    const { port } = await startHub()
    const ran = await run(['serve', '--port', `${port}`], { stdio: ['pipe', 'pipe', 'pipe'] })
    const errors = `spillway: port: expected an address to listen on (it is in use), got "127.0.0.1:${port}"\n`
    expect(ran).toEqual({ code: 2, out: '', errors })
  })
})

test('variables of the environment do what their flags do', async () => {
  const env = { ...process.env, SPILLWAY_PORT: '0', SPILLWAY_FEED: 'a=host,b=ticker', SPILLWAY_OVERFLOW: 'evict' }
  const { out, child } = start(['serve'], { env })
  await until('the banner', () => out().includes('memory') || child.exitCode !== null)
  expect(out().toString()).toMatch(/feeds\/a {2}\(text, evict, .*\n.*feeds\/b {2}\(text, evict, /)
})

describe('a signal', () => {
  test('closes the hub: clients are told to come back one by one, newcomers later, and it exits with 0', async () => {
    const hub = await serveCli(['--drain', '3s'])
    hub.child.stdin!.write('one\n')
    const clients = await Promise.all(Array.from({ length: 4 }, () => connect(hub.port, '/feeds/stdin?from=earliest')))
    await until('the message', () => clients.every(({ messages }) => messages === 1))
    hub.child.kill('SIGTERM')
    await until('it to be told', () => hub.errors().includes('once more stops at once'))
    expect(hub.log()).toMatchObject([
      { event: 'draining', clients: 4, msg: 'SIGTERM: closing 4 clients over 3000 ms; once more stops at once' },
    ])
    const ready = await fetch(`http://127.0.0.1:${hub.port}/readyz`)
    expect(ready.status).toBe(503)
    const newcomer = await connect(hub.port, '/feeds/stdin')
    await newcomer.closed()
    expect([newcomer.status, newcomer.body]).toEqual([503, 'the hub is restarting; retry=5s\n'])
    expect(clients.some(({ gone }) => !gone)).toBe(true)
    for (const client of clients) {
      expect(await client.closed()).toBe(1012)
      expect(client.closeReason).toMatch(/^restarting; retry=[1-5]s$/)
    }
    expect(await hub.exit).toBe(0)
    expect(hub.log().at(-1)).toMatchObject({ event: 'drained', level: 'info', clients: 4, owing: 0, lost: 0 })
  })

  test('may be Ctrl-C', async () => {
    const hub = await serveCli(['--drain', '100ms'])
    const client = await connect(hub.port, '/feeds/stdin')
    hub.child.kill('SIGINT')
    expect(await client.closed()).toBe(1012)
    expect(await hub.exit).toBe(0)
  })

  test('given again stops at once, whoever is stuck', async () => {
    const hub = await serveCli(['--drain', '60s', '--overflow', 'evict'])
    const stuck = await connect(hub.port, '/feeds/stdin', { reading: false })
    hub.child.stdin!.write(`${'x'.repeat(9_999)}\n`.repeat(1_500))
    await until('everything to be published', () => stuck.gone || hub.child.stdin!.writableLength === 0)
    hub.child.kill('SIGTERM')
    await until('it to be told', () => hub.errors().includes('once more stops at once'))
    expect(hub.child.exitCode).toBeNull()
    hub.child.kill('SIGTERM')
    expect(await hub.exit).toBe(0)
    expect(hub.log().map(({ event }) => event)).toEqual(['draining', 'stopping', 'drained'])
  })
})

describe('--exit-when-done', () => {
  test('exits with 0 when the file has been read by those it waited for', async () => {
    const lines = Array.from({ length: 5_000 }, (_, i) => `line ${i}`)
    const path = file(lines.join('\n'))
    const flags = ['--feed', `f=file:${path}`, '--overflow', 'pause', '--min-clients', '2', '--exit-when-done']
    const hub = await serveCli(flags)
    const first = await connect(hub.port, '/feeds/f')
    expect(first.messages).toBe(0)
    const second = await connect(hub.port, '/feeds/f')
    for (const client of [first, second]) {
      expect(await client.closed()).toBe(1000)
      expect(client.texts).toEqual(lines)
    }
    expect(await hub.exit).toBe(0)
    expect(hub.errors()).toContain('feed f: its source has ended after 5000 messages')
  })

  test.runIf(existsSync('/proc/self/mem'))('exits with 1 when a source fails, and says why', async () => {
    // A file that can be opened and not read.
    const hub = await serveCli(['--feed', 'f=file:/proc/self/mem', '--exit-when-done'])
    expect(await hub.exit).toBe(1)
    expect(hub.log()[0]).toMatchObject({
      level: 'error',
      msg: expect.stringMatching(/^feed f: its source failed: EIO/),
    })
  })

  test('waits for a client that is still reading what is left', async () => {
    const hub = await serveCli([
      '--min-clients',
      '1',
      '--exit-when-done',
      '--overflow',
      'evict',
      '--stall-timeout',
      '0',
    ])
    const slow = await connect(hub.port, '/feeds/stdin', { reading: false, keep: false })
    hub.child.stdin!.end(`${'x'.repeat(9_999)}\n`.repeat(1_500))
    await until('the source to have ended', () => hub.errors().includes('its source has ended'))
    expect(hub.child.exitCode).toBeNull()
    slow.go()
    expect(await slow.closed()).toBe(1000)
    expect(slow.messages).toBe(1_500)
    expect(await hub.exit).toBe(0)
  })
})

test('whoever reads what the hub prints may leave, and no client notices', async () => {
  const hub = await serveCli(['--max-message', '10'])
  const client = await connect(hub.port, '/feeds/stdin')
  hub.child.stdout!.destroy()
  hub.child.stderr!.destroy()
  hub.child.stdin!.write('this line is too long, and somebody has to be told\nfine\n')
  await until('the line behind it', () => client.messages === 1)
  hub.child.stdin!.write('and another\nstill fine\n')
  await until('the line behind that', () => client.messages === 2)
  expect(hub.child.exitCode).toBeNull()
})

describe('help', () => {
  test('is on standard output, and has every flag with its default, in lines that fit a terminal', async () => {
    const { code, out, errors } = await run(['serve', '--port', 'x', '--help'])
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    for (const { flag, default: value } of SETTINGS) {
      expect(out).toContain(`\n  --${flag}`)
      if (value !== '') expect(out.replaceAll(/\s+/g, ' ')).toContain(`[${value}]`)
    }
    for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120)
  })

  test('names the commands; that of tail, its flags', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    expect(out).toContain('spillway serve [flags]')
    expect(out).toContain('spillway check [flags]')
    expect(out).toContain('spillway tail URL [flags]')
    const tail = await run(['tail', '--help'])
    expect(tail.code).toBe(0)
    for (const flag of Object.keys(FLAGS)) expect(tail.out).toContain(`  --${flag} `)
  })

  test('is what no command and an unknown one get, on standard error with 2', async () => {
    expect(await run([])).toMatchObject({ code: 2, out: '', errors: expect.stringContaining('spillway serve [flags]') })
    const { code, out, errors } = await run(['sevre'])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(errors).toMatch(/^command: expected serve, check or tail, got "sevre"\n\nspillway: broadcast/)
  })

  test('has the version beside it', async () => {
    expect(await run(['--version'])).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})
