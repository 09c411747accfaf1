/** The admin API: what operators see and do, over real sockets. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ROUTES } from '../../src/server/admin/routes.ts'
import { statusDocument } from '../../src/server/status.ts'
import { watchOf } from '../../src/server/watch/watch.ts'
import { ask, startAdmin } from '../support/admin.ts'
import { until } from '../support/until.ts'

const MIB = 2 ** 20
/** More than kernels and window swallow of one who does not read. */
const fill = (feed: { publish(message: { payload: string }): unknown }, messages: number, bytes = 10_000) => {
  for (let i = 0; i < messages; i++) feed.publish({ payload: 'x'.repeat(bytes) })
}

describe('an operator who evicts a client', () => {
  test('closes it with 4408, and finds it in the ring, the log, the counter and the document of the page', async () => {
    const { hub, port, lines, client, admin } = await startAdmin()
    const events: unknown[] = []
    hub.events$.subscribe(event => void events.push(event))
    const feed = hub.feed('prices')
    const slow = await client('/feeds/prices?name=desk-7', { headers: { 'User-Agent': 'reader/1' } })
    const other = await client('/feeds/prices')
    feed.publish({ payload: 'one' })
    await until('both have it', () => slow.messages === 1 && other.messages === 1)

    const { status, json } = await admin('/clients/1/evict', {
      method: 'POST',
      body: { reason: 'maintenance; retry=60s' },
    })
    expect(status).toBe(200)
    expect(json.evicted).toMatchObject({
      id: 1,
      feed: 'prices',
      name: 'desk-7',
      agent: 'reader/1',
      account: { published: 1 },
    })
    await until('the client is closed', () => slow.gone)
    expect([slow.closeCode, slow.closeReason]).toEqual([4408, 'maintenance; retry=60s'])
    expect(other.gone).toBe(false)
    await until('the events', () => events.length === 4)

    const told = {
      seq: 1,
      at: expect.any(Number),
      id: 1,
      feed: 'prices',
      policy: 'skip',
      code: 4408,
      reason: 'maintenance; retry=60s',
      outcome: 'clean',
      initiator: 'hub',
      cause: 'operator',
      account: expect.objectContaining({ published: 1, queued: 0 }),
    }
    const who = {
      name: 'desk-7',
      agent: 'reader/1',
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      since: expect.any(Number),
    }
    expect((await admin('/closed')).json).toEqual({ total: 1, closed: [{ ...told, ...who }] })
    expect(lines.find(line => line.includes('evicted'))).toMatch(
      /^feed prices: client 1 \(desk-7\) at 127\.0\.0\.1:\d+ is evicted by 127\.0\.0\.1:\d+: maintenance; retry=60s$/,
    )
    for (const metrics of [(await ask(port, '/metrics')).body, (await admin('/metrics')).body]) {
      expect(metrics).toContain('spillway_evictions_total{feed="prices",reason="operator"} 1\n')
    }
    expect(events).toContainEqual(expect.objectContaining({ type: 'client-evicted', cause: 'operator' }))
    const { json: page } = await ask(port, '/feeds')
    expect(page.closed).toEqual([told])
    expect(page.feeds[0].evictions.operator).toBe(1)
    expect((await admin('/feeds')).json.closed).toEqual([{ ...told, ...who }])
  })

  test('needs no body, and then tells the client when to come back', async () => {
    const { hub, client, admin } = await startAdmin()
    hub.feed('f')
    const slow = await client('/feeds/f')
    expect((await admin('/clients/1/evict', { method: 'POST' })).status).toBe(200)
    await until('the client is closed', () => slow.gone)
    expect([slow.closeCode, slow.closeReason]).toEqual([4408, 'evicted by an operator; retry=30s'])
  })

  test('is told when the client is closing, has left, or never was', async () => {
    const { hub, client, admin } = await startAdmin({ evictGraceMs: 3_000 })
    hub.feed('f')
    const slow = await client('/feeds/f', { reading: false })
    expect((await admin('/clients/1/evict', { method: 'POST' })).status).toBe(200)
    expect(await admin('/clients/1/evict', { method: 'POST' })).toMatchObject({
      status: 409,
      json: { error: { code: 'conflict' } },
    })
    slow.destroy()
    await until('the client has left', () => hub.clients.size === 0)
    const left = await admin('/clients/1/evict', { method: 'POST' })
    expect([left.status, left.json.error.message]).toEqual([
      404,
      'client: expected the id of one that is there, got "1, which has left with 4408"',
    ])
    expect((await admin('/clients/x')).status).toBe(404)
  })

  test.each([[''], ['x'.repeat(124)], ['two\nlines'], [7]])('cannot give the reason %j', async reason => {
    const { hub, client, admin } = await startAdmin()
    hub.feed('f')
    const spared = await client('/feeds/f')
    const { status, json } = await admin('/clients/1/evict', { method: 'POST', body: { reason } })
    expect([status, json.error.message]).toEqual([
      400,
      expect.stringMatching(/^reason: expected a line of 1 to 123 bytes, got /),
    ])
    expect(spared.gone).toBe(false)
  })
})

describe('/clients', () => {
  test('has the worst first, with who they are and every figure', async () => {
    const { hub, client, admin } = await startAdmin()
    const feed = hub.feed('f', { capacity: 4 * MIB })
    const healthy = await client('/feeds/f?name=healthy')
    await client('/feeds/f?name=stuck', { reading: false, headers: { 'User-Agent': 'laptop' } })
    fill(feed, 100)
    await until('the healthy one has it all', () => healthy.messages === 100)
    const { json } = await admin('/clients')
    expect(json.total).toBe(2)
    expect(json.clients.map(({ name }: { name: string }) => name)).toEqual(['stuck', 'healthy'])
    const [stuck] = json.clients
    expect(stuck).toMatchObject({
      id: 2,
      feed: 'f',
      policy: 'skip',
      state: 'full',
      unconfirmed: false,
      agent: 'laptop',
      address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      windowBytes: expect.any(Number),
      position: expect.stringMatching(/:0$/),
      lag: { messages: 100, bytes: feed.log.bytes },
      headroom: { ratio: expect.any(Number) },
      history: expect.any(Array),
    })
    expect(stuck.queued.messages + stuck.inFlightMessages).toBe(100)
    expect(stuck.account.published).toBe(100)
    expect((await admin('/clients/2')).json).toMatchObject({ id: 2, name: 'stuck', lag: { messages: 100 } })
  })

  test('can be sorted by any figure either way, and narrowed to a feed, a state and a number', async () => {
    const { hub, client, admin } = await startAdmin()
    const [a] = [hub.feed('a'), hub.feed('b')]
    await client('/feeds/a?name=one')
    await client('/feeds/b?name=two')
    await client('/feeds/a?name=three', { reading: false })
    fill(a, 100)
    await until('the third is behind', () => [...hub.clients][2]!.reader.state === 'full')
    const names = async (query: string) =>
      (await admin(`/clients?${query}`)).json.clients.map(({ name }: { name: string }) => name)
    for (const sort of ['lag', 'age', 'in-flight', 'queued']) {
      await until(`one and three differ by ${sort}`, () => [...hub.clients][0]!.reader.cursor.inFlightMessages === 0)
      expect((await names(`sort=${sort}`))[0], sort).toBe('three')
      expect((await names(`sort=${sort}&order=asc`)).at(-1), sort).toBe('three')
    }
    expect(await names('feed=b')).toEqual(['two'])
    expect(await names('state=full')).toEqual(['three'])
    expect(await names('limit=1')).toEqual(['three'])
    expect((await admin('/clients?limit=1')).json.total).toBe(3)
  })

  test.each([
    ['sort=size', 'sort: expected lag, age, in-flight or queued, got "size"'],
    ['order=up', 'order: expected desc or asc, got "up"'],
    ['feed=none', 'feed: expected f, got "none"'],
    ['limit=0', 'limit: expected a whole number from 1 to 1000, got "0"'],
    ['limit=1001', 'limit: expected a whole number from 1 to 1000, got "1001"'],
    ['limit=1&limit=2', 'limit: expected to be given once, got "1, 2"'],
    ['colour=red', 'query: expected no parameters but sort, order, feed, state, limit, got "colour"'],
  ])('with %s is refused with the rule', async (query, message) => {
    const { hub, admin } = await startAdmin()
    hub.feed('f')
    expect(await admin(`/clients?${query}`)).toMatchObject({
      status: 400,
      json: { error: { code: 'bad_request', message } },
    })
  })
})

test('the reason that a client gives for leaving is for operators, as its label is', async () => {
  const { hub, port, client, admin } = await startAdmin()
  hub.feed('a')
  const leaves = await client('/feeds/a')
  leaves.send(8, Buffer.from('\x0f\xa0sale at example.org', 'latin1'))
  await until('it to have left', () => hub.clients.size === 0)
  expect((await ask(port, '/feeds')).json.closed).toMatchObject([{ code: 4_000, initiator: 'client', reason: '' }])
  expect((await admin('/feeds')).json.closed).toMatchObject([{ code: 4_000, reason: 'sale at example.org' }])
})

test('/closed has who left how, and can be narrowed to a feed, a code and a number', async () => {
  const { hub, client, admin } = await startAdmin({ tailPingMs: 20 })
  const [a, b] = [hub.feed('a'), hub.feed('b')]
  const vanishing = await client('/feeds/a')
  const polite = await client('/feeds/a')
  await client('/feeds/b')
  a.publish({ payload: 'one' })
  await until('they have it', () => a.totals().delivered === 2)
  vanishing.destroy()
  await until('one has vanished', () => hub.clients.size === 2)
  polite.close(1001)
  await until('one has said goodbye', () => hub.clients.size === 1)
  b.end()
  await until('the feed has ended for the third', () => hub.clients.size === 0)
  const { json } = await admin('/closed')
  const brief = json.closed.map(({ id, code, initiator, outcome, cause }: Record<string, unknown>) => [
    id,
    code,
    initiator,
    outcome,
    cause,
  ])
  expect(brief).toEqual([
    [3, 1000, 'hub', 'clean', null],
    [2, 1001, 'client', 'clean', null],
    [1, 1006, 'network', 'terminated', null],
  ])
  expect(json.closed[2].account).toMatchObject({ published: 1, taken: 1, unknown: 0, undelivered: 0 })
  expect((await admin('/closed?feed=b')).json.closed).toHaveLength(1)
  expect((await admin('/closed?code=1006')).json.closed).toMatchObject([{ id: 1 }])
  expect((await admin('/closed?limit=2')).json).toMatchObject({ total: 3, closed: [{ id: 3 }, { id: 2 }] })
})

describe('limits', () => {
  const patch = (body: unknown) => ({ method: 'PATCH', body })

  test('that are changed hold at once for readers that are there, are logged with who asked, and shown', async () => {
    const { hub, lines, client, admin } = await startAdmin()
    const feed = hub.feed('f', { overflow: 'evict' })
    const healthy = await client('/feeds/f')
    const stuck = await client('/feeds/f', { reading: false })
    await until('the first pong of both', () => [...hub.clients].every(({ window }) => window?.state === 'open'))
    stuck.stop()
    fill(feed, 300)
    await until('the healthy one has it all', () => healthy.messages === 300)
    expect(hub.clients.size).toBe(2)
    const { status, json } = await admin(
      '/feeds/f/limits',
      patch({ maxLag: { bytes: MIB }, softLag: { ms: 500 }, softForMs: 2_000 }),
    )
    expect(status).toBe(200)
    expect(json.changed).toEqual({
      'maxLag.bytes': { before: 16 * MIB, now: MIB },
      'softLag.ms': { before: null, now: 500 },
      softForMs: { before: null, now: 2_000 },
    })
    await until('the stuck one is evicted', () => hub.clients.size === 1)
    expect(healthy.gone).toBe(false)
    expect(feed.evictions.get('lag')).toBe(1)
    expect(lines).toContainEqual(
      expect.stringMatching(
        /^feed f: limits are changed by 127\.0\.0\.1:\d+: maxLag\.bytes 16777216 → 1048576, softLag\.ms none → 500, softForMs none → 2000$/,
      ),
    )
    const { json: config } = await admin('/config')
    const row = (option: string) => config.feeds.f.find((row: { option: string }) => row.option === option)
    expect(row('maxLag.bytes')).toEqual({
      option: 'maxLag.bytes',
      value: MIB,
      from: 'default',
      changed: { at: expect.any(Number), by: expect.stringMatching(/^127/), before: 16 * MIB },
    })
    expect(row('lowMark')).toEqual({ option: 'lowMark', value: 0.5, from: 'default' })
    expect((await admin('/feeds/f')).json.limits).toMatchObject({ maxLag: { bytes: MIB }, softLag: { ms: 500 } })
  })

  test.each([
    [{ maxLag: 17 * MIB }, 'f.maxLag: expected at most the capacity (16777216 bytes), got 17825792'],
    [{ maxLag: { bytes: -1 } }, 'f.maxLag.bytes: expected at least 1, got -1'],
    [{ lowMark: 0.9 }, 'f.lowMark: expected less than highMark (0.75), got 0.9'],
    [{ highMark: 0.4 }, 'f.lowMark: expected less than highMark (0.4), got 0.5'],
    [{ softForMs: 5 }, 'f.softForMs: expected softLag beside it, got "it alone"'],
    [{ maxPauseMs: 'long' }, 'f.maxPauseMs: expected a number, got "long"'],
    [
      { maxPauseMs: 0, minGateBytesPerSec: 1 },
      'f.minGateBytesPerSec: expected maxPauseMs above 0, over which it is measured, got 0',
    ],
  ])('that break a rule, such as %j, are refused with it, and nothing is changed', async (wrong, message) => {
    const { hub, lines, admin } = await startAdmin()
    const feed = hub.feed('f')
    const before = feed.settings
    const asked = patch({ ...wrong, minGateBytesPerSec: 100, ...wrong })
    expect(await admin('/feeds/f/limits', asked)).toMatchObject({
      status: 400,
      json: { error: { code: 'bad_option', message } },
    })
    expect(feed.settings).toBe(before)
    expect(lines).toEqual([])
  })

  test('are all that can be changed, and of a feed that there is', async () => {
    const { hub, admin } = await startAdmin()
    hub.feed('f')
    const { status, json } = await admin('/feeds/f/limits', patch({ capacity: MIB }))
    expect([status, json.error.message]).toEqual([
      400,
      'body: expected no key but maxLag, softLag, softForMs, highMark, lowMark, maxPauseMs, minGateBytesPerSec, got "capacity"',
    ])
    expect((await admin('/feeds/g/limits', patch({ maxPauseMs: 5 }))).status).toBe(404)
    expect((await admin('/feeds/f/limits', patch([1]))).status).toBe(400)
  })
})

describe('a dry run', () => {
  test('tells who would have been evicted, touches nobody, and has its last word', async () => {
    const { hub, client, admin } = await startAdmin()
    const feed = hub.feed('f')
    const healthy = await client('/feeds/f')
    await client('/feeds/f?name=stuck', { reading: false })
    expect((await admin('/feeds/f/dry-run')).status).toBe(404)
    const begun = await admin('/feeds/f/dry-run', { method: 'PUT', body: { maxLag: { bytes: 100_000 } } })
    expect(begun.json).toMatchObject({
      feed: 'f',
      imagined: { overflow: 'evict', maxLag: { bytes: 100_000 } },
      evicted: { total: 0 },
    })
    await until('the first pong of both', () => [...hub.clients].every(({ window }) => window?.state === 'open'))
    fill(feed, 100)
    await until('somebody would have been evicted', () => feed.dryRunEvictions.lag > 0)
    const told = await admin('/feeds/f/dry-run')
    expect(told.json).toMatchObject({
      evicted: { total: 1, lag: 1 },
      skipped: 0,
      worst: [{ id: 2, name: 'stuck', reason: 'lag', messages: expect.toSatisfy((n: number) => n >= 90 && n <= 100) }],
    })
    expect((await admin('/feeds/f')).json.dryRun).toEqual({ ...told.json, feed: undefined })
    expect(hub.clients.size).toBe(2)
    expect(healthy.messages).toBe(100)
    expect((await admin('/feeds/f/dry-run', { method: 'DELETE' })).json.evicted.total).toBe(1)
    expect((await admin('/feeds/f/dry-run', { method: 'DELETE' })).status).toBe(404)
    expect(feed.dryRunEvictions.lag).toBe(1)
  })

  test.each([
    [{ overflow: 'pause' }, 'f.overflow: expected evict or skip: what pause would do cannot be told, got "pause"'],
    [{ maxLag: 17 * MIB }, 'f.maxLag: expected at most the capacity (16777216 bytes), got 17825792'],
    [{ stallTimeoutMs: -1 }, 'f.stallTimeoutMs: expected a number of milliseconds, at least 0, got -1'],
    [
      { highMark: 0.5 },
      'body: expected no key but overflow, maxLag, softLag, softForMs, stallTimeoutMs, got "highMark"',
    ],
  ])('of %j is refused with the rule, and the one before goes on', async (wrong, message) => {
    const { hub, admin } = await startAdmin()
    const feed = hub.feed('f')
    await admin('/feeds/f/dry-run', { method: 'PUT' })
    const before = feed.dryRun
    expect(await admin('/feeds/f/dry-run', { method: 'PUT', body: wrong })).toMatchObject({
      status: 400,
      json: { error: { message } },
    })
    expect(feed.dryRun).toBe(before)
  })
})

describe('the document of the page', () => {
  test('says who clients are on the admin port, and where they connect; on the feed port it does not', async () => {
    const { hub, port, adminPort, client, admin } = await startAdmin()
    hub.feed('f')
    await client('/feeds/f?name=desk-7', { headers: { 'User-Agent': 'reader/1' } })
    const { body, json } = await ask(port, '/feeds')
    expect(json).toMatchObject({ admin: false, slowest: [{ id: 1 }] })
    for (const secret of ['127.0.0.1', 'desk-7', 'reader/1']) expect(body).not.toContain(secret)
    const told = (await admin('/feeds', { headers: { Host: `localhost:${adminPort}` } })).json
    expect(told).toMatchObject({
      admin: true,
      clientsUrl: `ws://localhost:${port}/`,
      slowest: [{ id: 1, name: 'desk-7', agent: 'reader/1' }],
    })
    expect((await admin('/feeds')).json.clientsUrl).toBe(`ws://localhost:${port}/`)
  })

  test('has no age below zero, though the look that it is made of was before what it tells of', async () => {
    const { hub, client } = await startAdmin()
    const feed = hub.feed('f', { overflow: 'pause', capacity: 64 * 1024, highMark: 0.2, lowMark: 0.1 })
    await client('/feeds/f')
    const tell = statusDocument(hub)
    await watchOf(hub).turn()
    fill(feed, 15, 1_000)
    const { slowest, feeds } = JSON.parse(await tell())
    expect(feeds[0].paused).toBe('gate')
    expect(feeds[0].pausedSeconds).toBeGreaterThanOrEqual(0)
    expect(slowest[0].queued.messages).toBe(15)
    expect(slowest[0].queued.seconds).toBeGreaterThanOrEqual(0)
    expect(slowest[0].dataAgeSeconds).toBeGreaterThanOrEqual(0)
  })

  test('is for a page that may listen at the feed port, because it is of the same host', async () => {
    const { hub, port, adminPort, client } = await startAdmin()
    hub.feed('f')
    const listening = async (origin: string, host: string) =>
      (await client('/feeds/f', { headers: { Host: host, Origin: origin } })).status
    const refused = async (origin: string, host: string) => {
      const page = await client('/feeds/f', { headers: { Host: host, Origin: origin } })
      await until('a close code', () => page.closeCode !== undefined)
      return page.closeCode
    }
    expect(await listening(`http://localhost:${adminPort}`, `localhost:${port}`)).toBe(101)
    expect(await refused(`http://evil.example:${adminPort}`, `localhost:${port}`)).toBe(4403)
    expect(await refused(`http://localhost:${adminPort === 1 ? 2 : 1}`, `localhost:${port}`)).toBe(4403)
  })
})

describe('the table', () => {
  const rows = readFileSync('docs/admin.md', 'utf8').matchAll(/^\| `([A-Z]+) (\/[^`]*)` \|/gm)

  test('in docs/admin.md has every path that answers', () => {
    expect([...rows].map(([, method, path]) => [method, path])).toEqual(
      ROUTES.map(({ method, path }) => [method, path]),
    )
  })

  test.each(ROUTES.map(({ method, path }) => [method, path] as const))(
    '%s %s answers on the admin port, and not on that of the feeds',
    async (method, path) => {
      const { hub, port, client, admin } = await startAdmin()
      hub.feed('f')
      await client('/feeds/f')
      await admin('/feeds/f/dry-run', { method: 'PUT' })
      const asked = path.replace('NAME', 'f').replace('ID', '1')
      expect((await admin(asked, { method, ...(method === 'PATCH' ? { body: {} } : {}) })).status).toBe(200)
      if (path === '/feeds') return // which is the other document there
      const there = await ask(port, asked, { method })
      if (path === '/feeds/NAME') expect(there.status).toBe(426)
      else {
        expect(there.status).toBe(404)
        expect(there.body).toContain('the admin API has a port of its own (--admin-port)')
      }
    },
  )

  test('other methods are told which there are', async () => {
    const { hub, admin } = await startAdmin()
    hub.feed('f')
    const { status, headers, json } = await admin('/feeds/f/dry-run', { method: 'POST' })
    expect([status, headers['allow']]).toEqual([405, 'DELETE, GET, HEAD, PUT'])
    expect(json.error).toEqual({
      code: 'method_not_allowed',
      message: 'method: expected DELETE, GET, HEAD, PUT, got "POST"',
    })
    expect((await admin('/clients', { method: 'DELETE' })).headers['allow']).toBe('GET, HEAD')
    expect(await admin('/clients', { method: 'HEAD' })).toMatchObject({ status: 200, body: '' })
  })

  test('other paths are told so', async () => {
    const { admin } = await startAdmin()
    expect(await admin('/nowhere')).toMatchObject({ status: 404, json: { error: { code: 'not_found' } } })
    expect(await admin('/clients/1/')).toMatchObject({ status: 404 })
  })
})

test('the effective configuration says where each value came from, and hides secrets', async () => {
  const origins = [
    { part: 'serve', options: [{ option: 'port', value: 80, from: '--port' }] },
    { part: 'hub', options: [{ option: 'maxClients', value: 1, from: 'SPILLWAY_MAX_CLIENTS' }] },
    {
      part: { feed: 'f' },
      options: [
        { option: 'source', value: 'ticker', from: 'x.json:3' },
        { option: 'capacity.bytes', value: MIB, from: 'x.json:4' },
      ],
    },
  ] as const
  const { hub, admin } = await startAdmin(
    { maxClients: 7, maxInFlightBytes: 0 },
    { origins, file: 'x.json', token: 'a-token-that-is-long' },
  )
  hub.feed('f', { capacity: MIB })
  const { body, json } = await admin('/config', { headers: { Authorization: 'Bearer a-token-that-is-long' } })
  expect(json).toMatchObject({ file: 'x.json', serve: [{ option: 'port', value: 80, from: '--port' }] })
  // What holds, and not what was meant.
  expect(json.hub).toContainEqual({ option: 'maxClients', value: 7, from: 'SPILLWAY_MAX_CLIENTS' })
  expect(json.hub).toContainEqual({ option: 'evictGraceMs', value: 200, from: 'default' })
  expect(json.feeds.f).toContainEqual({ option: 'source', value: 'ticker', from: 'x.json:3' })
  expect(json.feeds.f).toContainEqual({ option: 'capacity.bytes', value: MIB, from: 'x.json:4' })
  expect(json.feeds.f).toContainEqual({ option: 'maxLag.ms', value: null, from: 'default' })
  expect(body).not.toContain('a-token-that-is-long')
})
