/** Figures at a glance: quantiles by nearest rank, of whatever there is. */
import { describe, expect, test } from 'vitest'
import { Sample, spread } from '../../src/server/stats.ts'

test('quantiles are values that occur, by nearest rank, in whatever order they come', () => {
  const values = Array.from({ length: 100 }, (_, i) => ((i * 37) % 100) + 1)
  expect(spread(values)).toEqual({ p50: 50, p90: 90, p99: 99, max: 100 })
  expect(spread([10, 9, 2])).toEqual({ p50: 9, p90: 10, p99: 10, max: 10 })
  expect(spread([7])).toEqual({ p50: 7, p90: 7, p99: 7, max: 7 })
})

test('of nothing are zeros', () => {
  expect(spread([])).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 })
})

test('leave what they are given as it is', () => {
  const values = [3, 1, 2]
  spread(values)
  expect(values).toEqual([3, 1, 2])
})

describe('a sample', () => {
  test('tells the same as a list does, and is used again', () => {
    const sample = new Sample()
    for (const values of [Array.from({ length: 200 }, (_, i) => (i * 37) % 200), [5, 1], [0, 0, 0], [], [7]]) {
      sample.clear()
      for (const value of values) sample.add(value)
      expect(sample.spread).toEqual(spread(values))
      expect(sample.min).toBe(values.length === 0 ? 0 : Math.min(...values))
    }
  })
})
