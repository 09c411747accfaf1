/**
 * SocketCluster: publish and subscribe with channels, built for scale, with a figure for each socket's back-pressure: what people
 * pick who want channels and not Socket.IO. Alive: version 20, on `ws` 8, and it runs on Node 20. Not taken: uWebSockets.js,
 * because it is installed from its repository and not from npm; WebSocket plugins of web frameworks, because they hand out a
 * `ws` server, and broadcasting with them is the `ws` loop again.
 *
 * As it comes: no compression (`ws` default), its own broker, which encodes a message once for all. Batching is off by default
 * and stays off: it waits up to 50 ms, and no other peer may wait.
 */
import { feedName, type Peer } from './peer.ts'

const PREFIX = `{"event":"#publish","data":{"channel":"${feedName(0)}","data":"`
const SUBSCRIBED = '{"rid":2}'

/** What of it is used here; the package has no types. */
interface SocketCluster {
  attach(server: unknown, options: object): Attached
}
interface Attached {
  readonly clientsCount: number
  readonly exchange: { transmitPublish(channel: string, data: string): Promise<void> }
  listener(event: 'warning' | 'error'): AsyncIterable<unknown>
}

export const socketcluster: Peer = {
  title: 'SocketCluster',
  packages: ['socketcluster-server', 'ws'],
  wire: {
    path: () => '/socketcluster/',
    hello: feed => [
      '{"event":"#handshake","data":{"authToken":null},"cid":1}',
      `{"event":"#subscribe","data":{"channel":"${feedName(feed)}"},"cid":2}`,
    ],
    // Protocol version 2: a ping is an empty text, and so is its answer.
    talkBelow: 1,
    hear(text) {
      if (text === '') return { answer: '' }
      return { joined: text === SUBSCRIBED }
    },
    time: { at: PREFIX.length, digits: 16 },
  },
  async serve(server, { feeds }) {
    const name: string = 'socketcluster-server' // a string, because the compiler finds no types
    const module = (await import(name)) as { readonly default: SocketCluster }
    const attached = module.default.attach(server, {})
    const names = Array.from({ length: feeds }, (_, feed) => feedName(feed))
    return {
      publish: (message, feed) => {
        void attached.exchange.transmitPublish(names[feed]!, message)
        return true
      },
      clients: () => attached.clientsCount,
    }
  },
}
