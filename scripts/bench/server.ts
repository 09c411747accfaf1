/**
 * One server under load, in a process of its own: the hub, or the loop that people write today. Told by its parent what to
 * publish; reports its CPU time, its memory and, for the hub, its account. Peers are added beside `SERVERS`.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { attach, type FeedOptions, Hub } from '../../src/index.ts'

export type ServerKind = 'spillway' | 'loop'

/** What a workload asks of a server. */
export type Command =
  | { readonly do: 'firehose'; readonly perTurn: number; readonly bytes: number }
  | { readonly do: 'steady'; readonly perSecond: number; readonly bytes: number }
  | { readonly do: 'stop' }
  | { readonly do: 'report' }

export interface Report {
  readonly published: number
  readonly clients: number
  readonly rss: number
  /** What the hub says its memory can come to; 0 for who does not say. */
  readonly bound: number
  /** Microseconds of CPU since the process began. */
  readonly cpu: number
  /** Published minus what all readers' accounts add up to, summed over readers: 0 if the account balances. */
  readonly imbalance: number
}

interface Peer {
  publish(message: string): void
  clients(): number
  imbalance(): number
  bound(): number
}

const SERVERS: Readonly<Record<ServerKind, (server: Server, options: FeedOptions) => Peer>> = {
  spillway(server, options) {
    const hub = new Hub({ stallTimeoutMs: 0, maxClients: Number(process.env['MAX_CLIENTS'] ?? 10_000) })
    const feed = hub.feed('bench', options)
    attach(hub, server)
    return {
      publish: payload => void feed.publish({ payload }),
      clients: () => hub.clients.size,
      imbalance: () => {
        let sum = 0
        for (const { account: a } of hub.readers()) {
          sum += Math.abs(a.published - a.taken - a.inFlight - a.skipped - a.conflated - a.queued)
        }
        return sum
      },
      bound: () => hub.memoryBound().total,
    }
  },
  loop(server) {
    const { clients } = new WebSocketServer({ server, perMessageDeflate: false })
    return {
      publish: message => {
        for (const client of clients) if (client.readyState === WebSocket.OPEN) client.send(message)
      },
      clients: () => clients.size,
      imbalance: () => 0,
      bound: () => 0,
    }
  },
}

const [kind, options = '{}'] = process.argv.slice(2) as [ServerKind, string?]
const server = createServer()
const peer = SERVERS[kind](server, JSON.parse(options) as FeedOptions)
let published = 0
/** Which piece of work is the one asked for last: the others stop when they see that they are not. */
let work = 0

server.listen(0, '127.0.0.1', () => process.send!({ port: (server.address() as AddressInfo).port }))

process.on('message', (command: Command) => {
  if (command.do === 'report') {
    process.send!(report())
    return
  }
  work++
  if (command.do === 'firehose') firehose(command.perTurn, 'x'.repeat(command.bytes), work)
  if (command.do === 'steady') steady(command.perSecond, command.bytes, work)
})
process.on('disconnect', () => process.exit())

/** So many messages each turn of the event loop. */
function firehose(perTurn: number, message: string, mine: number): void {
  if (mine !== work) return
  for (let i = 0; i < perTurn; i++) peer.publish(message)
  published += perTurn
  setImmediate(firehose, perTurn, message, mine)
}

/** So many messages a second, each beginning with the time at which it is published, in microseconds since the epoch. */
function steady(perSecond: number, bytes: number, mine: number): void {
  const started = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    if (mine !== work) return clearInterval(timer)
    const due = Math.floor(((performance.now() - started) * perSecond) / 1_000)
    for (; sent < due; sent++) {
      peer.publish(`${Math.round((performance.timeOrigin + performance.now()) * 1_000)}`.padEnd(bytes, ' '))
      published++
    }
  }, 1)
}

function report(): Report {
  const { user, system } = process.cpuUsage()
  const rss = process.memoryUsage.rss()
  const { clients, imbalance, bound } = peer
  return { published, clients: clients(), rss, bound: bound(), cpu: user + system, imbalance: imbalance() }
}
