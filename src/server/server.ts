/**
 * The hub on HTTP: `/feeds/NAME` for WebSocket clients, and for people and probes the page, `/feeds`, `/healthz`, `/readyz`,
 * `/metrics`. `attach` puts the WebSocket side alone on somebody's http.Server; `serve` runs a server with all of it.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { expected, reasonOf, SpillwayError } from '../errors.ts'
import type { Hub } from '../hub.ts'
import { statusOf } from '../protocol.ts'
import { Door } from './admit.ts'
import { metricsOf } from './metrics.ts'
import { pageFile } from './page.ts'
import { feedAt, Refusal } from './request.ts'
import { statusOfHub } from './status.ts'

export interface ServeOptions {
  /** @default 8080; 0 = any free port */
  readonly port?: number
  /** Address to listen on. @default '127.0.0.1' */
  readonly host?: string
}

export interface Serving {
  readonly server: Server
  readonly url: string
  /** Closes hub and server. */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

const FEEDS = '/feeds/'

/**
 * Serves WebSocket clients of `/feeds/NAME` on an existing HTTP or HTTPS server. Upgrades for other paths are left to
 * whoever else listens for them, and refused if nobody does. Returns how to detach; clients that are there stay.
 */
export function attach(hub: Hub, server: Server, door: Door = new Door(hub)): () => void {
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const mine = request.url?.startsWith(FEEDS) === true
    const alone = server.listenerCount('upgrade') === 1
    if (alone && request.headers.upgrade?.toLowerCase() !== 'websocket') ignoreOffer(server, request, socket)
    else if (mine || alone) door.upgrade(request, socket, head)
  }
  server.on('upgrade', upgrade)
  return () => void server.off('upgrade', upgrade)
}

/**
 * An ordinary request may offer another protocol (`Upgrade: h2c`, as Java's HttpClient does), and comes as an upgrade as soon as
 * anybody listens for those. A server may ignore the offer (RFC 9110 §7.8), so the request goes where it would have gone.
 */
function ignoreOffer(server: Server, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.once('finish', () => socket.end())
  socket.on('error', () => {})
  server.emit('request', request, response)
}

/** Runs a server for this hub. @throws SpillwayError `port_in_use` */
export async function serve(hub: Hub, { port = 8080, host = '127.0.0.1' }: ServeOptions = {}): Promise<Serving> {
  const door = new Door(hub)
  const metrics = metricsOf(hub, door)
  const server = createServer((request, response) => {
    answer(hub, metrics, request, response).catch(error => {
      hub.settings.logger.error(`${request.method} ${request.url}: ${reasonOf(error)}`)
      if (!response.headersSent) send(response, 500, 'text/plain', 'internal error\n')
      else response.destroy()
    })
  })
  attach(hub, server, door)
  await listen(server, port, host)
  const address = server.address() as AddressInfo
  const url = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}/`
  return {
    server,
    url,
    async close(options) {
      await hub.close(options)
      await new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

async function answer(
  hub: Hub,
  metrics: ReturnType<typeof metricsOf>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return send(response, 405, 'text/plain', `${expected('method', 'GET or HEAD', request.method)}\n`)
  }
  if (path === '/healthz') return send(response, 200, 'text/plain', 'ok\n')
  if (path === '/readyz') {
    return send(response, hub.closing ? 503 : 200, 'text/plain', hub.closing ? 'closing\n' : 'ready\n')
  }
  if (path === '/metrics') return send(response, 200, metrics.contentType, await metrics.metrics())
  if (path === '/feeds') return send(response, 200, 'application/json', JSON.stringify(statusOfHub(hub)))
  if (path.startsWith(FEEDS)) return tellFeed(hub, path, response)
  const file = await pageFile(path)
  if (file !== undefined) return send(response, 200, file.type, file.body, PAGE_HEADERS)
  const rule = '/, /feeds, /feeds/NAME, /healthz, /readyz or /metrics'
  send(response, 404, 'text/plain', `${expected('path', rule, path.slice(0, 80))}\n`)
}

/** Somebody asks for a feed without an upgrade: say what it is. */
function tellFeed(hub: Hub, path: string, response: ServerResponse): void {
  const feed = feedAt(hub, path)
  if (feed instanceof Refusal) {
    send(response, statusOf(feed.code), 'text/plain', `${feed.message}\n`)
    return
  }
  const { name } = feed
  response.setHeader('Upgrade', 'websocket')
  const body = `feed ${name} is a WebSocket: expected an upgrade; try: spillway tail ws://HOST/feeds/${name}\n`
  send(response, 426, 'text/plain', body)
}

const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
}

function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, {
    'Content-Type': type.startsWith('text/') && !type.includes('charset') ? `${type}; charset=utf-8` : type,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-cache',
    'X-Content-Type-Options': 'nosniff',
    ...headers,
  })
  response.end(body) // which Node leaves out for HEAD
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' ? 'it is in use' : reasonOf(error)
      const message = expected('port', `an address to listen on (${taken})`, `${host}:${port}`)
      reject(new SpillwayError('port_in_use', message, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
}
