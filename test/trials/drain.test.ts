/** SIGTERM with a full house: the goodbyes are spread over the time there is, each says when to come back, and nobody loses what was owed. */
import { expect, onTestFinished, test } from 'vitest'
import { serveCli } from '../support/cli.ts'
import { RawClient } from '../support/raw-client.ts'
import { FULL, tell } from '../support/trial.ts'
import { until } from '../support/until.ts'

const CLIENTS = FULL ? 2_000 : 200
const DRAIN_MS = FULL ? 10_000 : 4_000
const LINES = 1_000
const LINE = 'x'.repeat(999)
/** One in twenty reads so slowly that it is owed more than half of everything when the signal comes, and has time for it. */
const SLOW_BYTES_PER_SECOND = (LINES * LINE.length) / (DRAIN_MS / 2_000)
/** Closes are spread over four fifths of the deadline; the rest is for those who still read. */
const BUCKETS = 8
const BUCKET_MS = (DRAIN_MS * 0.8) / BUCKETS

test('the hub says goodbye to everybody in turn, with what they are owed, and exits with 0', async () => {
  const hub = await serveCli(['--drain', `${DRAIN_MS}ms`, '--overflow', 'evict'])
  const clients: RawClient[] = []
  onTestFinished(() => {
    for (const client of clients) client.destroy()
  })
  while (clients.length < CLIENTS) {
    const some = Array.from({ length: Math.min(100, CLIENTS - clients.length) }, () =>
      RawClient.open(hub.port, '/feeds/stdin', { keep: false }),
    )
    clients.push(...(await Promise.all(some)))
  }
  const slow = clients.filter((_, i) => i % 20 === 0)
  const healthy = clients.filter((_, i) => i % 20 !== 0)
  await until('the slow to have answered', () => slow.every(({ pings }) => pings > 0))
  for (const client of slow) client.readAt(SLOW_BYTES_PER_SECOND)
  hub.child.stdin!.write(`${LINE}\n`.repeat(LINES))
  await until('the healthy to have it all', () => healthy.every(({ messages }) => messages === LINES), 60_000)
  const owed = slow.reduce((sum, { messages }) => sum + LINES - messages, 0)

  const closedAt: number[] = []
  for (const { socket } of clients) socket.once('close', () => closedAt.push(performance.now()))
  const signalled = performance.now()
  hub.child.kill('SIGTERM')
  const ready = async () => (await fetch(`http://127.0.0.1:${hub.port}/readyz`)).status
  let status = await ready()
  while (status === 200) status = await ready()
  const unreadyMs = performance.now() - signalled
  expect(status).toBe(503)
  const plain = await RawClient.open(hub.port, '/feeds/stdin')
  expect([plain.status, plain.headers['spillway-close-code'], plain.body]).toEqual([
    503,
    '1012',
    'the hub is restarting; retry=5s\n',
  ])
  const origin = `http://127.0.0.1:${hub.port}`
  const browser = await RawClient.open(hub.port, '/feeds/stdin', { headers: { Origin: origin } })
  expect([await browser.closed(), browser.closeReason]).toEqual([1012, 'the hub is restarting; retry=5s'])

  expect(await hub.exit).toBe(0)
  await until('every close to be seen', () => closedAt.length === CLIENTS)
  for (const { closeCode, closeReason } of clients) {
    expect(closeCode).toBe(1012)
    expect(closeReason).toMatch(/^restarting; retry=[1-5]s$/)
  }
  expect(clients.filter(({ messages }) => messages !== LINES)).toEqual([])
  expect(hub.log().at(-1)).toMatchObject({ event: 'drained', clients: CLIENTS, owing: 0, lost: 0 })
  const histogram = Array.from({ length: BUCKETS + 2 }, () => 0)
  for (const at of closedAt) histogram[Math.min(BUCKETS + 1, Math.floor((at - signalled) / BUCKET_MS))]!++
  tell('drain', {
    clients: CLIENTS,
    drainMs: DRAIN_MS,
    unreadyMs: Math.round(unreadyMs),
    owedAtTheSignal: owed,
    lastAfterMs: Math.round(Math.max(...closedAt) - signalled),
    perBucketOf: `${BUCKET_MS} ms`,
    histogram,
  })
  expect(owed).toBeGreaterThan((slow.length * LINES) / 4)
  // Evenly, as far as a busy machine lets it be.
  expect(Math.min(...histogram.slice(0, BUCKETS))).toBeGreaterThan(CLIENTS / BUCKETS / 3)
  expect(Math.max(...histogram)).toBeLessThan((CLIENTS / BUCKETS) * 2)
  expect(Math.max(...closedAt) - signalled).toBeLessThan(DRAIN_MS + 1_500)
}, 120_000)
