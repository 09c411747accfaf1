/** exec: what a command writes, what is told of it, and that nothing of it stays behind. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ExecOptions, exec } from '../../src/sources/exec.ts'
import { until } from '../support/until.ts'
import { openHub, payloadsOf, promptly } from './helpers.ts'

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(path, { recursive: true, force: true }))
  return path
}

const alive = (pid: number) => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

describe('exec', () => {
  test('gives what a command writes, a message a line, and ends with it', async () => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f', { source: exec('printf "one\\ntwo\\nthree"') })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['one', 'two', 'three'])
    expect(feed.ending?.code).toBe(1000)
    expect(lines).toEqual(['info: feed f: its source has ended after 3 messages'])
  })

  test('gives bytes on a binary feed', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: exec('printf "abcde"'), format: 'binary', chunkBytes: 2 })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['ab', 'cd', 'e'])
  })

  test('runs it where it is told, with the environment it is given', async () => {
    const { hub } = openHub()
    const cwd = folder()
    const feed = hub.feed('f', {
      source: exec('pwd -P; echo $GREETING', { cwd, env: { ...process.env, GREETING: 'hi' } }),
    })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual([cwd, 'hi'])
  })

  test('tells what it writes to standard error, line by line', async () => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f', { source: exec('echo careful >&2; printf "no end" >&2; echo fine') })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['fine'])
    expect(lines.slice(0, 2)).toEqual(['warn: feed f: stderr: careful', 'warn: feed f: stderr: no end'])
  })

  test('runs a command that crashes again, with growing delays, and tells its exit', async () => {
    const { hub, lines, events } = openHub()
    const counter = join(folder(), 'count')
    const command = `echo x >> ${counter}; wc -l < ${counter} | tr -d ' '; [ $(wc -l < ${counter}) -ge 4 ] || exit 3`
    const feed = hub.feed('f', { source: exec(command), restart: { minMs: 20, maxMs: 1_000 } })
    await until('the feed to end', () => feed.ending !== undefined)
    // Nothing of what it wrote before it crashed is lost.
    expect(payloadsOf(feed)).toEqual(['1', '2', '3', '4'])
    expect(feed.ending?.code).toBe(1000)
    expect(feed.source).toEqual({ state: 'ended', error: 'the command exited with code 3', restarts: 3, filtered: 0 })
    await until('the end to be told', () => events.length === 4)
    const waits = events.flatMap(event => (event.type === 'source-restarting' ? [event.delayMs] : []))
    for (const [i, least] of [20, 40, 80].entries()) {
      expect(waits[i]).toBeGreaterThanOrEqual(least)
      expect(waits[i]).toBeLessThanOrEqual(2 * least)
    }
    expect(events[0]).toMatchObject({ reason: 'the command exited with code 3' })
    expect(lines[0]).toMatch(/^warn: feed f: its source failed: the command exited with code 3; asked again in \d+ ms$/)
  })

  test.each<[string, string, string]>([
    ['exits with an error', 'exit 7', 'the command exited with code 7'],
    ['is killed', 'kill -KILL $$', 'the command was ended by SIGKILL'],
    ['does not exist', 'no-such-command-here 2>/dev/null', 'the command exited with code 127'],
  ])(
    'that %s fails its feed where it is not run again, without the command in what clients are told',
    async (_, command, reason) => {
      const { hub } = openHub()
      const feed = hub.feed('f', { source: exec(command, { restart: false }) })
      await until('the feed to end', () => feed.ending !== undefined)
      expect(feed.ending).toEqual({ code: 4500, reason: `source failed: ${reason}` })
    },
  )

  test('that cannot be started at all fails, and not the process', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: exec('echo x', { cwd: '/there/is/no/such/place' }), restart: { attempts: 0 } })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toMatch(/^source failed: .*ENOENT/)
  })

  test('is not run before anybody asks', async () => {
    const { hub } = openHub()
    const mark = join(folder(), 'mark')
    hub.feed('f', { source: exec(`touch ${mark}`), minClients: 1 })
    const other = hub.feed('g', { source: exec('true') })
    await until('the other to have run', () => other.ending !== undefined)
    expect(existsSync(mark)).toBe(false)
  })

  test.each<[string, string]>([
    ['everything that it has started', 'sleep 1000 & echo $! > PID; echo up; wait'],
    [
      'what does not listen to SIGTERM',
      'trap "" TERM; sh -c \'trap "" TERM; while :; do sleep 0.05; done\' & echo $! > PID; echo up; wait',
    ],
  ])('ends %s when its feed stops', async (_, command) => {
    const { hub } = openHub()
    const pidFile = join(folder(), 'pid')
    const feed = hub.feed('f', { source: exec(command.replace('PID', pidFile), { killMs: 100 }) })
    await until('it to run', () => feed.log.count === 1)
    const pid = Number(readFileSync(pidFile, 'utf8'))
    expect(alive(pid)).toBe(true)
    await promptly('close()', hub.close({ drainMs: 0 }))
    await until('it to be gone', () => !alive(pid), 3_000)
  })

  test('ends with its signal, as if it had come to its end', async () => {
    const { hub } = openHub()
    const stop = new AbortController()
    const feed = hub.feed('f', { source: exec('echo up; sleep 1000', { signal: stop.signal }) })
    await until('it to run', () => feed.log.count === 1)
    stop.abort()
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
  })

  test.each<[unknown, unknown, string]>([
    ['', {}, 'exec: expected at least 1, got ""'],
    ['x', { killMs: -1 }, 'exec.killMs: expected at least 0, got -1'],
    ['x', { shell: false }, 'exec: expected no option but cwd, env, killMs, restart, signal, got "shell"'],
  ])('refuses what will not do: %j, %j', (command, options, message) => {
    expect(() => exec(command as string, options as ExecOptions)).toThrow(
      expect.objectContaining({ code: 'bad_option', message }),
    )
  })
})
