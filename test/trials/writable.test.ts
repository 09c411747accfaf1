/** The exercise this project grew from, as one line of Node: pipeline(file, transform, feed.writable()), to clients of mixed speed. */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { RawClient } from '../support/raw-client.ts'
import { FULL, randomFile, tell } from '../support/trial.ts'
import { until } from '../support/until.ts'

const MIB = 2 ** 20
const SIZE = (FULL ? 1_024 : 24) * MIB
const CLIENTS = 20
const CAST = join(import.meta.dirname, '../support/cast.mjs')

test('a file through a transform into feed.writable() reaches every client whole, held by the slowest', async () => {
  const path = await randomFile(SIZE)
  const expected = createHash('sha256')
  for await (const chunk of createReadStream(path)) expected.update((chunk as Buffer).map(byte => byte ^ 0xff))

  const child = spawn(process.execPath, [CAST, path, `${CLIENTS}`])
  const exit = new Promise<number | null>(resolve => child.on('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  const told: string[] = []
  let errors = ''
  child.stdout.on('data', chunk => told.push(...String(chunk).trimEnd().split('\n')))
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  await until('the hub', () => told.length > 0 || child.exitCode !== null)
  expect(errors).toBe('')
  const { port } = JSON.parse(told[0]!) as { port: number }

  let rss = 0
  const sampling = setInterval(() => {
    rss = Math.max(rss, rssOf(child.pid!))
  }, 50)
  onTestFinished(() => clearInterval(sampling))
  const started = performance.now()
  const open = () => RawClient.open(port, '/feeds/cast', { keep: false })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, open))
  for (const [i, client] of clients.entries()) if (i % 4 === 0) client.readAt((16 + 2 * i) * MIB)
  await Promise.all(clients.map(client => client.closed(300_000)))
  const seconds = (performance.now() - started) / 1_000
  expect(await exit).toBe(0)
  clearInterval(sampling)

  const digest = expected.digest('hex')
  expect(clients.map(client => client.hash.digest('hex'))).toEqual(clients.map(() => digest))
  expect(new Set(clients.map(({ closeCode }) => closeCode))).toEqual(new Set([1000]))
  const report = JSON.parse(told.find(line => line.includes('falses'))!) as {
    falses: number
    drains: number
    pausedSeconds: number
    ending: { code: number }
  }
  expect(report.ending.code).toBe(1000)
  // Only where the feed really held it: a write whose callback came at once answers true (Node 20.20).
  expect(report.falses).toBeGreaterThan(FULL ? 100 : 0)
  expect(report.drains).toBeGreaterThan(FULL ? 100 : 0)
  expect(report.drains).toBeLessThanOrEqual(report.falses)
  expect(rss).toBeLessThan(250 * 1e6)
  tell('writable', {
    MB: Math.round(SIZE / 1e6),
    clients: CLIENTS,
    seconds: Math.round(seconds),
    rssMB: Math.round(rss / 1e6),
    ...report,
  })
}, 600_000)

/** /proc/PID/statm counts pages; 0 where there is none. */
function rssOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096
  } catch {
    return 0
  }
}
