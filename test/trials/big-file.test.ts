/** The exercise this project grew from, at full scale: a big file to many clients, some of them slow, nothing lost, little memory. */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { expect, test } from 'vitest'
import { serveCli } from '../support/cli.ts'
import { RawClient } from '../support/raw-client.ts'
import { FULL, randomFile, tell } from '../support/trial.ts'
import { until } from '../support/until.ts'

const MIB = 2 ** 20
const SIZE = (FULL ? 512 : 40) * MIB
const CLIENTS = 30
/** How fast the slowest reads; those that are not so slow, in steps of 1.5 MiB/s more. */
const SLOWEST = (FULL ? 5 : 12) * MIB
/** What may lie between writer and slowest client: the log, two pipes' worth, the kernel's socket buffers. */
const BETWEEN = 16 * MIB + 16 * MIB

test('a big file through stdin reaches every client whole, and its writer waits for the slowest', async () => {
  const path = await randomFile(SIZE)
  const args = ['--binary', '--overflow', 'pause', '--min-clients', `${CLIENTS}`, '--exit-when-done']
  const cli = await serveCli(args)
  const expected = createHash('sha256')
  let written = 0
  let writtenAt = performance.now()
  const writing = (async () => {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
      expected.update(chunk)
      await new Promise<void>(resolve => cli.child.stdin!.write(chunk, () => resolve()))
      written += chunk.length
      writtenAt = performance.now()
    }
    cli.child.stdin!.end()
  })()
  const open = () => RawClient.open(cli.port, '/feeds/stdin', { keep: false })
  const clients = await Promise.all(Array.from({ length: CLIENTS }, open))
  for (const [i, client] of clients.entries()) if (i % 3 === 0) client.readAt(SLOWEST + (i / 3) * 1.5 * MIB)

  const seen = { rss: 0, ahead: 0 }
  const sampling = setInterval(() => {
    seen.rss = Math.max(seen.rss, cli.rss())
    seen.ahead = Math.max(seen.ahead, written - Math.min(...clients.map(({ bytes }) => bytes)))
  }, 50)

  // The slowest of all stops, so that it alone is what the writer waits for.
  const stopper = clients[0]!
  await until('some of the file to have come', () => stopper.bytes > SIZE / 8, 60_000)
  stopper.stop()
  const stopped = performance.now()
  await until('the writer to be held', () => written < SIZE && performance.now() - writtenAt > 1_500, 60_000)
  const held = written
  await until('three seconds to have passed', () => performance.now() - stopped > 3_000)
  const during = written - held
  stopper.readAt(20 * MIB)

  await Promise.all([writing, ...clients.map(client => client.closed(300_000))])
  clearInterval(sampling)
  const digest = expected.digest('hex')
  expect(clients.map(client => client.hash.digest('hex'))).toEqual(clients.map(() => digest))
  expect(new Set(clients.map(({ closeCode }) => closeCode))).toEqual(new Set([1000]))
  expect(await cli.exit).toBe(0)
  expect(during).toBeLessThan(MIB)
  expect(seen.ahead).toBeLessThan(BETWEEN)
  expect(seen.rss).toBeLessThan(250 * 1e6)
  const mb = (bytes: number) => Math.round(bytes / 1e6)
  tell('big file', {
    MB: mb(SIZE),
    clients: CLIENTS,
    rssMB: mb(seen.rss),
    writerAheadMB: mb(seen.ahead),
    writtenWhileHeld: during,
  })
}, 600_000)
