/** The admin port of `spillway serve`: where it is, who may ask, and what `spillway check` says of it. */
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ask } from '../support/admin.ts'
import { RawClient } from '../support/raw-client.ts'
import { until } from '../support/until.ts'
import { run, start } from './run.ts'

const TOKEN = 'correct-horse-battery'

/** Starts a hub with these flags; the ports that its banner names. */
async function serving(flags: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const hub = start(['serve', '--no-config', '--feed', 'f=host', ...flags], { env: { ...process.env, ...env } })
  await until('the banner', () => hub.out().includes('kernel') || hub.child.exitCode !== null)
  const out = hub.out().toString()
  const portOf = (what: string) => Number(new RegExp(`^  ${what} +http://\\S+:(\\d+)/$`, 'm').exec(out)?.[1])
  return { ...hub, port: portOf('page'), adminPort: portOf('admin') }
}

/** A port that is taken, with one before it that is probably free. */
async function takenPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

describe('the admin port', () => {
  test('is beside that of the feeds, and knows the flags and variables that the hub runs with', async () => {
    const { adminPort, port } = await serving(['--port', '0', '--capacity', '4MiB'], { SPILLWAY_MAX_CLIENTS: '100' })
    expect(adminPort).not.toBe(port)
    const { json } = await ask(adminPort, '/config')
    expect(json.serve).toContainEqual({ option: 'port', value: 0, from: '--port' })
    expect(json.serve).toContainEqual({ option: 'drainMs', value: 5_000, from: 'default' })
    expect(json.hub).toContainEqual({ option: 'maxClients', value: 100, from: 'SPILLWAY_MAX_CLIENTS' })
    expect(json.feeds.f).toContainEqual({ option: 'capacity.bytes', value: 4 * 2 ** 20, from: '--capacity' })
    expect(json.feeds.f).toContainEqual({ option: 'source', value: 'host', from: '--feed' })
  })

  test('is the one after that of the feeds, or a free one if that is taken', async () => {
    const taken = await takenPort()
    const beside = await serving(['--port', String(taken - 1)])
    if (Number.isNaN(beside.port)) return // somebody else has the one before
    expect(beside.port).toBe(taken - 1)
    expect(beside.adminPort).not.toBe(taken)
    expect((await ask(beside.adminPort, '/clients')).status).toBe(200)
  })

  test('that is asked for by number and taken ends the hub with a sentence', async () => {
    const taken = await takenPort()
    const { code, errors } = await run([
      'serve',
      '--no-config',
      '--feed',
      'f=host',
      '--port',
      '0',
      '--admin-port',
      String(taken),
    ])
    expect([code, errors]).toEqual([
      2,
      `spillway: adminPort: expected an address to listen on (it is in use), got "127.0.0.1:${taken}"\n`,
    ])
  })

  test('is none with off', async () => {
    const { out, port } = await serving(['--port', '0', '--admin-port', 'off'])
    expect(out().toString()).not.toContain('admin')
    expect((await ask(port, '/clients')).status).toBe(404)
  })

  test('at another address asks for the token', async () => {
    const flags = ['--port', '0', '--admin-host', '0.0.0.0']
    const { adminPort } = await serving(flags, { SPILLWAY_ADMIN_TOKEN: TOKEN })
    expect((await ask(adminPort, '/clients')).status).toBe(401)
    const { status, body } = await ask(adminPort, '/config', { headers: { Authorization: `Bearer ${TOKEN}` } })
    expect(status).toBe(200)
    expect(body).toContain('"option":"adminToken","value":"hidden","from":"SPILLWAY_ADMIN_TOKEN"')
    expect(body).not.toContain(TOKEN)
  })

  test('answers until the last client has gone', async () => {
    const hub = await serving(['--port', '0', '--drain', '2s'])
    const client = await RawClient.open(hub.port, '/feeds/f', { reading: false })
    onTestFinished(() => client.destroy())
    let owed = 0
    while (owed === 0) owed = (await ask(hub.adminPort, '/clients')).json.clients[0].inFlightMessages
    hub.child.kill('SIGTERM')
    let ready = 200
    while (ready === 200) ready = (await ask(hub.port, '/readyz')).status
    expect((await ask(hub.adminPort, '/clients')).json).toMatchObject({ total: 1 })
    expect(await hub.exit).toBe(0)
    await expect(ask(hub.adminPort, '/clients')).rejects.toThrow()
  })
})

describe('spillway check', () => {
  const check = (...flags: string[]) => run(['check', '--no-config', '--feed', 'f=host', ...flags])

  test('shows where it is, and hides the token', async () => {
    const { out } = await check('--admin-port', '9000', '--admin-token', TOKEN)
    expect(out).toMatch(/^ {2}adminPort +9000 +--admin-port$/m)
    expect(out).toMatch(/^ {2}adminHost +127\.0\.0\.1 +default$/m)
    expect(out).toMatch(/^ {2}adminToken +hidden +--admin-token$/m)
    expect(out).not.toContain(TOKEN)
  })

  test.each([
    [['--admin-port', '65536'], '--admin-port: expected a whole number from 0 to 65535, or off, got "65536"'],
    [
      ['--admin-port', '8080'],
      'serve.adminPort (--admin-port): expected another port than that of clients (8080), got 8080',
    ],
    [
      ['--admin-host', '0.0.0.0'],
      'serve.adminHost (--admin-host): expected a loopback address, or adminToken beside it, got "0.0.0.0"',
    ],
    [
      ['--admin-token', 'short'],
      '--admin-token: expected at least 16 characters, none of them a space, got "5 characters"',
    ],
  ])('says of %j what is wrong', async (flags, sentence) => {
    const { code, errors } = await check(...flags)
    expect([code, errors]).toEqual([2, `spillway: ${sentence}\n`])
  })
})
