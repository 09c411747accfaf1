/** A source that is always ready has the loop to itself if it is let: timers, HTTP and the flush must have their turns. */
import { spawn } from 'node:child_process'
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { expect, onTestFinished, test } from 'vitest'
import { serveCli } from '../support/cli.ts'
import { RawClient } from '../support/raw-client.ts'
import { FULL, tell } from '../support/trial.ts'
import { until } from '../support/until.ts'

const SIZE = FULL ? 1e9 : 60e6
const PROBE = join(import.meta.dirname, '../support/probe.mjs')
const LINE = `${'.'.repeat(99)}\n`

test('/healthz answers all the while a large file is read under skip', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'file.txt')
  const chunk = LINE.repeat(1_000)
  await pipeline(
    Readable.from(
      (function* () {
        for (let n = 0; n < SIZE; n += chunk.length) yield chunk
      })(),
    ),
    createWriteStream(path),
  )

  const cli = await serveCli(['--feed', `f=file:${path}`, '--min-clients', '4', '--exit-when-done'])
  const probe = spawn(process.execPath, [PROBE, `http://127.0.0.1:${cli.port}/healthz`])
  onTestFinished(() => void probe.kill())
  let told = ''
  probe.stdout.on('data', chunk => {
    told += chunk
  })
  await until('the probe to be ready', () => told !== '')
  const clients = await Promise.all(
    Array.from({ length: 4 }, () => RawClient.open(cli.port, '/feeds/f', { keep: false })),
  )
  clients[0]!.stop()
  await Promise.all(clients.slice(1).map(client => client.closed(300_000)))
  probe.stdin.end()
  await until('the delays', () => told.trimEnd().endsWith(']'))
  clients[0]!.go()
  expect(await cli.exit).toBe(0)
  expect(clients.slice(1).map(({ messages }) => messages)).toEqual([SIZE / 100, SIZE / 100, SIZE / 100])
  const delays = JSON.parse(told.split('\n')[1]!) as number[]
  const worst = Math.max(...delays)
  tell('always ready', { MB: SIZE / 1e6, probes: delays.length, worstMs: Math.round(worst) })
  expect(delays.length).toBeGreaterThan(20)
  if (FULL) expect(worst).toBeLessThan(100) // a trial by hand, on a machine that does nothing else
}, 600_000)
