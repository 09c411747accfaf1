/** The whole swarm, as people run it, against a real hub: what it prints and how it ends. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startHub } from '../support/hub.ts'
import { onTestFinished } from '../support/together.ts'

const SWARM = join(import.meta.dirname, '../../scripts/swarm.ts')

interface Ended {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

function swarm(args: readonly string[], interruptAt?: RegExp): Promise<Ended> {
  const child = spawn(process.execPath, ['--import', 'tsx', SWARM, ...args])
  onTestFinished(() => void child.kill('SIGKILL'))
  let [out, errors, interrupted] = ['', '', false]
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    errors += chunk
    if (interrupted || interruptAt?.test(errors) !== true) return
    interrupted = true
    child.kill('SIGINT')
  })
  return new Promise(resolve => child.on('close', code => resolve({ code, out, errors })))
}

/** A path in a folder that is gone when the test is over. */
function temporary(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return join(folder, name)
}

/** A hub whose feed says the time and a number, fifty times a second. */
async function hubThatTicks() {
  const served = await startHub({ stallTimeoutMs: 0 })
  const feed = served.hub.feed('f')
  let number = 0
  const timer = setInterval(() => {
    const micros = Math.round((performance.timeOrigin + performance.now()) * 1_000)
    feed.publish({ payload: `${micros} ${number++}` })
  }, 20)
  onTestFinished(() => clearInterval(timer))
  return { ...served, ws: `${served.url.replace('http', 'ws')}feeds/f` }
}

const QUICK = ['--ramp', '100ms', '--duration', '1500ms']

describe('against a hub', () => {
  test('ends with 0 when every assertion holds, and tells what was measured', async () => {
    const { ws } = await hubThatTicks()
    const asserted = [
      'connected == 100%',
      'healthy.gaps == 0',
      'healthy.p99 < 10s',
      'account == 0',
      'overstated == 0',
      'hub.rss < 10GiB',
    ]
    const clients = ['--clients', 'healthy=20,never-reads=5']
    const { code, out, errors } = await swarm([
      ws,
      ...clients,
      ...QUICK,
      ...asserted.flatMap(text => ['--assert', text]),
    ])
    expect(code, errors + out).toBe(0)
    expect(out).toMatch(/^population +clients +connected/)
    expect(out).toMatch(/^healthy +20 +100 % /m)
    expect(out).toMatch(/^never-reads +5 +100 % +0 /m)
    expect(out).toMatch(/^swarm .*cpu \d/m)
    expect(out).toMatch(/^server .*rss .*bound .*account 0/m)
    for (const text of asserted) expect(out).toContain(`✓ ${text} (`)
    expect(errors).toMatch(/^swarm, duration, \d s: healthy 20\/20 \S+ messages\/s p99 .+ age .+; server .*evicted$/m)
  })

  test('ends with 1 when one does not, with the value that was measured, and writes it all as JSON', async () => {
    const { ws } = await hubThatTicks()
    const file = temporary('swarm.json')
    const asserted = ['--assert', 'healthy.each > 1000', '--assert', 'healthy.gaps == 0', '--json', file]
    const { code, out } = await swarm([ws, '--clients', 'healthy=5', ...QUICK, ...asserted])
    expect(code).toBe(1)
    expect(out).toMatch(/^✗ healthy.each > 1000: \d+(\.\d)?$/m)
    expect(out).toContain('✓ healthy.gaps == 0 (0)')
    const { populations, verdicts, hub } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly populations: readonly { readonly name: string; readonly figures: Record<string, number> }[]
      readonly verdicts: readonly { readonly holds: boolean }[]
      readonly hub: Record<string, number>
    }
    expect(populations.map(({ name, figures }) => [name, figures['connected']])).toEqual([['healthy', 1]])
    expect(verdicts.map(({ holds }) => holds)).toEqual([false, true])
    expect(hub['account']).toBe(0)
  })

  test('ends early on SIGINT, and still tells', async () => {
    const { ws } = await hubThatTicks()
    const { code, out } = await swarm(
      [ws, '--clients', 'healthy=2', '--duration', '10m', '--assert', 'connected == 100%'],
      /duration, \d+ s/,
    )
    expect(code).toBe(0)
    expect(out).toContain('✓ connected == 100% (100 %)')
  })
})

test('bad input ends with 2 and a sentence, before anything is sent', async () => {
  const { code, out, errors } = await swarm([
    'ws://127.0.0.1:1/',
    '--clients',
    'healthy=1',
    '--assert',
    'healthy.p99 < 50',
  ])
  expect([code, out]).toEqual([2, ''])
  expect(errors).toBe('swarm.assert.0: expected a time such as 50ms, 2s or 1m to compare healthy.p99 with, got "50"\n')
})

test('where nobody listens, the table says so', async () => {
  const { code, out } = await swarm([
    'ws://127.0.0.1:1/',
    '--clients',
    'healthy=3',
    '--duration',
    '100ms',
    '--assert',
    'healthy.errors == 0',
  ])
  expect(code).toBe(1)
  expect(out).toContain('ECONNREFUSED × 3')
  expect(out).toContain('✗ healthy.errors == 0: 3')
})

/** A scenario that the hub keeps and the loop does not: it goes on with a message that never ends. */
function scenarioFile(loopFails: readonly string[]): string {
  const clients = [
    { behaviour: 'healthy', count: 5 },
    { behaviour: 'junk', name: 'endless', count: 2, kind: 'endless-fragments' },
  ]
  const assert = ['endless.closed == 100%', 'healthy.connected == 100%', 'account == 0']
  const file = temporary('scenario.json')
  writeFileSync(file, JSON.stringify({ about: 'A test.', clients, ramp: '0s', duration: '1s', assert, loopFails }))
  return file
}

describe('a scenario, against servers that are started for it', () => {
  test('alone is told in full', async () => {
    const { code, out, errors } = await swarm([scenarioFile([]), '--against', 'spillway'])
    expect(code, errors + out).toBe(0)
    expect(out).toContain('✓ endless.closed == 100% (100 %)')
  })

  test('side by side is as expected when the hub keeps all and the loop fails what it should', async () => {
    const file = scenarioFile(['endless.closed == 100%'])
    const { code, out, errors } = await swarm([file, '--against', 'spillway,loop'])
    expect(code, errors + out).toBe(0)
    expect(out).toMatch(/^ {2}assertion +spillway +loop$/m)
    expect(out).toMatch(/^ {2}endless.closed == 100% +✓ 100 % +✗ 0 %$/m)
    expect(out).toMatch(/^ {2}account == 0 +✓ 0 +· unknown$/m)
    expect(out).toContain('everything as expected')
  })

  test('side by side ends with 1 when the loop does not fail where it should', async () => {
    const file = scenarioFile(['healthy.connected == 100%', 'endless.closed == 100%'])
    const { code, out } = await swarm([file, '--against', 'loop,guarded'])
    expect(code).toBe(1)
    expect(out).toMatch(/^ {2}healthy.connected == 100% +✓ 100 % !!! not as expected/m)
  })
})

test('--help is the manual at the top of the file', async () => {
  const { code, out } = await swarm(['--help'])
  expect(code).toBe(0)
  expect(out).toContain('npm run swarm -- ws://localhost:8080/feeds/ticks')
  expect(out).toContain('Exit codes: 0 all assertions hold')
})
