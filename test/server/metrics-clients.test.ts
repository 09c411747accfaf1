/** `/metrics`, of those who come and go: who was let in, who was not and why, who left and how. */
import { expect, test } from 'vitest'
import { scrape } from '../support/exposition.ts'
import { type Served, startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

/** What of a counter is not 0, by its labels. */
async function counted({ url }: Served, name: string): Promise<Readonly<Record<string, number>>> {
  const { series } = (await scrape(url)).get(`spillway_${name}`)!
  return Object.fromEntries([...series].filter(([, value]) => value !== 0))
}

test('clients that left are told by code and by who closed, and by whether the close was answered', async () => {
  const served = await startHub({ stallTimeoutMs: 0 })
  const { hub, client } = served
  const feed = hub.feed('f', { overflow: 'evict', capacity: 100_000 })
  const left = (clients: number) => until('them to have left', () => hub.clients.size === clients)
  const [leaves, odd, speechless, vanishes, breaks, slow] = await Promise.all(
    Array.from({ length: 6 }, () => client('/feeds/f')),
  )
  leaves!.close(1001)
  odd!.close(3999)
  speechless!.send(8, Buffer.alloc(0))
  vanishes!.destroy()
  breaks!.send(3, Buffer.from('an opcode that is none'))
  await left(1)
  slow!.stop()
  await until('the slow one to be evicted', () => {
    feed.publish({ payload: 'x'.repeat(10_000) })
    return feed.evictions.size > 0
  })
  await left(0)
  const last = await client('/feeds/f')
  feed.end()
  await last.closed()
  await left(0)
  expect(await counted(served, 'closed_clients_total')).toEqual({
    'code="1001",initiator="client"': 1,
    'code="other",initiator="client"': 1,
    'code="1005",initiator="client"': 1,
    'code="1006",initiator="client"': 1,
    'code="1006",initiator="network"': 1,
    'code="4408",initiator="hub"': 1,
    'code="1000",initiator="hub"': 1,
  })
  expect(await counted(served, 'close_outcomes_total')).toEqual({
    'outcome="clean"': 4,
    'outcome="terminated"': 3,
  })
})

test('newcomers that are not let in are told by code and reason, those that come back by what became of it', async () => {
  const served = await startHub({ maxClients: 2 })
  const { hub, client, port } = served
  const feed = hub.feed('f', { overflow: 'pause', allow: ['pause'], capacity: { bytes: 100_000, messages: 10 } })
  for (let i = 0; i < 20; i++) feed.publish({ payload: 'x' })
  const { epoch } = feed.log
  await client('/feeds/none')
  await client('/feeds/f?colour=blue')
  await client('/feeds/f?overflow=skip')
  await client('/feeds/f', { headers: { Origin: 'https://elsewhere.example' } })
  await client(`/feeds/f?from=${epoch}:1`)
  await client(`/feeds/f?from=${epoch}:99`)
  await client('/feeds/f?from=another:15')
  await client(`/feeds/f?from=${epoch}:15&overflow=skip`)
  await client(`/feeds/f?from=${epoch}:15`)
  const own = await client(`/feeds/f?from=${epoch}:20`, { headers: { Origin: `http://127.0.0.1:${port}` } })
  await client(`/feeds/f?from=${epoch}:15`)
  expect(own.status).toBe(101)
  own.close()
  await until('it to have left', () => hub.clients.size === 1)
  const odd = await client(`/feeds/f?from=${epoch}:15`, { headers: { 'Sec-WebSocket-Key': 'none' } })
  expect(odd.status).toBe(400)
  expect(await counted(served, 'refused_clients_total')).toEqual({
    'code="4404",reason="no-feed"': 1,
    'code="4400",reason="query"': 1,
    'code="4400",reason="ahead"': 1,
    'code="4403",reason="policy"': 2,
    'code="4403",reason="origin"': 1,
    'code="4410",reason="trimmed"': 1,
    'code="4410",reason="other-epoch"': 1,
    'code="4503",reason="max-clients"': 1,
  })
  expect(await counted(served, 'resumes_total')).toEqual({
    'feed="f",outcome="resumed"': 2,
    'feed="f",outcome="trimmed"': 1,
    'feed="f",outcome="ahead"': 1,
    'feed="f",outcome="other-epoch"': 1,
  })
  const closing = hub.close({ drainMs: 2_000 })
  await client('/feeds/f')
  expect(await counted(served, 'refused_clients_total')).toMatchObject({ 'code="1012",reason="closing"': 1 })
  await closing
})

test('a write is counted with what it carries, a turn with how long it took, a message with how long it waited', async () => {
  const served = await startHub()
  const { hub, client } = served
  const feed = hub.feed('f')
  const clients = await Promise.all(Array.from({ length: 3 }, () => client('/feeds/f')))
  feed.publish({ payload: 'alone' })
  await until('it to be there', () => clients.every(({ messages }) => messages === 1))
  for (let i = 0; i < 10; i++) feed.publish({ payload: 'one of ten' })
  await until('them to be there', () => clients.every(({ messages }) => messages === 11))
  const families = await scrape(served.url)
  const of = (name: string, part: string) => families.get(`spillway_${name}`)!.series.get(part)!
  expect([of('write_messages', 'count'), of('write_messages', 'sum')]).toEqual([6, 33])
  expect([of('write_messages', 'bucket le="1"'), of('write_messages', 'bucket le="8"')]).toEqual([3, 3])
  expect([of('write_messages', 'bucket le="16"'), of('write_messages', 'bucket le="+Inf"')]).toEqual([6, 6])
  expect(of('publish_to_write_seconds', 'count')).toBe(2)
  expect(of('publish_to_write_seconds', 'sum')).toBeGreaterThan(0)
  expect(of('flush_duration_seconds', 'count')).toBeGreaterThanOrEqual(2)
})

test('what nobody listens to has not waited to be written', async () => {
  const served = await startHub()
  const feed = served.hub.feed('f')
  for (let i = 0; i < 10; i++) feed.publish({ payload: 'x' })
  await until('the flush', () => !feed.listed)
  const families = await scrape(served.url)
  expect(families.get('spillway_publish_to_write_seconds')!.series.get('count')).toBe(0)
  expect(families.get('spillway_write_messages')!.series.get('count')).toBe(0)
})
