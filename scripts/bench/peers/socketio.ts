/**
 * Socket.IO, as its page on performance says: WebSocket only, no compression (off by default), the first HTTP request let go of;
 * the default adapter encodes a packet once for all. Not taken: the optional native modules of `ws` (they help to mask and to
 * check what comes in, and here nothing does), another engine in place of `ws`, and binary parsers. Connection state recovery is
 * off, as by default: a client that comes back joins anew.
 */
import type { Socket } from 'socket.io'
import { feedName, type Peer } from './peer.ts'

const EVENT = 'm'
/** Engine.IO 4: type 4 message, and in it Socket.IO 5: type 2 event. */
const PREFIX = `42["${EVENT}","`
const ENGINE = { open: '0', ping: '2', pong: '3' } as const
const CONNECT = '40'

export const socketio: Peer = {
  title: 'Socket.IO',
  packages: ['socket.io', 'engine.io', 'ws'],
  wire: {
    path: feed => `/socket.io/?EIO=4&transport=websocket&feed=${feedName(feed)}`,
    hello: () => [CONNECT],
    talkBelow: ENGINE.ping.length + 1,
    hear(text) {
      if (text === ENGINE.ping) return { answer: ENGINE.pong }
      return { joined: text.startsWith(CONNECT) }
    },
    time: { at: PREFIX.length, digits: 16 },
  },
  async serve(server, { feeds }) {
    const { Server } = await import('socket.io')
    const io = new Server(server, { transports: ['websocket'], perMessageDeflate: false, serveClient: false })
    const asked = new WeakMap<object, string>()
    io.engine.on('connection', (raw: { request: { _query: { feed: string } } | null }) => {
      asked.set(raw, raw.request!._query.feed)
      raw.request = null
    })
    // A room for each feed only where there are several: to all is the cheaper broadcast, and what people write.
    if (feeds > 1) io.on('connection', (socket: Socket) => socket.join(asked.get(socket.conn)!))
    const names = Array.from({ length: feeds }, (_, feed) => feedName(feed))
    return {
      publish: (message, feed) => (feeds > 1 ? io.to(names[feed]!) : io).emit(EVENT, message),
      clients: () => io.engine.clientsCount,
    }
  },
}
