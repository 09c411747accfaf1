/** What `spillway serve` writes to standard error, and that nobody who takes it badly holds up the hub. */
import { spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CLI, linesOf, type Running, serveCli } from '../support/cli.ts'
import { RawClient, type RawOptions } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

async function connect(port: number, path: string, options?: RawOptions): Promise<RawClient> {
  const client = await RawClient.open(port, path, options)
  onTestFinished(() => client.destroy())
  return client
}

/** A hub whose standard error is this, and its port. */
async function withErrors(stderr: 'pipe' | number, args: readonly string[]) {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', '0', ...args], { stdio: ['pipe', 'pipe', stderr] })
  const exit = new Promise<number | null>(resolve => child.on('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  let out = ''
  child.stdout!.on('data', chunk => {
    out += chunk
  })
  child.stdin!.on('error', () => {})
  await until('the banner', () => out.includes('memory') || child.exitCode !== null)
  return { child, exit, port: Number(/:(\d+)\//.exec(out)?.[1]) }
}

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, 'log')
}

/** Evicts one client that reads nothing, and returns the hub. */
async function evicting(...flags: readonly string[]): Promise<Running> {
  const hub = await serveCli(['--overflow', 'evict', '--capacity', '256KiB', '--stall-timeout', '0', ...flags])
  const stuck = await connect(hub.port, '/feeds/stdin?name=desk%207', { headers: { 'User-Agent': 'tester/1' } })
  stuck.stop()
  for (let i = 0; i < 200; i++) hub.child.stdin!.write(`${'x'.repeat(9_999)}\n`)
  await until('the eviction', () => hub.errors().includes('was evicted'))
  return hub
}

describe('an eviction', () => {
  test('is a line of JSON with every figure needed to judge it', async () => {
    const hub = await evicting()
    const line = hub.log().find(({ event }) => event === 'client-evicted')!
    expect(line).toMatchObject({
      level: 'warn',
      msg: expect.stringMatching(
        /^client 1 was evicted from feed stdin \((?:lag|overrun)\): \d+ messages, \d+ bytes behind$/,
      ),
      client: 1,
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      name: 'desk 7',
      agent: 'tester/1',
      feed: 'stdin',
      overflow: 'evict',
      cause: expect.stringMatching(/^(lag|overrun)$/),
      limit: expect.stringMatching(/^(maxLag|capacity)\.bytes$/),
      limitValue: 256 * 1024,
      state: 'full',
    })
    expect(Date.parse(line.time)).toBeGreaterThan(Date.now() - 60_000)
    const figures = 'measured lagMessages lagBytes queuedMessages queuedBytes inFlightBytes windowBytes bufferedBytes'
    for (const name of [...figures.split(' '), 'lagSeconds', 'queuedSeconds', 'oldestPingSeconds', 'connectedSeconds'])
      expect(line[name], name).toBeGreaterThanOrEqual(0)
    expect(line['measured']).toBeGreaterThan(256 * 1024)
    expect(line['lagBytes']).toBe((line['queuedBytes'] as number) + (line['inFlightBytes'] as number))
    const account = line['account'] as Readonly<Record<string, number>>
    expect(account['published']).toBe(account['taken']! + account['inFlight']! + account['queued']!)
  })

  test('is text for people where that is asked for', async () => {
    const hub = await evicting('--log-format', 'text')
    expect(hub.errors()).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]+Z warn {2}client 1 was evicted from feed stdin \((?:lag|overrun)\): /,
    )
    expect(hub.errors()).toMatch(/ {2}client=1 address=127\.0\.0\.1:\d+ name="desk 7" agent=tester\/1 feed=stdin /)
    expect(hub.errors()).toMatch(/ account\.published=\d+ account\.taken=\d+ /)
    expect(hub.errors().split('\n')).toHaveLength(2)
  })
})

describe('--log-level', () => {
  test('debug tells who joins and who leaves', async () => {
    const hub = await serveCli(['--log-level', 'debug'])
    const client = await connect(hub.port, '/feeds/stdin')
    client.destroy()
    await until('it to be told', () => hub.errors().includes('client-left'))
    expect(hub.log()).toMatchObject([
      { level: 'debug', event: 'client-joined', client: 1, feed: 'stdin', position: expect.stringMatching(/:0$/) },
      { level: 'debug', event: 'client-left', client: 1, code: 1006, outcome: 'terminated' },
    ])
  })

  test('error keeps quiet about what is less', async () => {
    const hub = await serveCli(['--log-level', 'error', '--max-message', '10', '--drain', '100ms'])
    const client = await connect(hub.port, '/feeds/stdin')
    hub.child.stdin!.write('longer than ten\nfine\n')
    await until('the line behind it', () => client.messages === 1)
    hub.child.kill('SIGTERM')
    expect(await hub.exit).toBe(0)
    expect(hub.errors()).toBe('')
  })
})

test('a source that waits for more than a second is told of once, and when it goes on', async () => {
  const hub = await serveCli(['--min-clients', '1'])
  await until('it to be told', () => hub.errors().includes('source-paused'))
  await connect(hub.port, '/feeds/stdin')
  await until('that it goes on', () => hub.errors().includes('source-resumed'))
  expect(hub.log()).toMatchObject([
    { event: 'source-paused', feed: 'stdin', cause: 'min-clients', level: 'info' },
    { event: 'source-resumed', feed: 'stdin', pausedSeconds: expect.any(Number) },
  ])
})

describe('standard error', () => {
  const LINES = 50_000
  /** 50,000 lines to the log: several megabytes. */
  const CHATTER = ['--feed', `chatter=exec:seq -f 'line %.0f of the log' 1 ${LINES} >&2`, '--restart', 'never']

  /** Resolves when the source of a feed of that hub has ended. */
  function overOn(port: number): Promise<void> {
    const over = async () => {
      const response = await fetch(`http://127.0.0.1:${port}/feeds`)
      const { feeds } = (await response.json()) as { feeds: { source: string }[] }
      return feeds.some(({ source }) => source === 'ended')
    }
    return until('the source to end', over, 30_000)
  }

  test('that nobody reads holds up neither clients nor the end; what does not fit is dropped and counted', async () => {
    const { child, exit, port } = await withErrors('pipe', [...CHATTER, '--feed', 'in=stdin', '--drain', '100ms'])
    child.stderr!.pause()
    const client = await connect(port, '/feeds/in')
    await until('the chatter to be over', () => client.messages > 0 || child.stdin!.write('tick\n'))
    await overOn(port)
    const { messages } = client
    child.stdin!.write('still here\n')
    await until('a message', () => client.messages > messages)
    let text = ''
    child.stderr!.on('data', chunk => {
      text += chunk
    })
    child.stderr!.resume()
    await until('what was dropped to be told', () => text.includes('log-dropped'))
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    const lines = linesOf(text)
    const told = lines.filter(({ msg }) => msg.includes('of the log') && msg.includes('stderr:')).length
    const dropped = lines.reduce((sum, { count = 0 }) => sum + (count as number), 0)
    expect(dropped).toBeGreaterThan(LINES / 10)
    expect(told + dropped).toBeGreaterThanOrEqual(LINES)
    expect(told + dropped, 'of the other lines some may be dropped too').toBeLessThan(LINES + 5)
  })

  test('that nobody ever reads does not keep the process from ending', async () => {
    const { child, exit } = await withErrors('pipe', [...CHATTER, '--drain', '100ms'])
    child.stderr!.pause()
    const started = performance.now()
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    expect(performance.now() - started).toBeLessThan(10_000)
  })

  test('that is a file has every line when the process ends, or how many it was too slow for', async () => {
    const path = temporary()
    const descriptor = openSync(path, 'w')
    const { child, exit, port } = await withErrors(descriptor, [...CHATTER, '--feed', 'in=stdin', '--drain', '100ms'])
    closeSync(descriptor)
    await connect(port, '/feeds/in')
    await overOn(port)
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
    const lines = linesOf(readFileSync(path, 'utf8'))
    const told = lines.filter(({ msg }) => msg.includes('of the log') && msg.includes('stderr:')).length
    const dropped = lines.reduce(
      (sum, { event, count = 0 }) => sum + (event === 'log-dropped' ? (count as number) : 0),
      0,
    )
    expect(told + dropped).toBeGreaterThanOrEqual(LINES)
    expect(told + dropped, 'of the other lines some may be dropped too').toBeLessThan(LINES + 5)
    expect(lines.slice(-2).map(({ event }) => event)).toEqual(['draining', 'drained'])
  })

  test('that is a full disk costs nobody anything', async () => {
    const descriptor = openSync('/dev/full', 'w')
    const { child, exit, port } = await withErrors(descriptor, ['--max-message', '10', '--drain', '100ms'])
    closeSync(descriptor)
    const client = await connect(port, '/feeds/stdin')
    child.stdin!.write('longer than ten\nfine\n')
    await until('the line behind it', () => client.messages === 1)
    child.kill('SIGTERM')
    expect(await exit).toBe(0)
  })

  test('that is closed costs nobody anything', async () => {
    const { child, exit, port } = await withErrors('pipe', ['--max-message', '10', '--drain', '100ms'])
    child.stderr!.destroy()
    const client = await connect(port, '/feeds/stdin')
    child.stdin!.write('longer than ten\nfine\n')
    await until('the line behind it', () => client.messages === 1)
    child.kill('SIGTERM')
    expect(await client.closed()).toBe(1012)
    expect(await exit).toBe(0)
  })
})
