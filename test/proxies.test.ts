/** The proxies' configurations in docs/operations.md, tried with the proxies themselves between real clients and a real hub. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Served, startHub } from './support/hub.ts'
import { RawClient, type RawOptions } from './support/raw-client.ts'
import { needs, type Tool } from './support/tools.ts'
import { until } from './support/until.ts'

const DOCUMENT = readFileSync(join(import.meta.dirname, '../docs/operations.md'), 'utf8')

function documented(file: string): string {
  const text = new RegExp(`^\`\`\`\\w+ ${file}\\n(.*?)^\`\`\`$`, 'ms').exec(DOCUMENT)?.[1]
  if (text === undefined) throw new Error(`docs/operations.md has no ${file}`)
  return text
}

/** Replaces what has to be other than on a real machine; all of it has to be there. */
function changed(text: string, changes: Readonly<Record<string, string>>): string {
  for (const [from, to] of Object.entries(changes)) {
    expect(text).toContain(from)
    text = text.replace(from, to)
  }
  return text
}

interface Proxy {
  /** Its configuration as it stands in the document, between these two ports, and how it is started. */
  readonly configured: (port: number, hub: number, folder: string) => readonly [file: string, text: string]
  readonly arguments: (path: string, folder: string) => readonly string[]
}

const PROXIES: Readonly<Record<Extract<Tool, 'nginx' | 'haproxy'>, Proxy>> = {
  nginx: {
    configured: (port, hub, folder) => [
      'nginx.conf',
      `daemon off; pid ${folder}/pid; error_log stderr;\n${changed(documented('nginx.conf'), {
        'listen 80': `listen 127.0.0.1:${port}`,
        '127.0.0.1:8080': `127.0.0.1:${hub}`,
        'worker_processes auto': 'worker_processes 1',
        'http {': `http { client_body_temp_path ${folder}/b; proxy_temp_path ${folder}/p; fastcgi_temp_path ${folder}/f; uwsgi_temp_path ${folder}/u; scgi_temp_path ${folder}/s;`,
      })}`,
    ],
    arguments: (path, folder) => ['-e', 'stderr', '-p', folder, '-c', path],
  },
  haproxy: {
    configured: (port, hub) => [
      'haproxy.cfg',
      changed(documented('haproxy.cfg'), {
        'bind :80': `bind 127.0.0.1:${port}`,
        '127.0.0.1:8080': `127.0.0.1:${hub}`,
        'maxconn 30000': 'maxconn 100',
      }),
    ],
    arguments: path => ['-f', path],
  },
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

async function startProxy(tool: keyof typeof PROXIES, hub: Served): Promise<{ port: number; said: () => string }> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  const port = await freePort()
  const proxy = PROXIES[tool]
  const [file, text] = proxy.configured(port, hub.port, folder)
  const path = join(folder, file)
  writeFileSync(path, text)
  const child: ChildProcess = spawn(needs(tool)!, proxy.arguments(path, folder), { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on('data', chunk => {
      said += chunk
    })
  }
  const exit = new Promise(resolve => child.on('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await exit
    rmSync(folder, { recursive: true, force: true })
  })
  const ready = () => fetch(`http://127.0.0.1:${port}/readyz`).then(response => response.ok)
  let isReady = false
  while (!isReady && child.exitCode === null) isReady = await ready().catch(() => false)
  if (child.exitCode !== null) throw new Error(`${tool} did not start: ${said}`)
  return { port, said: () => said }
}

describe.each(['nginx', 'haproxy'] as const)('behind %s', tool => {
  const missing = needs(tool) === undefined

  async function behind() {
    const hub = await startHub({ evictGraceMs: 10_000 })
    const { port } = await startProxy(tool, hub)
    const open = async (path: string, options?: RawOptions) => {
      const client = await RawClient.open(port, path, options)
      onTestFinished(() => client.destroy())
      return client
    }
    return { ...hub, proxyPort: port, open }
  }

  test.skipIf(missing)('messages, pings and goodbyes go through, and a page of the proxy is no stranger', async () => {
    const { hub, open, proxyPort } = await behind()
    const feed = hub.feed('f')
    const [plain, page] = [
      await open('/feeds/f'),
      await open('/feeds/f?from=latest', {
        headers: { Host: `127.0.0.1:${proxyPort}`, Origin: `http://127.0.0.1:${proxyPort}` },
      }),
    ]
    expect([plain.status, page.status]).toEqual([101, 101])
    expect(plain.headers['spillway-position']).toBe(`${feed.log.epoch}:0`)
    for (let i = 0; i < 1_000; i++) feed.publish({ payload: `${i}` })
    for (const client of [plain, page]) {
      await until('every message', () => client.messages === 1_000)
      expect(client.texts).toEqual(Array.from({ length: 1_000 }, (_, i) => `${i}`))
    }
    await until('it to be known to be taken, by pongs', () => feed.totals().delivered === 2_000)
    feed.end()
    expect([await plain.closed(), await page.closed()]).toEqual([1000, 1000])
  })

  test.skipIf(missing)(
    'a client that gave no label has its address for one, and one that did keeps its own',
    async () => {
      const { hub, open } = await behind()
      hub.feed('f')
      await open('/feeds/f')
      await open('/feeds/f?from=latest')
      await open('/feeds/f?name=desk%207')
      await until('them to be there', () => hub.clients.size === 3)
      expect([...hub.clients].map(({ info }) => info.name)).toEqual(['127.0.0.1', '127.0.0.1', 'desk 7'])
    },
  )

  test.skipIf(missing)(
    'a client that stops reading is judged itself, is bounded, and finds 4408 when it reads on',
    async () => {
      const { hub, open } = await behind()
      const feed = hub.feed('f', { overflow: 'evict', capacity: 2 ** 20 })
      const healthy = await open('/feeds/f', { keep: false })
      const slow = await open('/feeds/f', { keep: false })
      feed.publish({ payload: 'to be known' })
      await until('both to have answered', () =>
        hub.readers().every(({ unconfirmed, account }) => !unconfirmed && account.taken === 1),
      )
      slow.stop()
      let most = 0
      const published = 500
      for (let i = 0; i < published; i++) {
        if (!feed.publish({ payload: 'x'.repeat(10_000) })) await feed.ready()
        for (const { inFlightBytes } of hub.readers()) most = Math.max(most, inFlightBytes)
      }
      await until('the eviction', () => [...feed.evictions.values()].length === 1)
      slow.go()
      expect(await slow.closed()).toBe(4408)
      expect(slow.closeReason).toMatch(/^too slow: /)
      expect(most).toBeLessThan(2 ** 20)
      await until('the healthy one to have everything', () => healthy.messages === published + 1)
      expect(feed.evictions.size).toBe(1)
    },
  )

  test.skipIf(missing)('a hub that drains lets nobody in, and those who are there are told to come back', async () => {
    const { hub, open, proxyPort } = await behind()
    hub.feed('f')
    const clients = [await open('/feeds/f'), await open('/feeds/f')]
    const closing = hub.close({ drainMs: 2_000 })
    const newcomer = await open('/feeds/f')
    expect([502, 503]).toContain(newcomer.status)
    for (const client of clients) expect(await client.closed()).toBe(1012)
    await closing
    const ready = await fetch(`http://127.0.0.1:${proxyPort}/readyz`)
    expect(ready.status).toBe(503)
  })

  test.skipIf(missing)('metrics are not for everybody', async () => {
    const { proxyPort } = await behind()
    expect((await fetch(`http://127.0.0.1:${proxyPort}/metrics`)).status).toBe(404)
    expect((await fetch(`http://127.0.0.1:${proxyPort}/feeds`)).status).toBe(200)
    expect(await (await fetch(`http://127.0.0.1:${proxyPort}/`)).text()).toContain('<title>Spillway')
  })
})
