/** What stands in two places says the same: tables and code, figures and commands. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { DOCS, pages } from '../scripts/docs.ts'
import { CODE } from '../src/config/shape.ts'
import { EVICT_CAUSES } from '../src/events.ts'
import * as spillway from '../src/index.ts'
import { OVERFLOWS } from '../src/log/overflow.ts'
import { CLOSE, statusOf } from '../src/protocol.ts'
import { environmentName, filePath, SETTINGS, type Setting } from '../src/settings.ts'
import { run } from './cli/run.ts'

const root = join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')

test('the tables in docs/ are what the code says (npm run docs)', async () => {
  for (const [name, text] of Object.entries(await pages()))
    expect(readFileSync(join(DOCS, name), 'utf8'), name).toBe(text)
})

describe('PROTOCOL.md', () => {
  const protocol = read('PROTOCOL.md')

  test('4.1 lists exactly the close codes that the hub sends', () => {
    const table = protocol.slice(protocol.indexOf('4.1.'), protocol.indexOf('4.2.'))
    const codes = [...table.matchAll(/^\| (\d{4}) \|/gm)].map(([, code]) => Number(code))
    expect(codes).toEqual(Object.values(CLOSE).sort((a, b) => a - b))
  })

  test('4.2 the HTTP status is the code minus 4000, and 503 for 1012', () => {
    expect(statusOf(CLOSE.noSuchFeed)).toBe(404)
    expect(statusOf(CLOSE.positionGone)).toBe(410)
    expect(statusOf(CLOSE.restart)).toBe(503)
  })

  test('2.5 names the policies', () => {
    for (const overflow of OVERFLOWS) expect(protocol).toContain(`\`${overflow}\``)
  })

  test('numbers in brackets in the code exist', () => {
    const numbers = [...read('src/protocol.ts').matchAll(/\[(\d\.\d)\]/g)].map(([, number]) => number)
    expect(numbers.length).toBeGreaterThan(4)
    for (const number of numbers) expect(protocol).toContain(`${number}.`)
  })
})

test('docs/metrics.md explains every reason for an eviction', () => {
  const metrics = read('docs/metrics.md')
  for (const cause of EVICT_CAUSES) expect(metrics).toContain(`| \`${cause}\` |`)
})

test('every link between the documents leads somewhere', () => {
  for (const file of [
    'README.md',
    'ARCHITECTURE.md',
    'CONTRIBUTING.md',
    'PROTOCOL.md',
    'CHANGELOG.md',
    'docs/decisions.md',
    'docs/configuration.md',
    'docs/operations.md',
    'docs/options.md',
    'docs/admin.md',
    'docs/sources.md',
    'docs/library.md',
  ]) {
    for (const [, target] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(() => read(join(dirname(file), target!)), `${file} → ${target}`).not.toThrow()
  }
})

/** Members that the rest of the hub uses, and that a program need not know. */
const INSIDE = {
  Hub: 'admit clients closes settings timing windows'.split(' '),
  Feed: 'accounts demand dryRun dryRunEvictions evict failures flushed flushedInline gaps listed log resumes skip stop tick unflushedSince'.split(
    ' ',
  ),
}

test('docs/library.md names what functions, hub and feeds have, and every event', async () => {
  const page = read('docs/library.md')
  const hub = new spillway.Hub()
  const types: unknown[] = []
  const has = { Serving: spillway, Hub: hub, Feed: hub.feed('f') }
  for (const [title, object] of Object.entries(has)) {
    const [, section = ''] = new RegExp(`## ${title}\\n(.*?)(?=\\n## |$)`, 's').exec(page) ?? []
    const cells = [...section.matchAll(/^\| (`.*?) \|/gm)].flatMap(([, cell]) => [...cell!.matchAll(/`(\w+\$?)/g)])
    for (const [, name] of cells) expect(name! in object, `${title}: ${name}`).toBe(true)
    const told = new Set(cells.map(([, name]) => name!))
    const members = [...Object.keys(object), ...Object.getOwnPropertyNames(Object.getPrototypeOf(object) ?? {})]
    const untold = members.filter(name => !told.has(name) && !name.startsWith('#') && name !== 'constructor')
    if (title !== 'Serving') expect(untold.sort(), title).toEqual(INSIDE[title as 'Hub' | 'Feed'])
  }
  await hub.close({ drainMs: 0 })
  for (const [, type] of read('src/events.ts').matchAll(/readonly type: '([\w-]+)'/g)) {
    expect(page).toContain(`\`${type}\``)
    types.push(type)
  }
  expect(types.length).toBeGreaterThan(8)
})

test('every npm script that the documents name exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const file of ['README.md', 'CONTRIBUTING.md', 'docs/decisions.md']) {
    for (const [, name] of read(file).matchAll(/npm run ([a-z]+)/g)) expect(Object.keys(scripts), file).toContain(name)
  }
})

test('docs/options.md has a row for every option, with flag, variable, place in the file, unit and default', () => {
  const rows = read('docs/options.md')
    .split('\n')
    .filter(line => line.startsWith('| '))
    .map(line => line.split(/(?<!\\) \| |^\| | \|$/).slice(1, -1))
  for (const setting of SETTINGS as readonly Setting[]) {
    const row = rows.find(([flag]) => flag === `\`--${setting.flag}\`` || flag?.startsWith(`\`--${setting.flag} `))
    const path = filePath(setting)
    expect(row?.slice(1, 3), setting.flag).toEqual([
      `\`${environmentName(setting.flag)}\``,
      path === '' ? '' : `\`${path}\``,
    ])
    expect(
      row?.slice(3).every(cell => cell !== ''),
      setting.flag,
    ).toBe(true)
  }
  for (const key of Object.keys(CODE)) expect(rows.map(row => row[2])).toContain(`\`feeds.NAME.${key}\``)
})

/** Code blocks that are marked as a configuration file: ```json spillway.config.json */
const EXAMPLES = ['README.md', ...readdirSync(join(root, 'docs')).map(name => `docs/${name}`)]
  .filter(file => file.endsWith('.md'))
  .flatMap(file =>
    [...read(file).matchAll(/^```\w+ (spillway\.config\.m?js(?:on)?)\n(.*?)^```$/gms)].map(
      ([, name, text]) => [`${file}: ${name}`, name!, text!] as const,
    ),
  )

test('there are configuration files in the documents', () => expect(EXAMPLES.length).toBeGreaterThan(1))

test.each(EXAMPLES)('%s is one in which spillway check finds nothing wrong', async (_title, name, text) => {
  const cwd = mkdtempSync(join(tmpdir(), 'spillway-docs-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  for (const named of ['app.log', 'data.ndjson']) writeFileSync(join(cwd, named), '')
  symlinkSync(join(root, 'node_modules'), join(cwd, 'node_modules')) // as after npm install
  writeFileSync(join(cwd, name), text)
  const { code, out, errors } = await run(['check'], { cwd })
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
  expect(out).toContain(`configuration file: ${name}\n`)
})
