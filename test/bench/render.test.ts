/** How results look: units, spread, and that a terminal and a page say the same. */
import { expect, test } from 'vitest'
import { figureGrids, grids, markdown, ratioGrid, terminal, valueText } from '../../scripts/bench/render.ts'
import { ratiosOf, rowsOf, type Sample, type Table } from '../../scripts/bench/results.ts'

const samples: readonly Sample[] = (['spillway', 'loop'] as const).flatMap((kind, i) =>
  [0, 1, 2].map(pair => ({
    ...{ kind, pair, variant: '8 a turn', connected: 1_000 - i, clients: 1_000, loadCpu: 0.3 + 0.6 * i },
    measures: [
      { name: 'deliveries/s', unit: 'a second', value: (i === 0 ? 800_000 : 95_000) + 1_000 * pair, better: 'more' },
      { name: 'bound', unit: 'bytes', value: i === 0 ? 2 ** 20 : Number.NaN },
      { name: 'nobody has it', unit: 'ms', value: Number.NaN },
    ] as const,
  })),
)
const table: Table = {
  ...{ workload: 'firehose', about: 'About.', settings: { pairs: 3 }, first: 'spillway', failures: [] },
  ratios: ratiosOf('firehose', 'spillway', samples),
  rows: rowsOf('firehose', samples),
}

test.each([
  ['a second', 12_345_678, '12.3 M'],
  ['a second', 814_000, '814 k'],
  ['a second', 1_933, '1.9 k'],
  ['a second', 83, '83'],
  ['share', 0.314, '31 %'],
  ['share', 0.0134, '1.3 %'],
  ['µs', 0.142, '0.14 µs'],
  ['ms', 2.84, '2.8 ms'],
  ['ms', 212.4, '212 ms'],
  ['ms', 34_200, '34.2 s'],
  ['bytes', 9_421, '9.2 KiB'],
  ['bytes', 546_308_096, '521 MiB'],
  ['count', 10_000, '10,000'],
  ['count', 19.96, '20.0'],
] as const)('%s: %d is written %s', (unit, value, text) => {
  expect(valueText(value, unit)).toBe(text)
})

test('what there is no value of is a dash', () => {
  expect(valueText(null, 'ms')).toBe('–')
})

test('ratios name whose figure is divided by whose, and which way is better', () => {
  expect(ratioGrid(table)).toEqual({
    head: ['Spillway by', 'better is', 'ws loop'],
    rows: [['8 a turn: deliveries/s', 'more', '8.34 × (8.27–8.42)']],
  })
})

test('figures have their spread, who was connected, and a mark where the load was busy; empty columns are left out', () => {
  expect(figureGrids(table)).toEqual([
    {
      head: ['', '', 'deliveries/s', 'bound', 'connected', 'load CPU'],
      rows: [
        ['8 a turn', 'Spillway', '801 k (800 k–802 k)', '1.0 MiB', '1,000', '30 %'],
        ['8 a turn', 'ws loop', '96 k (95 k–97 k)', '–', '999 of 1,000', '90 % †'],
      ],
    },
  ])
})

test('rows with other figures get a grid of their own', () => {
  const [first, second] = samples
  const mixed = [first!, { ...second!, variant: 'other', measures: [{ name: 'x', unit: 'ms', value: 1 }] as const }]
  expect(figureGrids({ ...table, rows: rowsOf('firehose', mixed) }).map(({ rows }) => rows.length)).toEqual([1, 1])
})

test('a terminal shows the cells that Markdown shows', () => {
  for (const grid of grids(table)) {
    const shown = terminal(grid)
    for (const cell of [...grid.head, ...grid.rows.flat()]) expect(shown).toContain(cell)
    const lines = markdown(grid).split('\n')
    expect(lines.length).toBe(2 + grid.rows.length)
    expect(new Set(lines.map(line => line.split(' | ').length))).toEqual(new Set([grid.head.length]))
  }
})
