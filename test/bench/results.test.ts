/** What is made of runs: medians, spread, and ratios within pairs. */
import { expect, test } from 'vitest'
import { drive, rounds } from '../../scripts/bench/drive.ts'
import type { Kind } from '../../scripts/bench/peers/index.ts'
import { median, ratiosOf, rowsOf, type Sample, spread } from '../../scripts/bench/results.ts'
import type { Workload } from '../../scripts/bench/workload.ts'

function sample(kind: Kind, pair: number, value: number, rest: Partial<Sample> = {}): Sample {
  const measures = [{ name: 'rate', unit: 'a second', value, better: 'more' }] as const
  return { kind, pair, variant: 'v', measures, connected: 10, clients: 10, loadCpu: 0.1, ...rest }
}

test('a median is the middle one, and the mean of two that share the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
  expect(median([])).toBeNaN()
})

test('spread goes from the least to the most, and leaves out runs without a value', () => {
  expect(spread([5, 1, Number.NaN, 3])).toEqual({ median: 3, least: 1, most: 5 })
  expect(spread([Number.NaN, Number.POSITIVE_INFINITY])).toEqual({ median: null, least: null, most: null })
})

test('ratios are taken within pairs, and not between medians', () => {
  // The machine was slow in the second pair, for both alike.
  const samples = [
    ...[100, 10, 120].map((value, pair) => sample('spillway', pair, value)),
    ...[50, 5, 40].map((value, pair) => sample('loop', pair, value)),
  ]
  const [ratio, ...others] = ratiosOf('w', 'spillway', samples)
  expect(others).toEqual([])
  expect(ratio).toEqual({
    ...{ workload: 'w', variant: 'v', figure: 'rate', to: 'loop', better: 'more' },
    ...{ median: 2, least: 2, most: 3, pairs: 3 },
  })
})

test('a pair of which one run is missing has no ratio, whatever the order', () => {
  const samples = [sample('loop', 1, 5), sample('spillway', 0, 100), sample('spillway', 1, 20), sample('loop', 2, 1)]
  expect(ratiosOf('w', 'spillway', samples)[0]).toMatchObject({ median: 4, pairs: 1 })
})

test('there is no ratio of what is neither better nor worse', () => {
  const measures = [{ name: 'rate', unit: 'a second', value: 1 }] as const
  expect(ratiosOf('w', 'spillway', [sample('spillway', 0, 1, { measures }), sample('loop', 0, 1)])).toEqual([])
})

test('a row tells the run with the fewest connected and the one with the busiest load', () => {
  const samples = [sample('loop', 0, 1, { connected: 9 }), sample('loop', 1, 3, { loadCpu: 0.9 })]
  expect(rowsOf('w', samples)).toEqual([
    {
      ...{ workload: 'w', variant: 'v', kind: 'loop', connected: 9, clients: 10, loadCpu: 0.9 },
      figures: [{ name: 'rate', unit: 'a second', median: 2, least: 1, most: 3, runs: [1, 3] }],
    },
  ])
})

test('who goes first alternates', () => {
  const order = [...rounds(2, ['spillway', 'loop', 'socketio'])].map(({ kind }) => kind)
  expect(order).toEqual(['spillway', 'loop', 'socketio', 'socketio', 'loop', 'spillway'])
})

const scripted: Workload = {
  name: 'w',
  about: '',
  kinds: ['spillway', 'loop'],
  sizes: { full: { pairs: 2 }, quick: { pairs: 1 }, tiny: { pairs: 1 } },
  cases: () => [
    {
      name: 'v',
      async once(kind) {
        if (kind === 'loop') throw new Error('the machine is on fire')
        return sample(kind, 0, Number.NaN, { connected: 9 })
      },
    },
  ],
}
const told = { kinds: scripted.kinds, settings: scripted.sizes.full, progress: () => {} }

test('a run that fails is told and costs no other', async () => {
  const table = await drive(scripted, told)
  expect(table.failures).toEqual(Array(2).fill('w, v, loop: the machine is on fire'))
  expect(table.rows.map(({ kind }) => kind)).toEqual(['spillway'])
})

test('strictly, a run fails where somebody is missing', async () => {
  const table = await drive(scripted, { ...told, strict: true })
  expect(table.failures).toContain('w, v, spillway: 9 of 10 connected at the end')
})
