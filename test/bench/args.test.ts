/** What the benchmark's command line takes, and that it refuses nonsense with a sentence. */
import { expect, test } from 'vitest'
import { parse, Refusal } from '../../scripts/bench/args.ts'
import { BENCHMARK, WORKLOADS } from '../../scripts/bench/workloads/index.ts'

test('nothing is the whole benchmark, at full size; anything else is not', () => {
  const { tasks, size, whole } = parse([])
  expect(tasks.map(({ workload }) => workload)).toEqual(BENCHMARK)
  expect([size, whole]).toEqual(['full', true])
  for (const args of [['--quick'], ['--json', 'x'], ['firehose'], ['--pairs', '1']])
    expect(parse(args).whole).toBe(false)
})

test('options are the settings of the workload', () => {
  const [task] = parse([
    'firehose',
    '--per-turn',
    '8,64',
    '--pairs',
    '2',
    '--seconds',
    '0.5',
    '--kinds',
    'off,loop',
  ]).tasks
  expect(task!.settings).toMatchObject({ perTurn: [8, 64], pairs: 2, seconds: 0.5, clients: 1_000 })
  expect(task!.kinds).toEqual(['off', 'loop'])
})

test('firehose --window compares the hub with and without', () => {
  expect(parse(['firehose', '--window']).tasks[0]!.kinds).toEqual(['spillway', 'off'])
})

test.each([
  ['frehose', /^workload: expected one of firehose, .*got frehose$/],
  ['firehose steady', /^workload: expected one, got firehose steady$/],
  ['firehose --silent 5', /^--silent: expected one of the options of firehose: /],
  ['--clients 5', /^--clients: expected one of the options without a workload: /],
  ['firehose --sidewise', /^--sidewise: expected an option that there is$/],
  ['firehose --clients', /^--clients: expected a value, got nothing$/],
  ['firehose --clients -5', /^--clients: expected (a value|a whole number)/],
  ['firehose --clients 1e3', /^--clients: expected a whole number above 0, got 1e3$/],
  ['firehose --clients 1.5', /^--clients: expected a whole number above 0, got 1.5$/],
  ['firehose --pairs 0', /^--pairs: expected a whole number above 0, got 0$/],
  ['firehose --seconds soon', /^--seconds: expected a number above 0, got soon$/],
  ['firehose --per-turn 1,,8', /^--per-turn: expected a whole number above 0, got nothing$/],
  ['firehose --kinds loop,uws', /^--kinds: expected some of spillway, .*got uws$/],
  ['firehose --clients 5 --clients 6', /^--clients: expected once$/],
  ['firehose --window=no', /^--window: expected no value, got no$/],
  ['--again --quick', /^--again: expected alone/],
  ['--quick --tiny', /^--tiny: expected not beside --quick$/],
  ['slow-swarm --overflow pause', /^--overflow: expected one of skip, evict, got pause$/],
  ['slow-swarm --silent 5000', /^--silent: expected at most 500 unless --kinds is spillway alone, /],
  ['pause --kinds loop', /^--kinds: expected spillway or off, because only they have demand, got loop$/],
  ['growth --clients 150 --feeds 100', /^--feeds: expected numbers that divide those of --clients, got 100 for 150$/],
])('%s is refused', (line, sentence) => {
  const parsing = () => parse(line.split(' '))
  expect(parsing).toThrow(Refusal)
  expect(parsing).toThrow(sentence)
})

test('slow-swarm of the hub alone takes as many as are asked for', () => {
  const [task] = parse(['slow-swarm', '--silent', '5000', '--kinds', 'spillway']).tasks
  expect(task!.settings['silent']).toEqual([5_000])
})

test('every workload has the same settings in every size, and a name of its own', () => {
  for (const { sizes } of WORKLOADS) {
    expect(Object.keys(sizes.quick)).toEqual(Object.keys(sizes.full))
    expect(Object.keys(sizes.tiny)).toEqual(Object.keys(sizes.full))
  }
  expect(new Set(WORKLOADS.map(({ name }) => name)).size).toBe(WORKLOADS.length)
})
