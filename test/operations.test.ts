/** docs/operations.md says what to do about everything there is, and about nothing that there is not. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CLOSE_CODES } from '../src/clients/closes.ts'
import { readConfiguration } from '../src/config.ts'
import { SETTINGS } from '../src/settings.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const document = read('docs/operations.md')
const section = (title: string) => {
  const [, text = ''] = document.split(`\n## ${title}\n`)
  return text.split('\n## ')[0]!
}
const all = (text: string, pattern: RegExp) => new Set([...text.matchAll(pattern)].map(([, found]) => found!))

test('every metric has a row that says what to do about it, and no row is about a metric that is gone', () => {
  const page = read('docs/metrics.md')
  // The tables of reasons further down begin with the name of a metric, too.
  const metrics = all(page.slice(0, page.indexOf('## Reasons')), /^\| `((?:spillway|nodejs|process)_\w+)` \|/gm)
  const rows = section('Metrics, and what to do')
    .split('\n')
    .filter(line => line.startsWith('| `'))
  const explained = all(rows.map(row => row.split(' | ')[0]).join('\n'), /`(\w+)`/g)
  expect([...explained].sort()).toEqual([...metrics].sort())
  for (const row of rows) expect(row.split(' | '), row).toHaveLength(3)
})

test('metrics that the text names elsewhere are there', () => {
  const metrics = read('docs/metrics.md')
  for (const name of all(document, /\b((?:spillway|nodejs|process)_[a-z_]+[a-z])\b/g))
    expect(metrics).toContain(`\`${name}\``)
})

test('every alert has its section, where its runbook_url points, and no section is about an alert that is gone', () => {
  const alerts = read('grafana/prometheus/alerts.yml')
  const names = [...all(alerts, /^ +- alert: (\w+)$/gm)]
  expect(names.length).toBeGreaterThan(8)
  expect([...all(section('Alerts'), /^### (\w+)$/gm)].sort()).toEqual(names.sort())
  for (const name of names) expect(alerts).toContain(`docs/operations.md#${name.toLowerCase()}\n`)
  for (const text of section('Alerts').split('\n### ').slice(1)) expect(text).toMatch(/\*(Page|Ticket)/)
})

test('sections that are linked to are there', () => {
  const anchors = new Set(
    [...all(document, /^#{2,3} (.+)$/gm)].map(title =>
      title
        .toLowerCase()
        .replaceAll(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    ),
  )
  for (const anchor of all(document, /\]\(#([^)]+)\)/g)) expect([...anchors]).toContain(anchor)
  for (const anchor of all(document, /\]\(admin\.md#([^)]+)\)/g))
    expect(read('docs/admin.md').toLowerCase().replaceAll(' ', '-')).toContain(`##-${anchor}`)
})

test('close codes by which churn is told apart are told by the metric, of who is said to have closed', () => {
  const churn = section('Alerts')
    .split('\n### ')
    .find(text => text.startsWith('SpillwayChurn'))!
  const told = [...churn.matchAll(/^ +- (\d{4}(?:, \d{4})*) by `(\w+)`/gm)]
  expect(told.length).toBeGreaterThan(3)
  for (const [, codes, initiator] of told)
    for (const code of codes!.split(', '))
      expect(CLOSE_CODES[initiator as keyof typeof CLOSE_CODES]).toContain(Number(code))
})

test('every event of the log is explained, and only those', () => {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter(file =>
    file.endsWith('.ts'),
  )
  const told = all(sources.map(file => read(`src/${file}`)).join('\n'), /(?:\{ |^ +)event: '([a-z-]+)'/gm)
  for (const type of ['client-joined', 'client-left', 'reader-overrun']) told.add(type) // under their own names
  const rows = section('The log')
    .split('\n')
    .filter(line => line.startsWith('| `') && !line.startsWith('| `event`'))
  expect([...all(rows.map(row => row.split(' | ')[0]).join('\n'), /`([a-z-]+)`/g)].sort()).toEqual([...told].sort())
})

test('every flag that it names is one of spillway serve', () => {
  const foreign = ['--max-old-space-size']
  const flags = new Set(SETTINGS.map(({ flag }) => `--${flag}`))
  for (const flag of all(document, /(?<![\w-])(--[a-z][a-z-]+)/g))
    if (!foreign.includes(flag)) expect([...flags]).toContain(flag)
})

test('the bounds in Sizing are what check says to these flags', async () => {
  const rows = [
    ...section('Sizing').matchAll(
      /^\| (none|`(--[^`]+)`)[^|]*\| ([\d,]+) MiB \| (\d+) \/ (\d+) \/ ([\d,]+) MiB \| (\d+) MiB \|$/gm,
    ),
  ]
  expect(rows).toHaveLength(4)
  for (const [row, , flags = '', ...told] of rows) {
    const feeds = / (\d) feeds/.exec(row)?.[1] === '3' ? ['ticker', 'host', 'ticker'] : ['ticker', 'host']
    const args = [
      ...flags.split(' ').filter(flag => flag !== ''),
      ...feeds.flatMap((of, i) => ['--feed', `f${i}=${of}`]),
    ]
    const { memory } = await readConfiguration(args, { environment: {}, folder: join(root, 'test') })
    const { total, logs, clients, pinned, kernel } = memory
    const mebibytes = [total, logs, clients, pinned, kernel].map(bytes => Math.round(bytes / 2 ** 20))
    expect(
      told.map(text => Number(text.replace(',', ''))),
      row,
    ).toEqual(mebibytes)
  }
})
