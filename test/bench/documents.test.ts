/** The README quotes figures only from docs/benchmarks.md, and both say what docs/benchmarks.json says. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { compare } from '../../scripts/bench/compare.ts'
import { BEGIN, benchmarksPage, documents, END, toldComparison } from '../../scripts/bench/page.ts'
import { json, kept, type Report } from '../../scripts/bench/report.ts'
import type { Ratio, Table } from '../../scripts/bench/results.ts'

const readme = readFileSync(join(import.meta.dirname, '../../README.md'), 'utf8')
const report = kept()

test('docs/benchmarks.md and the figures in the README are what docs/benchmarks.json says (npm run docs)', () => {
  if (report === undefined) {
    // Nothing was measured, so nothing is quoted.
    expect(readme.slice(readme.indexOf(BEGIN) + BEGIN.length, readme.indexOf(END)).trim()).toBe('')
    return
  }
  for (const [file, text] of Object.entries(documents(report))) expect(readFileSync(file, 'utf8')).toBe(text)
})

test('outside of its marks, the README states no ratio, and its section of figures no measured value', () => {
  const rest = readme.slice(0, readme.indexOf(BEGIN)) + readme.slice(readme.indexOf(END))
  // What a command prints stands beside the command.
  const said = rest.replaceAll(/^ {4}.*$/gm, '')
  expect(said).not.toMatch(/\d\s?×/)
  const section = rest.slice(rest.indexOf('## Figures'), rest.indexOf('## Attack it'))
  expect(section.length).toBeGreaterThan(100)
  expect(section).not.toMatch(/\d\s?(k|M|ns|µs|ms|s|KiB|MiB|MB|%)\b/)
})

const table = (median: number, least: number, most: number): Table => {
  const ratio: Ratio = {
    ...{ workload: 'w', variant: 'v', figure: 'rate', to: 'loop', better: 'more', pairs: 3 },
    ...{ median, least, most },
  }
  return { workload: 'w', about: '', settings: {}, first: 'spillway', ratios: [ratio], rows: [], failures: [] }
}
const when = { date: '2026-01-01', commit: 'abc', minutes: 40 }

const small: Report = {
  ...{ command: 'npm run bench', size: 'full', minutes: 40, tables: [table(2, 1.5, 2.5), table(3, 2, 4)] },
  machine: {
    ...{ date: '2026-01-01', commit: 'abc', node: 'v20', packages: { ws: '8' }, kernel: 'linux 6', cpu: 'a CPU' },
    ...{ cores: 2, memoryGiB: 24, pinned: true },
  },
}

test('what is kept as JSON comes back as it was', () => {
  expect(JSON.parse(json(small))).toEqual(small)
})

test('the page has every table, the machine, the method and the limits, and says so if the run was short', () => {
  const page = benchmarksPage(small)
  for (const part of [
    '## w\n',
    'v: rate',
    '2.00 × (1.50–2.50)',
    'commit abc',
    'ws 8',
    '## Method',
    '## What it does not',
  ]) {
    expect(page).toContain(part)
  }
  expect(page).not.toContain('**Of a ')
  expect(benchmarksPage({ ...small, size: 'quick' })).toContain('**Of a quick run')
})

test('a second run agrees where spreads have something in common', () => {
  const same = compare([table(2, 1.5, 2.5)], [table(2.6, 2.4, 3)])
  expect(same).toEqual({ ratios: 1, apart: [] })
  expect(toldComparison({ ...when, ...same })).toContain('of 1 ratios, 1 whose spread meets that of the first.')
  const other = compare([table(2, 1.5, 2.5)], [table(3, 2.6, 3.5)])
  expect(other.apart).toEqual([{ what: 'w, v: rate, by ws loop', first: 2, second: 3 }])
  expect(toldComparison({ ...when, ...other })).toContain('- w, v: rate, by ws loop: 2.00 × then 3.00 ×')
})
