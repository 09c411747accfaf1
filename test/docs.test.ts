/** What stands in two places says the same: tables and code, figures and commands. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DOCS, pages } from '../scripts/docs.ts'
import { EVICT_CAUSES } from '../src/events.ts'
import { OVERFLOWS } from '../src/log/overflow.ts'
import { CLOSE, statusOf } from '../src/protocol.ts'

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
    'docs/sources.md',
  ]) {
    for (const [, target] of read(file).matchAll(/\]\((?!https?:|#)([^)#]+)/g))
      expect(() => read(target!), `${file} → ${target}`).not.toThrow()
  }
})

test('every npm script that the documents name exists', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
  for (const file of ['README.md', 'CONTRIBUTING.md', 'docs/decisions.md']) {
    for (const [, name] of read(file).matchAll(/npm run ([a-z]+)/g)) expect(Object.keys(scripts), file).toContain(name)
  }
})
