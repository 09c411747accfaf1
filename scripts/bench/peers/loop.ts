/**
 * What people write today: the `ws` package and `for (const c of clients) c.send(m)`, one set of clients a feed. And the same
 * with the usual advice: leave out who has too much in `bufferedAmount`. Compression is off, which is the package's default
 * and its advice.
 */
import type { WebSocket } from 'ws'
import { feedName, type Peer, PLAIN } from './peer.ts'

/** Beyond, the guarded loop leaves a client out. */
const GUARD_BYTES = 64 * 1024

function loopWith(title: string, takes: (client: WebSocket) => boolean): Peer {
  return {
    title,
    packages: ['ws'],
    wire: { ...PLAIN, path: feed => `/${feedName(feed)}` },
    async serve(server, { feeds }) {
      const { WebSocket, WebSocketServer } = await import('ws')
      const rooms = Array.from({ length: feeds }, () => new Set<WebSocket>())
      const byPath = new Map(rooms.map((room, feed) => [`/${feedName(feed)}`, room]))
      const wss = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false })
      wss.on('connection', (client, { url = '' }) => {
        const room = byPath.get(url)
        if (room === undefined) return client.close()
        room.add(client)
        client.on('close', () => room.delete(client))
        client.on('error', () => {}) // always followed by 'close'
      })
      return {
        publish: (message, feed) => {
          for (const client of rooms[feed]!) {
            if (client.readyState === WebSocket.OPEN && takes(client)) client.send(message)
          }
          return true
        },
        clients: () => rooms.reduce((sum, { size }) => sum + size, 0),
      }
    },
  }
}

export const loop = loopWith('ws loop', () => true)
export const guarded = loopWith('guarded loop', client => client.bufferedAmount <= GUARD_BYTES)
