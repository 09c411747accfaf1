/**
 * The admin port: a server of its own, on loopback unless there is a token, with the admin API, the page as operators see it, and
 * `/metrics`. Clients are not served here, and nothing of this is on the feed port: who may listen to feeds may not look into the hub.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { expected, reasonOf, SpillwayError } from '../../errors.ts'
import type { Hub } from '../../hub.ts'
import { addressOf, Door } from '../admit.ts'
import { listen, PAGE_HEADERS, send, track, urlOf } from '../http.ts'
import { metricsOf } from '../metrics.ts'
import { pageFile } from '../page.ts'
import type { Metrics, Serving } from '../server.ts'
import { statusDocument } from '../status.ts'
import { watchOf } from '../watch/watch.ts'
import { readBody } from './body.ts'
import { Configuration, type OriginPart } from './configuration.ts'
import { checkAccess, Guard, isLoopback } from './guard.ts'
import { REFUSALS, type RefusalCode, Refused } from './refused.ts'
import type { Office } from './route.ts'
import { answerTo, methodsOf } from './routes.ts'

export interface AdminOptions {
  /** @default 8081; 0 = any free port */
  readonly port?: number
  /** Address to listen on; beside one that is not loopback there has to be a token. @default '127.0.0.1' */
  readonly host?: string
  /** At least 16 characters; asked for as `Authorization: Bearer TOKEN`. @default none */
  readonly token?: string | undefined
  /** The server of the clients: the page of the admin port may listen there. */
  readonly serving?: Serving
  /** Where options came from, for `GET /config`. @default all are defaults */
  readonly origins?: readonly OriginPart[]
  /** The configuration file, for the same. */
  readonly file?: string | undefined
}

export interface Administering {
  readonly server: Server
  readonly url: string
  /** Closes the server, not the hub. */
  close(): Promise<void>
}

/** A request that is not there by then is answered with 408. */
const REQUEST_MS = 10_000
/** Connections at the most: operators, their pages, a scrape or two. */
const MAX_CONNECTIONS = 256

/** Runs the admin port of a hub. @throws SpillwayError `bad_option`, `port_in_use` */
export async function serveAdmin(hub: Hub, options: AdminOptions = {}): Promise<Administering> {
  const { port = 8081, host = '127.0.0.1', token, serving, origins, file } = options
  checkAccess({ host, token })
  const guard = new Guard(token, line => hub.settings.logger.warn(`admin: ${line}`))
  const metrics = serving?.metrics ?? metricsOf(hub, new Door(hub))
  const status = statusDocument(hub)
  const office: Office = {
    hub,
    watch: watchOf(hub),
    configuration: new Configuration(hub, origins, file),
    status: name => status({ clientsUrl: clientsUrl(serving, name) }),
  }
  const clocks = { requestTimeout: REQUEST_MS, headersTimeout: REQUEST_MS, connectionsCheckingInterval: 1_000 }
  const server = createServer(clocks, (request, response) => {
    answer(office, metrics, guard, request, response).catch(error => refuse(hub, request, response, error))
  })
  server.maxConnections = MAX_CONNECTIONS
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => endBad(error, socket))
  const sockets = track(server)
  await listen(server, port, host, 'adminPort')
  server.on('error', error => hub.settings.logger.error(`admin: ${reasonOf(error)}`))
  const url = urlOf(server)
  serving?.welcome(Number(new URL(url).port || 80))
  return {
    server,
    url,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

/** Anybody who may come at all gets these: they tell nothing of the hub. */
const PROBES: Readonly<Record<string, string>> = { '/healthz': 'ok\n' }

async function answer(
  office: Office,
  metrics: Metrics,
  guard: Guard,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = '/', method = 'GET', headers } = request
  const [path = '/', query = ''] = url.split(/\?(.*)/s, 2)
  const asked = method === 'HEAD' ? 'GET' : method
  guard.checkPlace(request)
  const probe = PROBES[path]
  const file = probe === undefined && asked === 'GET' ? await pageFile(path) : undefined
  if (probe !== undefined && asked === 'GET') return send(response, 200, 'text/plain', probe)
  if (file !== undefined) return send(response, 200, file.type, file.body, PAGE_HEADERS)
  guard.checkToken(request)
  if (path === '/metrics' && asked === 'GET') return send(response, 200, metrics.contentType, await metrics.metrics())
  const methods = path === '/metrics' ? (['GET'] as const) : methodsOf(path)
  if (methods.length === 0) {
    const rule = 'one of the paths of the admin API (docs/admin.md), /metrics or /'
    throw new Refused('not_found', expected('path', rule, path.slice(0, 80)))
  }
  if (!methods.some(known => known === asked)) {
    const allow = [...(methods.includes('GET') ? ['HEAD'] : []), ...methods].sort()
    response.setHeader('Allow', allow.join(', '))
    throw new Refused('method_not_allowed', expected('method', allow.join(', '), method))
  }
  const body = await readBody(request)
  const by = addressOf(request.socket)
  const told = await answerTo(office, asked, path, { query: new URLSearchParams(query), body, by, host: headers.host })
  json(response, 200, typeof told === 'string' ? told : JSON.stringify(told))
}

function refuse(hub: Hub, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  const gone = request.destroyed && !request.complete // in the middle of its body, or it was ended for being late
  if (gone || response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const code = codeOf(error)
  const message = code === 'internal' ? 'internal error' : reasonOf(error)
  if (code === 'internal') hub.settings.logger.error(`admin: ${request.method} ${request.url}: ${reasonOf(error)}`)
  if (code === 'unauthorized') response.setHeader('WWW-Authenticate', 'Bearer realm="spillway"')
  // What is left of a body that nobody reads would be taken for the next request.
  if (!request.complete) response.setHeader('Connection', 'close')
  json(response, REFUSALS[code][0], JSON.stringify({ error: { code, message } }))
}

function codeOf(error: unknown): RefusalCode {
  if (error instanceof Refused) return error.code
  return error instanceof SpillwayError && error.code === 'bad_option' ? 'bad_option' : 'internal'
}

function json(response: ServerResponse, status: number, body: string): void {
  send(response, status, 'application/json', body, {
    'Cache-Control': 'no-store',
    'Cross-Origin-Resource-Policy': 'same-origin',
  })
}

/** What is no HTTP, or did not come in time. */
function endBad(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const late = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const code: RefusalCode = late ? 'too_slow' : 'bad_request'
  const message = late
    ? expected('request', `all of it within ${REQUEST_MS / 1_000} s`, 'a part')
    : expected('request', 'HTTP', 'something else')
  const body = JSON.stringify({ error: { code, message } })
  const head = [
    `HTTP/1.1 ${late ? '408 Request Timeout' : '400 Bad Request'}`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`)
  socket.destroySoon()
}

const ANY = ['0.0.0.0', '[::]']

/** Where clients connect, for whoever came to us by this name: the same name, where their server is at every address or on loopback too. */
function clientsUrl(serving: Serving | undefined, host: string | undefined): string | null {
  if (serving === undefined) return null
  const url = new URL(serving.url)
  const came = host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined
  const same = ANY.includes(url.hostname) || (isLoopback(url.hostname) && came !== undefined && isLoopback(came))
  return `ws://${same && came !== undefined ? came : url.hostname}:${url.port || 80}/`
}
