/**
 * The hub on HTTP: `/feeds/NAME` for WebSocket clients, and for people and probes the page, `/feeds`, `/healthz`, `/readyz`,
 * `/metrics`. `attach` puts the WebSocket side alone on somebody's http.Server; `serve` runs a server with all of it.
 */
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { expected, reasonOf, SpillwayError } from '../errors.ts'
import type { Hub } from '../hub.ts'
import { statusOf } from '../protocol.ts'
import { Door } from './admit.ts'
import { listen, PAGE_HEADERS, send, track, urlOf } from './http.ts'
import { metricsOf } from './metrics.ts'
import { pageFile } from './page.ts'
import { feedAt, Refusal } from './request.ts'
import { statusDocument } from './status.ts'

export interface AttachOptions {
  /** Origins of pages, besides the hub's own, that may listen; `*` = all. @default [] */
  readonly origins?: readonly string[]
}

export interface ServeOptions extends AttachOptions {
  /** @default 8080; 0 = any free port */
  readonly port?: number
  /** Address to listen on. @default '127.0.0.1' */
  readonly host?: string
}

export interface Serving {
  readonly server: Server
  readonly url: string
  readonly metrics: Metrics
  /** Pages that come from this port of the same host may listen too: those of the admin port. */
  welcome(port: number): void
  /** Closes hub and server. */
  close(options?: { readonly drainMs?: number }): Promise<void>
}

/** `/metrics` as it is served. */
export type Metrics = Pick<ReturnType<typeof metricsOf>, 'contentType' | 'metrics'>

const FEEDS = '/feeds/'

/**
 * Serves WebSocket clients of `/feeds/NAME` on an existing HTTP or HTTPS server. Upgrades for other paths are left to
 * whoever else listens for them, and refused if nobody does. Returns how to detach; clients that are there stay.
 * @throws SpillwayError `bad_option` for a server that has a hub already, and for what is no origin
 */
export function attach(hub: Hub, server: Server, { origins }: AttachOptions = {}): () => void {
  return open(new Door(hub, origins), server)
}

const WITH_HUB = new WeakSet<Server>()

function open(door: Door, server: Server): () => void {
  if (WITH_HUB.has(server))
    throw new SpillwayError('bad_option', expected('server', 'one without a hub', 'one that has one'))
  WITH_HUB.add(server)
  const upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const mine = request.url?.startsWith(FEEDS) === true
    const alone = server.listenerCount('upgrade') === 1
    if (alone && request.headers.upgrade?.toLowerCase() !== 'websocket') ignoreOffer(server, request, socket)
    else if (mine || alone) door.upgrade(request, socket, head)
  }
  server.on('upgrade', upgrade)
  return () => {
    server.off('upgrade', upgrade)
    WITH_HUB.delete(server)
  }
}

/** How long an answer to a request that offered another protocol may take to be read. */
const OFFER_MS = 10_000

/**
 * An ordinary request may offer another protocol (`Upgrade: h2c`, as Java's HttpClient does), and comes as an upgrade as soon as
 * anybody listens for those. A server may ignore the offer (RFC 9110 §7.8), so the request goes where it would have gone. A body
 * does not come through any more, and losing it in silence would be worse than saying so. The HTTP server has let go of this
 * socket, so it is ended here.
 */
function ignoreOffer(server: Server, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request)
  response.shouldKeepAlive = false
  response.assignSocket(socket as Socket)
  response.once('finish', () => (socket as Socket).destroySoon())
  ;(socket as Socket).setTimeout(OFFER_MS, () => socket.destroy())
  socket.on('error', () => {})
  const { 'content-length': length = '0', 'transfer-encoding': encoding } = request.headers
  if (length === '0' && encoding === undefined) server.emit('request', request, response)
  else
    send(
      response,
      501,
      'text/plain',
      `${expected('Upgrade', 'none on a request with a body', request.headers.upgrade)}\n`,
    )
}

/** Runs a server for this hub. @throws SpillwayError `port_in_use` */
export async function serve(hub: Hub, options: ServeOptions = {}): Promise<Serving> {
  const { port = 8080, host = '127.0.0.1', origins } = options
  const door = new Door(hub, origins)
  const metrics = metricsOf(hub, door)
  const status = statusDocument(hub)
  const server = createServer((request, response) => {
    answer(hub, metrics, status, request, response).catch(error => {
      hub.settings.logger.error(`${request.method} ${request.url}: ${reasonOf(error)}`)
      if (!response.headersSent) send(response, 500, 'text/plain', 'internal error\n')
      else response.destroy()
    })
  })
  server.maxConnections = hub.settings.maxClients + SPARE_CONNECTIONS
  open(door, server)
  const sockets = track(server)
  await listen(server, port, host)
  server.on('error', error => hub.settings.logger.error(`server: ${reasonOf(error)}`))
  const url = urlOf(server)
  return {
    server,
    url,
    metrics,
    welcome: port => door.welcome(port),
    async close(options) {
      await hub.close(options)
      await new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      })
    },
  }
}

/** Connections besides clients: probes, scrapes, the page, newcomers being refused. More are not accepted. */
const SPARE_CONNECTIONS = 2_000

/** What only the admin port answers. */
const ADMIN_PATH = /^\/(?:clients|closed|config)(?:\/|$)|^\/feeds\/[^/]*\/(?:limits|dry-run)$/

async function answer(
  hub: Hub,
  metrics: Metrics,
  status: ReturnType<typeof statusDocument>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  if (ADMIN_PATH.test(path)) {
    const rule = 'a path of the feed port; the admin API has a port of its own (--admin-port)'
    return send(response, 404, 'text/plain', `${expected('path', rule, path.slice(0, 80))}\n`)
  }
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD')
    return send(response, 405, 'text/plain', `${expected('method', 'GET or HEAD', request.method)}\n`)
  }
  if (path === '/healthz') return send(response, 200, 'text/plain', 'ok\n')
  if (path === '/readyz') {
    return send(response, hub.closing ? 503 : 200, 'text/plain', hub.closing ? 'closing\n' : 'ready\n')
  }
  if (path === '/metrics') return send(response, 200, metrics.contentType, await metrics.metrics())
  if (path === '/feeds') return send(response, 200, 'application/json', await status())
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
