/**
 * What every server of ours needs of HTTP: an answer with its headers, an address to listen on, and all its connections, so that it
 * can be ended. Called by the feed port and the admin port.
 */
import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { expected, reasonOf, SpillwayError } from '../errors.ts'

export const PAGE_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'no-referrer',
}

export function send(
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

/**
 * Newcomers that may wait to be accepted: after a restart all of them come at once, and who finds no room tries again after a second. Node's
 * own is 511; the kernel takes less where `somaxconn` is less.
 */
export const BACKLOG = 4_096

/** @throws SpillwayError `port_in_use` */
export function listen(server: Server, port: number, host: string, what = 'port'): Promise<void> {
  return new Promise((resolve, reject) => {
    const refuse = (error: NodeJS.ErrnoException) => {
      const taken = error.code === 'EADDRINUSE' ? 'it is in use' : reasonOf(error)
      const message = expected(what, `an address to listen on (${taken})`, `${host}:${port}`)
      reject(new SpillwayError('port_in_use', message, { cause: error }))
    }
    server.once('error', refuse)
    server.listen({ port, host, backlog: BACKLOG }, () => {
      server.off('error', refuse)
      resolve()
    })
  })
}

/** Where a server that listens is. */
export function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}/`
}

/** Every open connection, upgraded ones too, which the HTTP server forgets. One listener for all, that holds nothing. */
export function track(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>()
  function forget(this: Socket): void {
    sockets.delete(this)
  }
  server.on('connection', socket => {
    sockets.add(socket)
    socket.once('close', forget)
  })
  return sockets
}
