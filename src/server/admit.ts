/**
 * The door: from an HTTP upgrade to a client, or to a refusal that says why. Called for each `upgrade` of the HTTP server.
 *
 * A browser never sees the HTTP status of a failed upgrade, only 1006. So what has an `Origin` is upgraded and then closed with
 * the code and the sentence; everybody else gets the HTTP status that means the same [PROTOCOL.md 4.2].
 *
 * The request must not outlive the upgrade: a handler created in here that is kept would hold it (2.7 kB a connection,
 * measured). So what the client needs is taken from it as plain values, and nothing below closes over it.
 */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import { expected, SpillwayError } from '../errors.ts'
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'
import { closeReason, formatPosition, statusOf } from '../protocol.ts'
import type { Joining } from '../reader.ts'
import { type Listening, Refusal, type RefusalReason, readRequest } from './request.ts'

/** Largest message a client may send: a plain listener has nothing to say. */
const MAX_PAYLOAD_BYTES = 4 * 1024
/** How long a refused browser may take to answer the close frame. */
const REFUSED_GRACE_MS = 1_000
/** Refused browsers kept at once; beyond, they get the HTTP status like everybody else. */
const REFUSED_MOST = 1_000
const AGENT_LENGTH = 120

export class Door {
  /** Refused newcomers, by reason. */
  readonly refusals = new Map<RefusalReason, number>()

  readonly #hub: Hub
  readonly #origins: readonly string[]
  readonly #ports = new Set<string>()
  #headers: readonly string[] = []
  #refused = 0
  readonly #server: WebSocketServer

  /** `origins` are those of other sites whose pages may listen; `*` = all. @throws SpillwayError `bad_option` */
  constructor(hub: Hub, origins: readonly string[] = []) {
    this.#hub = hub
    this.#origins = origins.map(checkOrigin)
    const options = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: MAX_PAYLOAD_BYTES,
      autoPong: false,
      handleProtocols: () => false as const,
      // For closes that the peer began: without, one that never ends its socket is a client for 30 s more. (@types/ws lacks it.)
      closeTimeout: Math.max(REFUSED_GRACE_MS, hub.settings.evictGraceMs),
    }
    this.#server = new WebSocketServer(options)
    this.#server.on('headers', headers => void headers.push(...this.#headers))
  }

  /** Pages that come from this port of the same host may listen too. */
  welcome(port: number): void {
    this.#ports.add(String(port))
  }

  /** Lets the socket in, or refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Gone while it waited in the anteroom: nobody to let in, and no `close` to come that would give back the place of one refused.
    if (socket.destroyed) return void socket.on('error', () => {})
    const refusal = this.#check()
    const asked = refusal ?? this.#fromAfar(request, readRequest(this.#hub, request))
    if (asked instanceof Refusal) this.#refuse(asked, request, socket, head)
    else this.#admit(asked, request, socket as Socket, head)
  }

  /**
   * A WebSocket has no same-origin policy: without this, any page that somebody opens could read a hub on that person's
   * loopback. Who sends no Origin is no browser, and not held by it.
   */
  #fromAfar({ headers }: IncomingMessage, asked: Listening | Refusal): Listening | Refusal {
    const { origin, host } = headers
    if (asked instanceof Refusal || origin === undefined || isOwn(origin, host, this.#ports)) return asked
    if (this.#origins.includes('*') || this.#origins.includes(origin)) return asked
    const allowed = ["the hub's own", ...this.#origins].join(', ')
    return new Refusal('origin', expected('Origin', `${allowed} (origins)`, origin.slice(0, 80)))
  }

  #check(): Refusal | undefined {
    const { closing, clients, settings } = this.#hub
    if (closing) return new Refusal('closing', 'the hub is restarting; retry=5s')
    if (clients.size < settings.maxClients) return undefined
    return new Refusal(
      'max-clients',
      `the hub has ${settings.maxClients} clients and takes no more (maxClients); retry=30s`,
    )
  }

  #admit(asked: Listening, request: IncomingMessage, socket: Socket, head: Buffer): void {
    const { feed, joining, name, resumes } = asked
    const info = {
      address: addressOf(socket),
      name,
      agent: cut(request.headers['user-agent'] ?? '', AGENT_LENGTH),
    }
    this.#headers = [
      `Spillway-Feed: ${feed.name}`,
      `Spillway-Position: ${formatPosition(feed.log.epoch, joining.at.offset)}`,
      `Spillway-Overflow: ${joining.overflow}`,
    ]
    // The answer to the upgrade and the first ping in one write of the kernel: that is a tenth of what letting somebody in costs.
    socket.cork()
    this.#server.handleUpgrade(request, socket, head, welcome(this.#hub, socket, info, feed, joining, resumes))
    socket.uncork()
  }

  #refuse(refusal: Refusal, request: IncomingMessage, socket: Duplex, head: Buffer): void {
    this.refusals.set(refusal.reason, (this.refusals.get(refusal.reason) ?? 0) + 1)
    if (request.headers.origin === undefined || this.#refused >= REFUSED_MOST) {
      refuseHttp(socket, refusal)
      return
    }
    this.#refused++
    socket.once('close', () => this.#refused--)
    this.#headers = []
    this.#server.handleUpgrade(request, socket, head, channel => dismiss(channel, refusal))
  }
}

/** Whether a page is one of this host: of the port that was asked, or of one of the others. */
function isOwn(origin: string, host: string | undefined, ports: ReadonlySet<string>): boolean {
  if (!URL.canParse(origin) || host === undefined) return false
  const page = new URL(origin)
  if (page.host === host.toLowerCase()) return true
  return (
    ports.has(page.port || '80') &&
    URL.canParse(`http://${host}`) &&
    page.hostname === new URL(`http://${host}`).hostname
  )
}

function checkOrigin(origin: string): string {
  if (origin === '*' || (URL.canParse(origin) && new URL(origin).origin === origin)) return origin
  throw new SpillwayError('bad_option', expected('origins', 'origins such as https://example.org, or *', origin))
}

/** Made outside of `#admit`, so that what lives as long as the client does not hold the request. */
function welcome(
  hub: Hub,
  socket: Socket,
  info: { readonly address: string; readonly name: string; readonly agent: string },
  feed: Feed,
  joining: Joining,
  resumes: boolean,
): (channel: WebSocket) => void {
  return channel => {
    // Here and not before: a handshake that breaks RFC 6455 has brought nobody back.
    if (resumes) feed.resumes.resumed++
    hub.admit(socket, channel, info, feed, joining)
  }
}

function dismiss(channel: WebSocket, { code, message }: Refusal): void {
  channel.on('error', () => {})
  channel.close(code, closeReason(message))
  const timer = setTimeout(() => channel.terminate(), REFUSED_GRACE_MS)
  timer.unref()
  channel.once('close', () => clearTimeout(timer))
}

function refuseHttp(socket: Duplex, { code, message }: Refusal): void {
  const status = statusOf(code)
  const body = `${message}\n`
  const lines = [
    `HTTP/1.1 ${status} ${REASONS[status] ?? 'Refused'}`,
    'Connection: close',
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${Buffer.byteLength(body)}`,
    `Spillway-Close-Code: ${code}`,
  ]
  socket.on('error', () => {})
  socket.once('finish', () => socket.destroy())
  socket.end(`${lines.join('\r\n')}\r\n\r\n${body}`)
}

const REASONS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  410: 'Gone',
  503: 'Service Unavailable',
}

/** A copy: a slice would keep the whole header alive, for as long as the client and then as its place in the ring of those who left. */
function cut(text: string, length: number): string {
  return text.length <= length ? text : Buffer.from(text.slice(0, length), 'latin1').toString('latin1')
}

/** As operators see it: an IPv4 client is that, also where the socket listens for IPv6 (RFC 4291 §2.5.5.2). */
export function addressOf(socket: Socket): string {
  const address = (socket.remoteAddress ?? '').replace(/^::ffff:(?=\d+\.)/, '')
  return address.includes(':') ? `[${address}]:${socket.remotePort}` : `${address}:${socket.remotePort}`
}
