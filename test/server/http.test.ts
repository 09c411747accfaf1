/** The hub over plain HTTP: what probes, scripts and people get; and the hub on somebody else's server. */
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { WebSocketServer } from 'ws'
import { EVICT_CAUSES } from '../../src/events.ts'
import { attach, Hub, serve } from '../../src/index.ts'
import { startHub } from '../support/hub.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

/** Asks with the path exactly as it is; fetch() would tidy it up. */
async function ask(port: number, path: string, method = 'GET', headers = {}): Promise<Answer> {
  const sent = request({ port, path, method, headers, agent: false }).end()
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.setEncoding('utf8')
  let body = ''
  for await (const text of response) body += text
  return { status: response.statusCode ?? 0, headers: response.headers, body }
}

describe('probes', () => {
  test('/healthz is ok as long as the hub answers, /readyz until it closes', async () => {
    const { hub, port, client } = await startHub()
    const feed = hub.feed('f')
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200, body: 'ok\n' })
    expect(await ask(port, '/readyz')).toMatchObject({ status: 200, body: 'ready\n' })
    await client('/feeds/f', { reading: false })
    await until('a client that has not had everything', () => {
      for (let i = 0; i < 10; i++) feed.publish({ payload: 'x'.repeat(50_000) })
      return [...feed.readers].some(({ state }) => state === 'full')
    })
    const closing = hub.close({ drainMs: 500 })
    expect(await ask(port, '/readyz')).toMatchObject({ status: 503, body: 'closing\n' })
    expect(await ask(port, '/healthz')).toMatchObject({ status: 200 })
    expect(hub.clients.size).toBe(1)
    await closing
    expect(await ask(port, '/readyz')).toMatchObject({ status: 503 })
  })

  test('may carry a query', async () => {
    const { port } = await startHub()
    expect(await ask(port, '/healthz?from=balancer')).toMatchObject({ status: 200 })
  })
})

describe('/feeds', () => {
  test('tells the hub and its feeds as JSON, as they are now', async () => {
    const { hub, port, client } = await startHub({ maxClients: 5, tailPingMs: 50 })
    const feed = hub.feed('prices', { epoch: 'e1', capacity: { messages: 2 } })
    hub.feed('files', { overflow: 'pause', format: 'binary', minClients: 1 })
    const a = await client('/feeds/prices')
    for (const payload of ['one', 'two', 'three']) feed.publish({ payload })
    await until('the messages', () => a.messages === 3 && feed.totals().delivered === 3)
    const { headers, body } = await ask(port, '/feeds')
    expect(headers['content-type']).toBe('application/json')
    const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
    const memory = { boundBytes: hub.memoryBound().total, rssBytes: expect.any(Number) }
    const reader = { id: 1, feed: 'prices', policy: 'skip', state: 'live', unconfirmed: false, inFlightBytes: 0 }
    expect(JSON.parse(body)).toEqual({
      version,
      clients: 1,
      maxClients: 5,
      unconfirmed: 0,
      memory,
      inFlight: { bytes: 0, boundBytes: hub.memoryBound().kernel },
      eventLoop: { p99Ms: expect.any(Number) },
      uptimeSeconds: expect.any(Number),
      slowest: [
        {
          ...reader,
          queued: { messages: 0, bytes: 0, seconds: 0 },
          windowBytes: 16 * 1024,
          dataAgeSeconds: 0,
          history: expect.any(Array),
        },
      ],
      closed: [],
      admin: false,
      feeds: [
        {
          name: 'prices',
          format: 'text',
          overflow: 'skip',
          epoch: 'e1',
          head: 3,
          tail: 1,
          policies: ['skip', 'evict'],
          published: 3,
          publishedBytes: 17,
          publishedPerSecond: expect.any(Number),
          delivered: 3,
          deliveredPerSecond: expect.any(Number),
          deliveredBytesPerSecond: expect.any(Number),
          skipped: 0,
          undelivered: 0,
          unknown: 0,
          gaps: { overflow: 0, rate: 0, source: 0 },
          evictions: Object.fromEntries(EVICT_CAUSES.map(cause => [cause, 0])),
          readers: 1,
          states: { live: 1, catching: 0, blocked: 0, full: 0, sampled: 0, closed: 0 },
          bands: { '0.1s': 1, '1s': 0, '5s': 0, '30s': 0, more: 0 },
          dataAge: { p50: 0, p90: 0, p99: 0, max: 0 },
          headroom: { bytes: 16 * 2 ** 20, seconds: expect.toSatisfy(seconds => seconds === null || seconds > 0) },
          queuedMessages: 0,
          source: null,
          sourceError: null,
          restarts: 0,
          filtered: 0,
          paused: null,
          pausedSeconds: 0,
          ending: null,
          logBytes: feed.log.held,
          capacityBytes: 16 * 2 ** 20,
        },
        expect.objectContaining({ name: 'files', format: 'binary', overflow: 'pause', readers: 0, head: 0, tail: 0 }),
      ],
    })
  })

  test('tells who is behind, why a source waits and how a feed has ended', async () => {
    const { hub, port, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', capacity: 200_000 })
    await client('/feeds/f', { reading: false })
    await until('the gate to close', () => {
      for (let i = 0; i < 10 && feed.demand.open; i++) feed.publish({ payload: 'x'.repeat(10_000) })
      return feed.demand.cause === 'gate'
    })
    const told = async () => JSON.parse((await ask(port, '/feeds')).body).feeds[0]
    const { messages } = hub.readers()[0]!.queued
    expect(messages).toBeGreaterThan(0)
    // It is made anew twice a second.
    const behind = { paused: 'gate', ending: null, readers: 1, queuedMessages: messages }
    await vi.waitFor(async () => expect(await told()).toMatchObject(behind), 5_000)
    feed.end({ code: 1000, reason: 'sold out' })
    await vi.waitFor(async () => expect(await told()).toMatchObject({ paused: null, ending: 'sold out' }), 5_000)
  })

  test('of a hub with nothing in it is a list with nothing in it', async () => {
    const { port } = await startHub()
    expect(JSON.parse((await ask(port, '/feeds')).body)).toMatchObject({ feeds: [], clients: 0 })
  })
})

describe('who asks for something else', () => {
  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('with %s is told the methods', async method => {
    const { port } = await startHub()
    for (const path of ['/', '/feeds', '/healthz', '/nowhere']) {
      const { status, headers, body } = await ask(port, path, method)
      expect({ status, allow: headers['allow'], body }).toEqual({
        status: 405,
        allow: 'GET, HEAD',
        body: `method: expected GET or HEAD, got "${method}"\n`,
      })
    }
  })

  test('is told the paths', async () => {
    const { port } = await startHub()
    const { status, body } = await ask(port, '/metric')
    expect(status).toBe(404)
    expect(body).toBe('path: expected /, /feeds, /feeds/NAME, /healthz, /readyz or /metrics, got "/metric"\n')
    expect((await ask(port, `/${'x'.repeat(5_000)}`)).body.length).toBeLessThan(200)
  })

  test.each([
    '/../../../package.json',
    '/..%2f..%2f..%2fpackage.json',
    '/page/index.html',
    '/../page/index.html',
    '//index.html',
    '/tsconfig.json',
    '/page.ts',
    '/constructor',
    '/.',
    '/%',
    '/\\..\\..\\package.json',
  ])('never gets a file that is none of the page: %s', async path => {
    const { port } = await startHub()
    expect(await ask(port, path)).toMatchObject({ status: 404 })
  })

  test('for a feed without an upgrade is told what it is', async () => {
    const { hub, port } = await startHub()
    hub.feed('f')
    for (const path of ['/feeds/f', '/feeds/f?from=-5', '/feeds/%66']) {
      const { status, headers, body } = await ask(port, path)
      expect({ status, upgrade: headers['upgrade'] }).toEqual({ status: 426, upgrade: 'websocket' })
      expect(body).toBe('feed f is a WebSocket: expected an upgrade; try: spillway tail ws://HOST/feeds/f\n')
    }
  })

  test('and offers another protocol besides, gets its answer all the same', async () => {
    const { hub, port, client } = await startHub()
    hub.feed('f')
    const offer = { Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': 'AAMAAABkAAQAAP__' }
    expect(await ask(port, '/healthz', 'GET', offer)).toMatchObject({ status: 200, body: 'ok\n' })
    expect(await ask(port, '/feeds/f', 'GET', offer)).toMatchObject({ status: 426 })
    expect(await ask(port, '/healthz', 'POST', offer)).toMatchObject({ status: 405 })
    const whole = await ask(port, '/metrics', 'GET', offer)
    expect(whole.body.length).toBe(Number(whole.headers['content-length']))
    expect(whole.headers['connection']).toBe('close')
    expect((await client('/feeds/f', { headers: { Upgrade: 'WebSocket' } })).status).toBe(101)
  })

  test('for a feed that is not there is told which are', async () => {
    const { hub, port } = await startHub()
    const rule = 'path: expected /feeds/NAME with one of'
    expect(await ask(port, '/feeds/g')).toMatchObject({ status: 404, body: `${rule} no feeds, got "/feeds/g"\n` })
    hub.feed('f')
    hub.feed('h')
    expect(await ask(port, '/feeds/g')).toMatchObject({ status: 404, body: `${rule} f, h, got "/feeds/g"\n` })
    expect(await ask(port, '/feeds/%E0%A4%A')).toMatchObject({ status: 404 })
  })
})

describe('every answer', () => {
  const PATHS = ['/', '/page.css', '/feeds', '/feeds/f', '/healthz', '/readyz', '/metrics', '/nowhere']

  test('to HEAD has the headers of the one to GET, and no body', async () => {
    const { hub, port } = await startHub()
    hub.feed('f')
    for (const path of PATHS) {
      const [get, head] = [await ask(port, path), await ask(port, path, 'HEAD')]
      expect(head.status, path).toBe(get.status)
      expect(head.headers['content-type'], path).toBe(get.headers['content-type'])
      expect(Number(head.headers['content-length']), path).toBeGreaterThan(0)
      expect(head.body, path).toBe('')
      expect(Number(get.headers['content-length']), path).toBe(Buffer.byteLength(get.body))
    }
  })

  test('is not to be sniffed, and not to be kept', async () => {
    const { port } = await startHub()
    for (const path of PATHS) {
      const { headers } = await ask(port, path)
      expect(headers['x-content-type-options'], path).toBe('nosniff')
      expect(headers['cache-control'], path).toBe('no-cache')
    }
  })
})

test('the page runs its own scripts and no others, and cannot be framed', async () => {
  const { port } = await startHub()
  const { status, headers, body } = await ask(port, '/')
  expect(status).toBe(200)
  expect(headers['content-type']).toBe('text/html; charset=utf-8')
  expect(body).toContain('<!doctype html>')
  const policy = Object.fromEntries(
    String(headers['content-security-policy'])
      .split('; ')
      .map(rule => [rule.slice(0, rule.indexOf(' ')), rule.slice(rule.indexOf(' ') + 1)]),
  )
  expect(policy).toMatchObject({
    'default-src': "'none'",
    'script-src': "'self'",
    'style-src': "'self'",
    'base-uri': "'none'",
    'frame-ancestors': "'none'",
  })
  expect(JSON.stringify(policy)).not.toMatch(/unsafe|\*/)
  expect(headers['referrer-policy']).toBe('no-referrer')
})

describe('serve', () => {
  test('on an address in use is refused with a sentence', async () => {
    const { port } = await startHub()
    await using hub = new Hub()
    await expect(serve(hub, { port })).rejects.toMatchObject({
      code: 'port_in_use',
      message: `port: expected an address to listen on (it is in use), got "127.0.0.1:${port}"`,
    })
  })

  test('on an address that is none of ours is refused with a sentence', async () => {
    await using hub = new Hub()
    await expect(serve(hub, { port: 0, host: '192.0.2.1' })).rejects.toMatchObject({
      code: 'port_in_use',
      message: expect.stringMatching(
        /^port: expected an address to listen on \(.*EADDRNOTAVAIL.*\), got "192\.0\.2\.1:0"$/,
      ),
    })
  })

  test('closed leaves no socket behind, not even one that is kept for the next request or in the middle of one', async () => {
    const hub = new Hub()
    const { server, url, close } = await serve(hub, { port: 0 })
    const idle = await fetch(`${url}healthz`)
    expect(await idle.text()).toBe('ok\n')
    const accepted = once(server, 'connection')
    const slow = connect(Number(new URL(url).port), '127.0.0.1').on('error', () => {})
    slow.write('GET /healthz HTTP/1.1\r\nHost:')
    await accepted
    const closed = once(slow, 'close')
    await close()
    await closed
    expect(server.listening).toBe(false)
    await expect(fetch(`${url}healthz`)).rejects.toThrow()
  })
})

describe('attached to a server', () => {
  /** Somebody's server. */
  async function theirs(): Promise<{ readonly server: Server; readonly port: number }> {
    const server = createServer((_, response) => response.end('theirs'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.closeAllConnections()
      server.close()
    })
    return { server, port: (server.address() as AddressInfo).port }
  }

  /** Their own WebSocket at /chat. */
  function addChat(server: Server): void {
    const sockets = new WebSocketServer({ noServer: true })
    server.on('upgrade', (request, socket, head) => {
      if (request.url === '/chat') sockets.handleUpgrade(request, socket, head, chat => chat.send('chat'))
    })
  }

  async function open(port: number, path: string): Promise<RawClient> {
    const client = await RawClient.open(port, path)
    onTestFinished(() => client.destroy())
    return client
  }

  async function hubOn(server: Server) {
    const hub = new Hub()
    onTestFinished(() => hub.close({ drainMs: 0 }))
    return { hub, feed: hub.feed('f'), detach: attach(hub, server) }
  }

  test('serves feeds, and leaves requests and other paths to the server', async () => {
    const { server, port } = await theirs()
    addChat(server)
    const { feed } = await hubOn(server)
    const [a, chat, unknown] = [await open(port, '/feeds/f'), await open(port, '/chat'), await open(port, '/feeds/g')]
    feed.publish({ payload: 'x' })
    await until('the messages', () => a.messages === 1 && chat.messages === 1)
    expect([a.texts, chat.texts, unknown.status]).toEqual([['x'], ['chat'], 404])
    for (const path of ['/', '/feeds', '/healthz', '/feeds/f']) {
      expect(await ask(port, path)).toMatchObject({ status: 200, body: 'theirs' })
    }
  })

  test('alone refuses what nobody else would answer', async () => {
    const { server, port } = await theirs()
    await hubOn(server)
    const chat = await open(port, '/chat')
    expect(chat.status).toBe(404)
    expect(chat.body).toBe('path: expected /feeds/NAME with one of f, got "/chat"\n')
  })

  test('and detached leaves the feeds to others, while the clients that are there stay', async () => {
    const { server, port } = await theirs()
    const { hub, feed, detach } = await hubOn(server)
    const a = await open(port, '/feeds/f')
    detach()
    expect((await open(port, '/feeds/f')).body).toBe('theirs')
    feed.publish({ payload: 'still here' })
    await until('the message', () => a.texts.includes('still here'))
    expect(hub.clients.size).toBe(1)
  })
})
