/** What a server says of itself is read, checked, and not believed: from a server that says what the test wants. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { HubWatch, imbalance, parseMetrics, total } from '../../scripts/swarm/hub.ts'

/** Two feeds; 100 messages were published to readers, and the terms come to as much. */
const ACCOUNT = {
  reader_published_messages_total: [60, 40],
  delivered_messages_total: [50, 20],
  in_flight_messages: [5, 0],
  skipped_messages_total: [0, 10],
  queued_messages: [5, 0],
  unknown_messages_total: [0, 7],
  undelivered_messages_total: [0, 3],
}

function page(
  change: Partial<Record<keyof typeof ACCOUNT, readonly number[]>> = {},
  more = 'spillway_clients 0',
): string {
  const lines = Object.entries({ ...ACCOUNT, ...change }).flatMap(([name, [a, b]]) => [
    `# HELP spillway_${name} Something.`,
    `spillway_${name}{feed="a"} ${a}`,
    `spillway_${name}{feed="b"} ${b}`,
  ])
  return `${lines.join('\n')}\n${more}\n`
}

/** A server whose metrics are what `say` was called with last. */
async function talker(first: string) {
  let text = first
  const server = createServer((_, response) => response.end(text))
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const say = (next: string) => {
    text = next
  }
  return { port: (server.address() as AddressInfo).port, say }
}

test('samples are read with their labels, infinities too, and what is no sample is passed over', () => {
  const samples = parseMetrics('# TYPE a counter\na 1\n\nb{x="1",y="}"} 2.5\nb{x="2",y=""} +Inf\nnonsense\n')
  expect([...samples]).toEqual([
    ['a', 1],
    ['b{x="1",y="}"}', 2.5],
    ['b{x="2",y=""}', Number.POSITIVE_INFINITY],
  ])
  expect([total(samples, 'a'), total(samples, 'b', 'x="1"'), total(samples, 'c')]).toEqual([1, 2.5, undefined])
})

describe('the account', () => {
  test('balances when all terms come to what was published', () => {
    expect(imbalance(parseMetrics(page()))).toBe(0)
  })

  test.each(Object.keys(ACCOUNT) as (keyof typeof ACCOUNT)[])('is off when %s is', name => {
    const [a = 0, b = 0] = ACCOUNT[name]
    expect(imbalance(parseMetrics(page({ [name]: [a, b + 3] })))).toBe(3)
  })

  test('is unknown where nobody counts it', () => {
    expect(imbalance(parseMetrics('up 1\n'))).toBeUndefined()
  })

  test('is the worst of all that was seen', async () => {
    const { port, say } = await talker(page())
    const hub = new HubWatch({ host: '127.0.0.1', port, read: () => 1_000 })
    await hub.start()
    say(page({ queued_messages: [5, 2] }))
    await hub.look()
    say(page())
    await hub.look()
    hub.stop()
    expect(hub.imbalance).toBe(2)
  })
})

test('what is counted as delivered and nobody has read is overstated, unless others listen too', async () => {
  for (const [clients, overstated] of [
    [0, 5],
    [1, undefined],
  ] as const) {
    const { port, say } = await talker(page({}, `spillway_clients ${clients}`))
    const hub = new HubWatch({ host: '127.0.0.1', port, read: () => 25 })
    await hub.start()
    say(page({ delivered_messages_total: [70, 30] }))
    await hub.look()
    hub.stop()
    expect(hub.overstated).toBe(overstated)
    expect(hub.counted('spillway_delivered_messages_total')).toBe(30)
  }
})

test('a server without metrics is asked once, and is unknown', async () => {
  const { port, say } = await talker('')
  const hub = new HubWatch({ host: '127.0.0.1', port, read: () => 0 })
  await hub.start()
  say(page())
  await hub.look()
  hub.stop()
  expect([hub.rss, hub.bound, hub.imbalance, hub.counted('spillway_evictions_total')]).toEqual(Array(4).fill(undefined))
})
