/** Scenarios: those that come along, what is left out, and the sentence for everything that is wrong. */
import { basename } from 'node:path'
import { describe, expect, test } from 'vitest'
import { allScenarios, readOrders } from '../../scripts/swarm/arguments.ts'
import { expected } from '../../scripts/swarm/compare.ts'
import { scenarioFile, scenarioOf } from '../../scripts/swarm/scenario.ts'

const HEALTHY = { behaviour: 'healthy', count: 10 }
const of = (more: object) => scenarioOf({ about: 'a test', clients: [HEALTHY], ...more }, 's')

test('every scenario that comes along is one, has assertions, and says what the loop cannot keep in terms of them', () => {
  const files = allScenarios()
  expect(files.length).toBeGreaterThanOrEqual(10)
  for (const file of files) {
    const { name, about, assertions, loopFails, durationMs, rampMs, warmupMs } = scenarioFile(file)
    expect(name).toBe(basename(file, '.json'))
    expect(about, name).toMatch(/^[A-Z].*\.$/)
    expect(assertions.length, name).toBeGreaterThan(loopFails?.length ?? 0)
    expect(rampMs + warmupMs + durationMs, name).toBeLessThanOrEqual(30_000)
  }
})

test('what is left out becomes the default, and shares become clients', () => {
  const { populations, rampMs, warmupMs, durationMs, seed, timed, server } = scenarioOf(
    {
      about: 'a test',
      total: 200,
      clients: [
        { behaviour: 'healthy', share: '75%' },
        { behaviour: 'stalls', name: 'sleepy', share: '12.5%', for: '1m' },
      ],
    },
    's',
  )
  expect(populations).toEqual([
    { name: 'healthy', behaviour: 'healthy', count: 150, params: {} },
    { name: 'sleepy', behaviour: 'stalls', count: 25, params: { after: 2_000, for: 60_000 } },
  ])
  expect([rampMs, warmupMs, durationMs, seed, timed]).toEqual([1_000, 0, 10_000, 1, true])
  expect(server).toEqual({ rate: 100, bytes: 1_024, burst: 1, feed: {}, hub: {} })
})

describe('what is no scenario is refused with a sentence: path, rule, value', () => {
  const BEHAVIOURS = 'healthy, never-reads, trickle, stalls, never-pongs, half-open, flapping, resume, liar, junk'
  test.each<[object, string]>([
    [{ about: '' }, 's.about: expected a sentence, got ""'],
    [{ about: 7 }, 's.about: expected a text, got 7'],
    [{ clients: [] }, 's.clients: expected a list that is not empty, got'],
    [{ clients: 'many' }, 's.clients: expected a list, got "many"'],
    [
      { speed: 1 },
      's: expected no key but about, clients, total, ramp, warmup, duration, seed, time, server, assert, loopFails, got "speed"',
    ],
    [{ ramp: '1 hour' }, 's.ramp: expected a time such as 50ms, 2s or 1m, got "1 hour"'],
    [{ ramp: '-1s' }, 's.ramp: expected a time such as 50ms, 2s or 1m, got "-1s"'],
    [{ duration: 10 }, 's.duration: expected a text, got 10'],
    [{ seed: 1.5 }, 's.seed: expected a whole number, got 1.5'],
    [{ time: 'maybe' }, 's.time: expected one of auto, none, got "maybe"'],
    [{ clients: [{ behaviour: 'rude', count: 1 }] }, `s.clients.0.behaviour: expected one of ${BEHAVIOURS}, got`],
    [
      { clients: [{ ...HEALTHY, rate: '1KB' }] },
      's.clients.0: expected no key but behaviour, name, count, share, got "rate"',
    ],
    [
      { clients: [{ behaviour: 'trickle', count: 1, speed: 1 }] },
      's.clients.0: expected no key but behaviour, name, count, share, rate, got "speed"',
    ],
    [
      { clients: [{ behaviour: 'trickle', count: 1, rate: '16 bananas' }] },
      's.clients.0.rate: expected a size such as 65536, 16KiB or 2MiB, got "16 bananas"',
    ],
    [
      { clients: [{ behaviour: 'junk', count: 1, kind: 'noise' }] },
      's.clients.0.kind: expected one of mixed, oversize, bad-opcode, unmasked, endless-fragments, ping-flood, half-handshake, got "noise"',
    ],
    [{ clients: [{ ...HEALTHY, count: 0 }] }, 's.clients.0.count: expected at least 1, got 0'],
    [{ clients: [{ ...HEALTHY, count: 1.5 }] }, 's.clients.0.count: expected a whole number, got 1.5'],
    [{ clients: [{ behaviour: 'healthy' }] }, 's.clients.0: expected either count or share, got "neither"'],
    [{ clients: [{ ...HEALTHY, share: '1%' }] }, 's.clients.0: expected either count or share, got "both"'],
    [
      { clients: [{ behaviour: 'healthy', share: '50%' }] },
      's.total: expected a number of clients that shares are of, got nothing',
    ],
    [
      {
        total: 10,
        clients: [
          { behaviour: 'healthy', share: '60%' },
          { behaviour: 'liar', share: '60%' },
        ],
      },
      's.clients: expected shares that come to 100 % at most, got "120 %"',
    ],
    [
      { total: 10, clients: [{ behaviour: 'healthy', share: '1%' }] },
      's.clients.0.share: expected at least one client, got 0',
    ],
    [
      { clients: [HEALTHY, HEALTHY] },
      's.clients.1.name: expected a name of its own for each population, got "healthy"',
    ],
    [
      { clients: [{ ...HEALTHY, name: 'hub' }] },
      's.clients.0.name: expected none of hub, handshake, age, loop, evictions, got "hub"',
    ],
    [{ clients: [{ ...HEALTHY, name: 'A b' }] }, 's.clients.0.name: expected something like'],
    [{ server: { rate: 0 } }, 's.server.rate: expected more than 0, got 0'],
    [{ server: { rate: 1e7 } }, 's.server.rate: expected at most 1000000, got 10000000'],
    [{ server: { port: 1 } }, 's.server: expected no key but rate, bytes, burst, feed, hub, got "port"'],
    [{ server: { feed: { overflow: 'pray' } } }, 's.server.feed.overflow: expected pause, evict or skip, got "pray"'],
    [{ server: { hub: { maxClients: 0 } } }, 'hub.maxClients: expected at least 1, got 0'],
    [{ assert: ['healthy.p98 < 1s'] }, 's.assert.0: expected a figure (of healthy: count'],
    [
      { assert: ['healthy.p99 < 1s'], loopFails: ['healthy.p99 < 2s'] },
      's.loopFails.0: expected one of those in assert, got "healthy.p99 < 2s"',
    ],
  ])('%j', (given, sentence) => {
    expect(() => of(given)).toThrow(sentence)
  })
})

describe('the command line', () => {
  const URL = 'ws://localhost:8080/feeds/ticks'

  test('describes a population: name, behaviour, count or share, first parameter', () => {
    const { scenarios, target, against } = readOrders([
      URL,
      ...[
        '--clients',
        'healthy=50%,slow:trickle=100@8KB,junk=1@unmasked',
        '--total',
        '40',
        '--duration',
        '2s',
        '--seed',
        '7',
      ],
    ])!
    expect(scenarios[0]!.populations).toEqual([
      { name: 'healthy', behaviour: 'healthy', count: 20, params: {} },
      { name: 'slow', behaviour: 'trickle', count: 100, params: { rate: 8_000 } },
      { name: 'junk', behaviour: 'junk', count: 1, params: { kind: 'unmasked' } },
    ])
    expect(target).toEqual({ host: 'localhost', port: 8080, path: '/feeds/ticks' })
    expect([scenarios[0]!.durationMs, scenarios[0]!.seed, against]).toEqual([2_000, 7, []])
  })

  test('finds scenarios by name, and goes before what they say', () => {
    const { scenarios, against } = readOrders(['junk', 'scenarios/liars.json', '--duration', '3s'])!
    expect(scenarios.map(({ name, durationMs }) => [name, durationMs])).toEqual([
      ['junk', 3_000],
      ['liars', 3_000],
    ])
    expect(against).toEqual(['spillway', 'loop'])
    expect(readOrders(['--all'])!.scenarios).toHaveLength(allScenarios().length)
    expect(readOrders(['--help'])).toBeUndefined()
    const [asserting] = readOrders(['junk', URL, '--assert', 'unmasked.closes > 1'])!.scenarios
    expect(asserting!.assertions.at(-1)!.text).toBe('unmasked.closes > 1')
  })

  test.each([
    [[], 'URL: expected ws://HOST:PORT/PATH, or --against spillway or loop or guarded, got nothing'],
    [[URL], '--clients: expected some, or a scenario, got nothing'],
    [['wss://x/'], 'URL: expected ws://, in front of whatever ends TLS, got "wss://x/"'],
    [[URL, URL], 'URL: expected one, got'],
    [['nosuch', URL], 'scenario: expected a file, or one of those in scripts/swarm/scenarios, got "nosuch"'],
    [[URL, '--clients', 'healthy'], '--clients: expected [NAME:]BEHAVIOUR=COUNT[@PARAMETER], …, got "healthy"'],
    [[URL, '--clients', 'rude=1'], '--clients: expected one of healthy, never-reads'],
    [[URL, '--clients', 'healthy=1@2'], '--clients: expected no parameter, for healthy has none, got "healthy=1@2"'],
    [[URL, '--clients', 'healthy=1', '--ramp', 'x'], '--ramp: expected a time such as 500ms or 2s, got "x"'],
    [[URL, '--clients', 'healthy=1', '--seed', 'x'], '--seed: expected a whole number, got "x"'],
    [[URL, '--clients', 'healthy=1', '--time', 'x'], 'swarm.time: expected one of auto, none, got "x"'],
    [[URL, '--clients', 'healthy=1', '--assert', 'x'], 'swarm.assert.0: expected FIGURE OPERATOR VALUE'],
    [[URL, 'junk', '--clients', 'healthy=1'], '--clients: expected none beside a scenario, got'],
    [[URL, 'junk', '--total', '7'], '--total: expected none beside a scenario, got "7"'],
    [['junk', '--against', 'loop', '--protocol', 'x'], '--protocol: expected a URL beside it, got "x"'],
    [['junk', '--against', 'loop', '--assert', 'nobody.p99 < 1s'], '--assert: expected a figure (of healthy'],
    [[URL, 'junk', '--against', 'loop'], '--against: expected none beside a URL, got "loop"'],
    [['junk', '--against', 'apache'], '--against: expected spillway, loop, guarded, got "apache"'],
    [[URL, '--frobnicate'], 'flag: expected one of --clients, --total'],
  ])('%j is refused', (args, sentence) => {
    expect(() => readOrders(args)).toThrow(sentence)
  })
})

test('the hub is to keep everything, the loop to fail exactly what the scenario says, and what is unknown of it counts neither way', () => {
  const scenario = of({ assert: ['healthy.p99 < 1s', 'account == 0'], loopFails: ['healthy.p99 < 1s'] })
  const verdict = (text: string, holds: boolean, known = true) => ({ text, holds, known, measured: '' })
  expect(expected(scenario, 'spillway', verdict('healthy.p99 < 1s', false))).toBe(false)
  expect(expected(scenario, 'spillway', verdict('healthy.p99 < 1s', true))).toBe(true)
  expect(expected(scenario, 'loop', verdict('healthy.p99 < 1s', false))).toBe(true)
  expect(expected(scenario, 'loop', verdict('healthy.p99 < 1s', true))).toBe(false)
  expect(expected(scenario, 'loop', verdict('account == 0', false, false))).toBe(true)
  expect(expected(scenario, 'loop', verdict('account == 0', false))).toBe(false)
  expect(expected(of({ assert: ['healthy.p99 < 1s'] }), 'loop', verdict('healthy.p99 < 1s', false))).toBe(true)
  expect(expected(scenario, 'guarded', verdict('account == 0', false))).toBe(true)
})
