/** Who may ask the admin port, and with what: tokens, pages of elsewhere, bodies that are too large, too slow or no JSON. */
import { connect } from 'node:net'
import { describe, expect, test } from 'vitest'
import { Hub, serveAdmin } from '../../src/index.ts'
import { ask, startAdmin } from '../support/admin.ts'
import { until } from '../support/until.ts'

const TOKEN = 'correct-horse-battery'
const bearer = (token: string) => ({ Authorization: `Bearer ${token}` })
const JSON_TYPE = { 'Content-Type': 'application/json' }

describe('with a token', () => {
  test.each([
    ['none', {}],
    ['another', bearer('correct-horse-batterY')],
    ['a part of it', bearer(TOKEN.slice(0, -1))],
    ['more than it', bearer(`${TOKEN}x`)],
    ['none behind the scheme', { Authorization: 'Bearer ' }],
    ['it under another scheme', { Authorization: `Basic ${TOKEN}` }],
  ])('whoever gives %s gets 401 everywhere, and nothing happens', async (_, headers) => {
    const { hub, client, admin } = await startAdmin({}, { token: TOKEN })
    hub.feed('f')
    const spared = await client('/feeds/f')
    for (const path of ['/clients', '/closed', '/feeds', '/feeds/f', '/config', '/metrics', '/nowhere']) {
      const { status, headers: told, json } = await admin(path, { headers })
      expect([path, status, told['www-authenticate']]).toEqual([path, 401, 'Bearer realm="spillway"'])
      expect(json.error.code).toBe('unauthorized')
    }
    expect((await admin('/clients/1/evict', { method: 'POST', headers })).status).toBe(401)
    expect((await admin('/feeds/f/limits', { method: 'PATCH', headers, body: { maxPauseMs: 1 } })).status).toBe(401)
    expect(hub.feeds.get('f')!.settings.maxPauseMs).toBe(10_000)
    expect(spared.gone).toBe(false)
  })

  test('whoever has it may, under any name', async () => {
    const { hub, client, admin } = await startAdmin({}, { token: TOKEN })
    hub.feed('f')
    const evicted = await client('/feeds/f')
    const headers = { ...bearer(TOKEN), Host: 'hub.example' }
    for (const path of ['/clients', '/config', '/metrics']) expect((await admin(path, { headers })).status).toBe(200)
    expect((await admin('/clients/1/evict', { method: 'POST', headers })).status).toBe(200)
    await until('the client is closed', () => evicted.gone)
  })

  test('the files of the page and the probe go without, because they tell nothing', async () => {
    const { admin } = await startAdmin({}, { token: TOKEN })
    expect(await admin('/')).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } })
    expect(await admin('/healthz')).toMatchObject({ status: 200, body: 'ok\n' })
  })

  test('a wrong one is logged with who gave it, once a second at the most, and without it', async () => {
    const { lines, admin } = await startAdmin({}, { token: TOKEN })
    const began = performance.now()
    for (let i = 0; i < 5; i++) await admin('/clients', { headers: bearer('wrong-wrong-wrong') })
    expect(lines[0]).toMatch(/^admin: 127\.0\.0\.1:\d+ gave a wrong token$/)
    expect(lines.length).toBeLessThanOrEqual(1 + (performance.now() - began) / 1_000)
  })

  test.each(['short', 'fifteen-letters', 'with a space in it', 'with-an-ümlaut-in-it'])(
    '%j cannot be one',
    async token => {
      const hub = new Hub()
      const rule = `adminToken: expected at least 16 characters, none of them a space, got "${token.length} characters"`
      await expect(serveAdmin(hub, { port: 0, token })).rejects.toThrow(rule)
      await hub.close()
    },
  )
})

test.each(['0.0.0.0', '::', '192.0.2.1'])('%s needs a token', async host => {
  const hub = new Hub()
  const rule = `adminHost: expected a loopback address, or adminToken beside it, got "${host}"`
  await expect(serveAdmin(hub, { port: 0, host })).rejects.toThrow(rule)
  await hub.close()
})

test('a port that is taken is told as the admin port', async () => {
  const { hub, adminPort } = await startAdmin()
  await expect(serveAdmin(hub, { port: adminPort })).rejects.toThrow(
    `adminPort: expected an address to listen on (it is in use), got "127.0.0.1:${adminPort}"`,
  )
})

describe('without a token, a web page that is open on this machine', () => {
  const PAGES: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
    ['of another site', { Origin: 'https://evil.example' }],
    ['of another port of this machine', { Origin: 'http://localhost:3000' }],
    ['without an origin to speak of', { Origin: 'null' }],
    ['whose name resolves to this machine', { Host: 'evil.example:8081' }],
    [
      'whose name resolves to this machine, and that says where it is from',
      { Host: 'evil.example', Origin: 'http://evil.example' },
    ],
    ['whose browser says it is of another site', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' }],
    ['whose browser says it is of another port', { 'Sec-Fetch-Site': 'same-site', 'Sec-Fetch-Mode': 'cors' }],
  ]

  test.each(PAGES)('%s can neither look nor touch', async (_, headers) => {
    const { hub, client, admin } = await startAdmin()
    hub.feed('f')
    const spared = await client('/feeds/f')
    for (const [method, path] of [
      ['GET', '/clients'],
      ['GET', '/feeds'],
      ['GET', '/metrics'],
      ['POST', '/clients/1/evict'],
      ['PUT', '/feeds/f/dry-run'],
    ] as const) {
      const { status, json, headers: told } = await admin(path, { method, headers })
      expect([method, path, status, json.error.code]).toEqual([method, path, 403, 'forbidden'])
      expect(told['access-control-allow-origin']).toBeUndefined()
    }
    expect(spared.gone).toBe(false)
  })

  test('can send no form, whatever it names it', async () => {
    const { hub, client, admin } = await startAdmin()
    hub.feed('f')
    const spared = await client('/feeds/f')
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/jsonx',
    ]) {
      const asked = { method: 'POST', headers: { 'Content-Type': type }, body: '{"reason":"x"}' }
      expect(await admin('/clients/1/evict', asked)).toMatchObject({
        status: 415,
        json: { error: { code: 'unsupported_type' } },
      })
    }
    expect(spared.gone).toBe(false)
  })

  test('can ask a preflight, and learns nothing', async () => {
    const { admin } = await startAdmin()
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' }
    const { status, headers: told } = await admin('/clients/1/evict', { method: 'OPTIONS', headers })
    expect([status, Object.keys(told).filter(name => name.startsWith('access-control'))]).toEqual([403, []])
  })

  test('of ours may, and so may a link to ours', async () => {
    const { hub, adminPort, client, admin } = await startAdmin()
    hub.feed('f')
    const evicted = await client('/feeds/f')
    const own = {
      Host: `localhost:${adminPort}`,
      Origin: `http://localhost:${adminPort}`,
      'Sec-Fetch-Site': 'same-origin',
    }
    expect((await admin('/clients', { headers: own })).status).toBe(200)
    expect((await admin('/clients/1/evict', { method: 'POST', headers: own })).status).toBe(200)
    await until('the client is closed', () => evicted.gone)
    const link = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' }
    expect((await admin('/', { headers: link })).status).toBe(200)
    expect((await admin('/feeds/f/dry-run', { method: 'DELETE', headers: link })).status).toBe(403)
    for (const host of ['127.0.0.1', 'LOCALHOST:9000', '[::1]:1', '127.1.2.3'])
      expect((await admin('/clients', { headers: { Host: host } })).status).toBe(200)
  })
})

describe('a body', () => {
  const put = (body: string) => ({ method: 'PUT', headers: JSON_TYPE, body })

  test('that is no JSON is told why, and 64 KiB are the most', async () => {
    const { hub, adminPort, admin } = await startAdmin()
    hub.feed('f')
    const broken = await admin('/feeds/f/dry-run', put('{"maxLag":'))
    expect([broken.status, broken.json.error.message]).toEqual([400, expect.stringMatching(/^body: expected JSON \(/)])
    const spaces = (bytes: number) => `{${' '.repeat(bytes - 2)}}`
    expect((await admin('/feeds/f/dry-run', put(spaces(65_536)))).status).toBe(200)
    expect(await admin('/feeds/f/dry-run', put(spaces(65_537)))).toMatchObject({
      status: 413,
      json: { error: { code: 'too_large', message: 'body: expected at most 65536 bytes, got 65537' } },
    })
    // In chunks nobody says beforehand how much it is.
    const chunked = { ...put(spaces(100_000)), headers: { ...JSON_TYPE, 'Transfer-Encoding': 'chunked' } }
    expect(await ask(adminPort, '/feeds/f/dry-run', chunked)).toMatchObject({
      status: 413,
      headers: { connection: 'close' },
    })
  })

  test('where none is taken is refused', async () => {
    const { admin } = await startAdmin()
    const { status, json } = await admin('/clients', { method: 'GET', headers: { 'Content-Length': '2' }, body: {} })
    expect([status, json.error.message]).toEqual([400, 'body: expected none, got {}'])
  })

  test('that does not come in time ends the request with 408', async () => {
    const { hub, adminPort, adminServer, lines } = await startAdmin()
    hub.feed('f')
    expect([adminServer.headersTimeout, adminServer.requestTimeout]).toEqual([10_000, 10_000])
    // Both: Node takes the larger for the whole request.
    adminServer.headersTimeout = adminServer.requestTimeout = 500
    let answered = ''
    let gone = false
    const socket = connect(adminPort, '127.0.0.1')
    socket.on('data', data => {
      answered += data
    })
    socket.on('close', () => {
      gone = true
    })
    socket.on('error', () => {})
    socket.write(
      'PUT /feeds/f/dry-run HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{',
    )
    await until('the end of the request', () => gone)
    expect(answered).toMatch(/^HTTP\/1\.1 408 /)
    expect(answered).toContain('"code":"too_slow"')
    expect(hub.feeds.get('f')!.dryRun).toBeUndefined()
    expect(lines).toEqual([])
  })

  test('of what is no HTTP gets 400', async () => {
    const { adminPort } = await startAdmin()
    let answered = ''
    const socket = connect(adminPort, '127.0.0.1')
    socket.on('data', data => {
      answered += data
    })
    socket.write('HELLO\r\n\r\n')
    await until('an answer', () => answered.includes('}}'))
    expect(answered).toMatch(/^HTTP\/1\.1 400 .*"code":"bad_request"/s)
  })
})
