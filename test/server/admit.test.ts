/**
 * The door: who is let in, from where, and with which words the others are refused: as a close frame for browsers, which
 * never see an HTTP status, and as an HTTP status for everybody else.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'
import { type Feed, Hub, type HubOptions, serve } from '../../src/index.ts'
import { Door } from '../../src/server/admit.ts'
import { type Served, startHub } from '../support/hub.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'

const BROWSER = { headers: { Origin: 'https://example.org' } }

/** Feed `f` of epoch `e1` with the messages "0" to "149", of which the last hundred are kept. */
async function startWithFeed(options?: HubOptions): Promise<Served & { readonly feed: Feed }> {
  const served = await startHub(options)
  const feed = served.hub.feed('f', { epoch: 'e1', capacity: { messages: 100 } })
  for (let i = 0; i < 150; i++) feed.publish({ payload: `${i}` })
  return { ...served, feed }
}

/** Asserts that this path is refused with these words, from a browser and from others. */
async function refused({ client, hub }: Served, path: string, code: number, status: number, sentence: string) {
  const before = hub.clients.size
  const browser = await client(path, BROWSER)
  expect(browser.status).toBe(101)
  expect(browser.headers).not.toHaveProperty('spillway-feed')
  expect(await browser.closed()).toBe(code)
  expect(browser.closeReason).toBe(Buffer.byteLength(sentence) <= 123 ? sentence : `${sentence.slice(0, 120)}…`)
  expect(browser.messages).toBe(0)

  const other = await client(path)
  await other.closed()
  expect(other.status).toBe(status)
  expect(other.headers).toMatchObject({ 'spillway-close-code': `${code}`, connection: 'close' })
  expect(other.headers['content-type']).toBe('text/plain; charset=utf-8')
  expect(other.body).toBe(`${sentence}\n`)
  expect(hub.clients.size).toBe(before)
}

describe('who asks for what is not there or breaks a rule is refused with the rule and the value:', () => {
  const FROM = 'from: expected latest, earliest, -MESSAGES (-100), -AGE (-5m; ms, s, m, h or d) or EPOCH:OFFSET, got '
  const RATE = 'maxRate: expected messages per second, more than 0 up to 1000000, got '
  const PATH = 'path: expected /feeds/NAME with one of f, got '

  test.each<[string, string, number, number, string]>([
    ['an unknown feed', '/feeds/g', 4404, 404, `${PATH}"/feeds/g"`],
    ['no feed', '/feeds/', 4404, 404, `${PATH}"/feeds/"`],
    ['a path below a feed', '/feeds/f/x', 4404, 404, `${PATH}"/feeds/f/x"`],
    ['a path that is none of the hub', '/chat', 4404, 404, `${PATH}"/chat"`],
    ['a feed in malformed percent-encoding', '/feeds/%E0%A4%A', 4404, 404, `${PATH}"/feeds/%E0%A4%A"`],
    ['a property that every object has', '/feeds/constructor', 4404, 404, `${PATH}"/feeds/constructor"`],
    ['a bad from', '/feeds/f?from=yesterday', 4400, 400, `${FROM}"yesterday"`],
    ['an empty from', '/feeds/f?from=', 4400, 400, `${FROM}""`],
    ['a from in malformed percent-encoding', '/feeds/f?from=-5%', 4400, 400, `${FROM}"-5%"`],
    ['beyond the head', '/feeds/f?from=e1:151', 4400, 400, 'from: expected at most 150 (the head), got "e1:151"'],
    [
      'another epoch',
      '/feeds/f?from=e0:100',
      4410,
      410,
      'from: expected a position of epoch e1, now at 150, got "e0:100"',
    ],
    ['older than the tail', '/feeds/f?from=e1:49', 4410, 410, 'from: expected 50 (the tail) or later, got "e1:49"'],
    ['an unknown policy', '/feeds/f?overflow=drop', 4400, 400, 'overflow: expected pause, evict, skip, got "drop"'],
    [
      'a policy not allowed',
      '/feeds/f?overflow=pause',
      4403,
      403,
      'overflow: expected one of those feed f allows (skip, evict), got "pause"',
    ],
    [
      'an unknown parameter',
      '/feeds/f?From=latest',
      4400,
      400,
      'query: expected no parameters but from, overflow, maxRate, name, got "From"',
    ],
    ['no rate at all', '/feeds/f?maxRate=0', 4400, 400, `${RATE}"0"`],
    ['a negative rate', '/feeds/f?maxRate=-1', 4400, 400, `${RATE}"-1"`],
    ['a rate that is no number', '/feeds/f?maxRate=fast', 4400, 400, `${RATE}"fast"`],
    ['an empty rate', '/feeds/f?maxRate=', 4400, 400, `${RATE}""`],
    ['an endless rate', '/feeds/f?maxRate=Infinity', 4400, 400, `${RATE}"Infinity"`],
    [
      'a rate without skip',
      '/feeds/f?maxRate=5&overflow=evict',
      4400,
      400,
      'maxRate: expected overflow=skip beside it, because what the rate leaves out is skipped, got "evict"',
    ],
  ])('%s', async (_, path, code, status, sentence) => {
    await refused(await startWithFeed(), path, code, status, sentence)
  })

  test('a very long path, of which the beginning is told', async () => {
    const served = await startWithFeed()
    const other = await served.client(`/feeds/${'x'.repeat(5_000)}`)
    await other.closed()
    expect(other.status).toBe(404)
    expect(other.body.length).toBeLessThan(200)
  })
})

describe('a hub', () => {
  test('that is full takes no more, and takes again when somebody has left', async () => {
    const served = await startHub({ maxClients: 1 })
    served.hub.feed('f')
    const first = await served.client('/feeds/f')
    const sentence = 'the hub has 1 clients and takes no more (maxClients); retry=30s'
    await refused(served, '/feeds/f', 4503, 503, sentence)
    first.close()
    await until('the first to have left', () => served.hub.clients.size === 0)
    expect((await served.client('/feeds/f')).status).toBe(101)
  })

  test('that is closing lets nobody in, and says when to come back', async () => {
    const served = await startHub()
    served.hub.feed('f')
    await served.hub.close()
    await refused(served, '/feeds/f', 1012, 503, 'the hub is restarting; retry=5s')
  })

  test('without feeds says so', async () => {
    const served = await startHub()
    const sentence = 'path: expected /feeds/NAME with one of no feeds, got "/feeds/f"'
    await refused(served, '/feeds/f', 4404, 404, sentence)
  })
})

/** A peer that takes what comes, says what it is told to, and never ends its side of the socket. */
function lingerer(port: number, headers = ''): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).resume()
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  socket.write(
    `GET /feeds/f HTTP/1.1\r\nHost: h\r\n${headers}Upgrade: websocket\r\nConnection: Upgrade\r\n` +
      'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  )
  return socket
}

test('a refused browser that does not answer the close frame is gone after a second', async () => {
  const { hub, port } = await startHub()
  const socket = lingerer(port, 'Origin: o\r\n')
  const started = performance.now()
  await once(socket, 'end')
  expect(performance.now() - started).toBeGreaterThan(500)
  expect(performance.now() - started).toBeLessThan(5_000)
  expect(hub.clients.size).toBe(0)
})

describe('a handshake that is none', () => {
  test.each([
    ['a key of the wrong length', { 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 400],
    ['a key that is no base64', { 'Sec-WebSocket-Key': '!'.repeat(24) }, 400],
    ['an old version', { 'Sec-WebSocket-Version': '7' }, 400],
    ['a version that is no number', { 'Sec-WebSocket-Version': 'x' }, 400],
  ])('is refused by status, from a browser too: %s', async (_, headers, status) => {
    const { hub, client } = await startWithFeed()
    const { Origin } = BROWSER.headers
    for (const [path, own] of [
      ['/feeds/f', headers],
      ['/feeds/f', { ...headers, Origin }],
      ['/feeds/g', { ...headers, Origin }],
    ] as const) {
      const refused = await client(path, { headers: own })
      await refused.closed()
      expect(refused.status).toBe(status)
    }
    expect(hub.clients.size).toBe(0)
    expect((await client('/feeds/f')).status).toBe(101)
  })

  test('with something else than GET is refused by status', async () => {
    const { port } = await startWithFeed()
    const socket = connect(port, '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.write(
      'POST /feeds/f HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n' +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1\.1 405 /)
  })
})

describe('who is let in', () => {
  test.each([
    ['', 150],
    ['?from=latest', 150],
    ['?from=earliest', 50],
    ['?from=-10', 140],
    ['?from=-1', 149],
    ['?from=-0', 150],
    ['?from=-1000000', 50],
    ['?from=-1h', 50],
    ['?from=-0s', 150],
    ['?from=e1:50', 50],
    ['?from=e1:100', 100],
    ['?from=e1%3A149', 149],
    ['?from=e1:150', 150],
  ])('is told its position in the headers, and its first message is the one there: %s', async (query, offset) => {
    const { client, feed } = await startWithFeed()
    const a = await client(`/feeds/f${query}`)
    expect(a.status).toBe(101)
    expect(a.headers).toMatchObject({
      'spillway-feed': 'f',
      'spillway-position': `e1:${offset}`,
      'spillway-overflow': 'skip',
    })
    feed.publish({ payload: '150' })
    await until('the newest', () => a.texts.at(-1) === '150')
    expect(a.texts).toEqual(Array.from({ length: 151 - offset }, (_, i) => `${offset + i}`))
  })

  test('by age begins with the first message that is not older', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { epoch: 'e' })
    for (let i = 0; i < 10; i++) feed.publish({ payload: `old ${i}` })
    const started = performance.now()
    await until('the old ones to be old', () => performance.now() - started > 1_000)
    for (let i = 0; i < 10; i++) feed.publish({ payload: `new ${i}` })
    const a = await client('/feeds/f?from=-500ms')
    expect(a.headers['spillway-position']).toBe('e:10')
    await until('the new ones', () => a.messages === 10)
    expect(a.texts[0]).toBe('new 0')
  })

  test('at an offset that the source left out begins with the next there is', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { epoch: 'e' })
    for (const offset of [0, 10, 20]) feed.publish({ payload: `${offset}`, offset })
    const a = await client('/feeds/f?from=e:5')
    expect(a.headers['spillway-position']).toBe('e:10')
    await until('what is left', () => a.messages === 2)
    expect(a.texts).toEqual(['10', '20'])
  })

  test('on an empty feed stands at its beginning, from wherever', async () => {
    const { hub, client } = await startHub()
    hub.feed('f', { epoch: 'e' })
    for (const from of ['latest', 'earliest', '-5', '-5m', 'e:0']) {
      expect((await client(`/feeds/f?from=${from}`)).headers['spillway-position']).toBe('e:0')
    }
  })

  test('to a feed that has ended gets what is left, and then its close', async () => {
    const { client, feed } = await startWithFeed()
    feed.end({ code: 1000, reason: 'sold out' })
    for (const [from, messages] of [
      ['-3', 3],
      ['latest', 0],
    ] as const) {
      const a = await client(`/feeds/f?from=${from}`)
      expect(await a.closed()).toBe(1000)
      expect([a.messages, a.closeReason]).toEqual([messages, 'sold out'])
    }
  })

  test('is told the policy it asked for', async () => {
    const { hub, client } = await startHub()
    hub.feed('f', { allow: ['pause', 'evict'] })
    for (const overflow of ['pause', 'evict', 'skip']) {
      const a = await client(`/feeds/f?overflow=${overflow}`)
      expect(a.headers['spillway-overflow']).toBe(overflow)
    }
    expect(hub.readers().map(({ overflow }) => overflow)).toEqual(['pause', 'evict', 'skip'])
  })

  test('may write the name of the feed in percent-encoding', async () => {
    const { client } = await startWithFeed()
    expect((await client('/feeds/%66')).headers['spillway-feed']).toBe('f')
  })

  test('may be a page of the hub itself', async () => {
    const { client, port } = await startWithFeed()
    const a = await client('/feeds/f?from=-1', { headers: { Origin: `http://127.0.0.1:${port}` } })
    await until('the message', () => a.messages === 1)
    expect(a.headers['spillway-position']).toBe('e1:149')
  })

  test('gets neither compression nor a subprotocol, whatever it offers', async () => {
    const { client } = await startWithFeed()
    const headers = {
      'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits',
      'Sec-WebSocket-Protocol': 'chat, superchat',
    }
    const a = await client('/feeds/f', { headers })
    expect(a.status).toBe(101)
    expect(a.headers).not.toHaveProperty('sec-websocket-extensions')
    expect(a.headers).not.toHaveProperty('sec-websocket-protocol')
  })

  test.each([
    ['desk 7', 'desk%207'],
    ['desk 7', 'desk+7'],
    ['', ''],
    ['a[31mred', 'a%1B%5B31mr%00%0Aed'],
    ['hidden', 'hid%E2%80%AEden%E2%80%8B'],
    ['one line', 'one%E2%80%A8%E2%80%A9%20line'],
    ['x'.repeat(64), 'x'.repeat(65)],
    ['😀'.repeat(64), encodeURIComponent('😀'.repeat(65))],
    ['a\ufffd', 'a%FF'],
  ])('is labelled %j, printable and short, for operators', async (label, name) => {
    const { hub, client } = await startWithFeed()
    await client(`/feeds/f?name=${name}`, { headers: { 'User-Agent': 'u'.repeat(500) } })
    expect(hub.readers()[0]!.client).toMatchObject({ name: label, agent: 'u'.repeat(120) })
    expect(hub.readers()[0]!.client.address).toMatch(/^127\.0\.0\.1:\d+$/)
  })
})

describe('a client that talks', () => {
  test('is not listened to', async () => {
    const { client, feed } = await startWithFeed()
    const a = await client('/feeds/f')
    a.send(1, Buffer.from('{"subscribe":"everything"}'))
    a.send(2, Buffer.from([0xff, 0xfe]))
    a.send(10, Buffer.from('a pong nobody asked for'))
    a.send(9, Buffer.from('are you there?'))
    await until('the answer to the ping', () => a.pongs === 1)
    feed.publish({ payload: 'still here' })
    await until('the message', () => a.messages === 1)
    expect(a.texts).toEqual(['still here'])
  })

  test('gets its ping back as a pong', async () => {
    const { url } = await startWithFeed()
    const socket = new WebSocket(`${url.replace('http', 'ws')}feeds/f`)
    onTestFinished(() => socket.terminate())
    await once(socket, 'open')
    socket.ping('1234')
    const [pong] = (await once(socket, 'pong')) as [Buffer]
    expect(pong.toString()).toBe('1234')
  })

  test.each([
    ['a message of more than 4 KiB', 1009, [0x82, 0xfe, 0x10, 0x01, 1, 2, 3, 4]],
    ['a frame without a mask (RFC 6455 §5.1)', 1002, [0x81, 0x02, 0x68, 0x69]],
    ['a reserved bit (§5.2)', 1002, [0xc1, 0x80, 1, 2, 3, 4]],
    ['a reserved opcode (§5.2)', 1002, [0x83, 0x80, 1, 2, 3, 4]],
    ['a ping in fragments (§5.5)', 1002, [0x09, 0x80, 1, 2, 3, 4]],
    ['a continuation of nothing (§5.4)', 1002, [0x80, 0x80, 1, 2, 3, 4]],
    ['text that is no UTF-8 (§8.1)', 1007, [0x81, 0x81, 0, 0, 0, 0, 0xff]],
    ['a close code that may not be sent (§7.4.1)', 1002, [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xed]],
  ])('out of turn is closed, and the others notice nothing: %s', async (_, code, bytes) => {
    const { hub, client, feed } = await startWithFeed()
    const [rude, other] = [await client('/feeds/f'), await client('/feeds/f')]
    rude.socket.write(Buffer.from(bytes))
    expect(await rude.closed()).toBe(code)
    await until('it to have left', () => hub.clients.size === 1)
    feed.publish({ payload: 'on' })
    await until('the message', () => other.texts.includes('on'))
  })

  test.each([
    ['says goodbye', [0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]],
    ['is closed for what it sends', [0x81, 0x02, 0x68, 0x69]],
  ])('and does not end its socket is no client any more after the grace: %s', async (_, bytes) => {
    const { hub, port, feed } = await startWithFeed()
    const socket = lingerer(port)
    await until('it to be a client', () => feed.readers.size === 1)
    socket.write(Buffer.from(bytes))
    await until('it to be none', () => hub.clients.size === 0 && feed.readers.size === 0, 5_000)
  })

  test('in pings, and never reads the pongs, does not grow our memory', async () => {
    const { hub, client, feed } = await startWithFeed({ targetDelayMs: 0 })
    const a = await client('/feeds/f', { reading: false })
    const [sink] = hub.clients
    const pings = Buffer.concat(Array.from({ length: 1_000 }, () => maskedPing(Buffer.alloc(125, 'p'))))
    let most = 0
    const flood = async (done: () => boolean, what: string) => {
      await until(what, () => {
        most = Math.max(most, sink!.bufferedBytes)
        if (a.socket.writableLength < pings.length) a.socket.write(pings)
        return done()
      })
    }
    while (sink!.reader.state !== 'blocked') {
      feed.publish({ payload: 'x'.repeat(100_000) })
      await new Promise(resolve => setImmediate(resolve))
    }
    const { bufferedBytes: stuck } = sink!
    await flood(() => a.socket.bytesWritten > 4_000_000, '4 MB of pings')
    expect(most).toBeLessThan(stuck + 200)
    feed.publish({ payload: 'still here' })
    a.go()
    await until('the message behind the pongs', () => a.texts.at(-1) === 'still here')
  })
})

function maskedPing(payload: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0x89, 0x80 | payload.length, 0, 0, 0, 0]), payload])
}

describe('pages of other origins', () => {
  const OTHER = { headers: { Origin: 'https://other.example' } }

  test('are refused with 4403, because a WebSocket has no same-origin policy', async () => {
    const { client, hub } = await startWithFeed()
    const a = await client('/feeds/f?from=-1', OTHER)
    expect(await a.closed()).toBe(4403)
    expect(a.closeReason).toBe('Origin: expected the hub\'s own (origins), got "https://other.example"')
    expect(a.messages).toBe(0)
    expect(hub.clients.size).toBe(0)
    const local = await client('/feeds/f', { headers: { Origin: 'null' } })
    expect(await local.closed()).toBe(4403)
  })

  test.each([['https://other.example'], ['*']])('may listen where they are allowed (%s)', async origins => {
    const hub = new Hub()
    hub.feed('f').publish({ payload: 'x' })
    const { url, close } = await serve(hub, { port: 0, origins: [origins] })
    const a = await RawClient.open(Number(new URL(url).port), '/feeds/f?from=-1', OTHER)
    await until('the message', () => a.messages === 1)
    a.destroy()
    await close({ drainMs: 0 })
  })

  test('are named as origins, not as anything else', async () => {
    const hub = new Hub()
    for (const wrong of ['example.org', 'https://example.org/path', '']) {
      await expect(serve(hub, { port: 0, origins: [wrong] })).rejects.toThrow(/^origins: expected origins such as/)
    }
    await hub.close()
  })
})

test('pages that are gone before it is their turn take no place of those that are told why they are refused', async () => {
  const hub = new Hub()
  const door = new Door(hub)
  const server = createServer().on('upgrade', (request, socket, head) => door.upgrade(request, socket, head))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(async () => {
    server.close()
    await hub.close({ drainMs: 0 })
  })
  const gone = Array.from({ length: 1_000 }, () => new PassThrough().destroy())
  await turn()
  const request = { url: '/feeds/none', headers: { origin: 'https://example.org' } } as IncomingMessage
  for (const socket of gone) door.upgrade(request, socket, Buffer.alloc(0))
  const { port } = server.address() as AddressInfo
  const page = await RawClient.open(port, '/feeds/none', BROWSER)
  expect(page.status).toBe(101)
  expect(await page.closed()).toBe(4404)
  expect(door.refusals.get('no-feed')).toBe(1)
  page.destroy()
})

test('a parameter given twice is refused', async () => {
  const { client } = await startWithFeed()
  const a = await client('/feeds/f?from=latest&from=earliest')
  expect([a.status, a.body]).toEqual([400, 'from: expected to be given once, got "latest, earliest"\n'])
})
