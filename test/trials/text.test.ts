/** A real text stream line by line to many clients, a tenth of them stalled: the healthy miss nothing, and for the others every message is accounted for. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Account, lines } from '../../src/index.ts'
import { balance, startHub } from '../support/hub.ts'
import { FULL, tell } from '../support/trial.ts'
import { until } from '../support/until.ts'

const CLIENTS = FULL ? 200 : 20
/** A source that can wait is paced by the fastest: so much may a healthy one fall behind it on a machine that does other things, too. */
const CAPACITY_BYTES = 4 * 2 ** 20
/** More than the log keeps and the kernel would take for a client that does not read, so that the stalled overflow. */
const ENOUGH_BYTES = 16 * 2 ** 20

/** A Debian package index in the whole trial, else the largest text that every clone has. */
function realText(): string {
  if (FULL) {
    const lists = '/var/lib/apt/lists'
    const found = readdirSync(lists).filter(name => /_Packages(\.\w+)?$/.test(name))
    const [largest] = found.map(name => join(lists, name)).sort((a, b) => statSync(b).size - statSync(a).size)
    if (largest === undefined) throw new Error(`no package index in ${lists}: run apt-get update`)
    const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'Packages')
    // apt keeps them compressed or not, as it likes, and reads them with this.
    writeFileSync(path, execFileSync('/usr/lib/apt/apt-helper', ['cat-file', largest], { maxBuffer: 2 ** 30 }))
    return path
  }
  const folder = dirname(createRequire(import.meta.url).resolve('rxjs/package.json'))
  return join(folder, 'dist/bundles/rxjs.umd.js')
}

test('healthy clients get every line in order; delivered, gaps and in flight of the stalled add up to what was published', async () => {
  const path = realText()
  const { hub, client } = await startHub({ stallTimeoutMs: 0 })
  const repeats = Math.ceil(ENOUGH_BYTES / statSync(path).size)
  const expected = readFileSync(path, 'utf8').repeat(repeats).split(/\r?\n/)
  if (expected.at(-1) === '') expected.pop()
  async function* everything() {
    for (let i = 0; i < repeats; i++) yield* createReadStream(path)
  }
  const refused = (error: Error) => {
    throw error
  }
  const source = lines(everything(), { maxMessageBytes: 2 ** 18, refused })
  const feed = hub.feed('text', { capacity: CAPACITY_BYTES, minClients: CLIENTS, source })
  const accounts = new Map<string, Account>()
  hub.events$.subscribe(event => {
    if (event.type === 'client-left') accounts.set(event.client.name, event.account)
  })
  const open = (_: unknown, i: number) => client(`/feeds/text?name=${i}`, { keep: false })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, open))
  const stalled = clients.filter((_, i) => i % 10 === 0)
  for (const c of stalled) c.stop()
  const healthy = clients.filter((_, i) => i % 10 !== 0)
  const published = expected.length

  await until('every line to be published', () => feed.log.count === published, 300_000)
  balance(hub)
  expect(hub.readers().length + clients.filter(c => c.gone).length).toBe(CLIENTS)
  for (const c of stalled) c.go()
  await Promise.all(clients.map(c => c.closed(120_000)))
  const hash = createHash('sha256')
  for (const line of expected) hash.update(line)
  expect(new Set(healthy.map(c => c.hash.digest('hex')))).toEqual(new Set([hash.digest('hex')]))
  expect(healthy.filter(c => c.messages !== published)).toEqual([])
  await until('every account', () => accounts.size === CLIENTS)
  for (const [i, c] of clients.entries()) {
    const { taken, skipped, unknown, undelivered } = accounts.get(`${i}`)!
    expect([taken, taken + skipped, unknown, undelivered]).toEqual([c.messages, published, 0, 0])
  }
  expect(stalled.every(c => c.messages < published)).toBe(true)
  tell('text', { lines: published, clients: CLIENTS, gaps: feed.gaps.overflow, skipped: feed.totals().skipped })
}, 600_000)
