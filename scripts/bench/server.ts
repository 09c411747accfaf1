/**
 * One server under load, in a process of its own: the hub, or the loop that people write today. Told by its parent what to
 * publish; reports its CPU time, its memory and, for the hub, its account. Peers are added beside `SERVERS`.
 */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { attach, type FeedOptions, Hub, type HubOptions } from '../../src/index.ts'
import { Door } from '../../src/server/admit.ts'
import { metricsOf } from '../../src/server/metrics.ts'
import { wallClock } from '../swarm/clock.ts'

/** The hub, `c.send(m)` for all, and the same for all whose `bufferedAmount` is small: the usual advice. */
export type ServerKind = 'spillway' | 'loop' | 'guarded'

export interface ServerPlan {
  readonly kind: ServerKind
  readonly hub: HubOptions
  readonly feed: FeedOptions
}

/** What a workload asks of a server. */
export type Command =
  /** So many messages each turn of the event loop. */
  | { readonly do: 'firehose'; readonly perTurn: number; readonly bytes: number }
  /** `burst`: so many at once, at moments further apart. */
  | { readonly do: 'steady'; readonly perSecond: number; readonly bytes: number; readonly burst?: number }
  /** A message at random moments, so far apart. */
  | { readonly do: 'now-and-then'; readonly leastMs: number; readonly mostMs: number; readonly bytes: number }
  /** As many as demand lets through. */
  | { readonly do: 'demand'; readonly bytes: number }
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
  /** Of all readers. */
  readonly inFlightBytes: number
  readonly evicted: number
  /** Now and then: the longest from publishing until everybody had confirmed, in milliseconds; what is open counts until now. */
  readonly longestMs: number
}

interface Peer {
  /** Whether to go on. */
  publish(message: string): boolean
  ready(): Promise<void>
  clients(): number
  imbalance(): number
  bound(): number
  inFlightBytes(): number
  evicted(): number
  /** Whether nothing is queued and nothing in flight. */
  confirmed(): boolean
}

/** Beyond, the guarded loop leaves a client out. */
const GUARD_BYTES = 64 * 1024
const POLL_MS = 10

const SERVERS: Readonly<Record<ServerKind, (server: Server, plan: ServerPlan) => Peer>> = {
  spillway(server, plan) {
    const hub = new Hub(plan.hub)
    const feed = hub.feed('bench', plan.feed)
    attach(hub, server)
    const metrics = metricsOf(hub, new Door(hub))
    server.on('request', (_, response) => void metrics.metrics().then(text => response.end(text)))
    return {
      publish: payload => feed.publish({ payload }),
      ready: () => feed.ready(),
      clients: () => hub.clients.size,
      imbalance: () => {
        let sum = 0
        for (const { account: a } of hub.readers()) {
          sum += Math.abs(a.published - a.taken - a.inFlight - a.skipped - a.conflated - a.queued)
        }
        return sum
      },
      bound: () => hub.memoryBound().total,
      inFlightBytes: () => hub.readers().reduce((sum, { inFlightBytes }) => sum + inFlightBytes, 0),
      evicted: () => [...feed.evictions.values()].reduce((sum, n) => sum + n, 0),
      confirmed: () => hub.readers().every(({ account }) => account.inFlight === 0 && account.queued === 0),
    }
  },
  loop: server => loop(server, () => true),
  guarded: server => loop(server, client => client.bufferedAmount <= GUARD_BYTES),
}

function loop(server: Server, takes: (client: WebSocket) => boolean): Peer {
  const listening = new WebSocketServer({ server, perMessageDeflate: false })
  // Without this one client that breaks the protocol ends the process.
  listening.on('connection', client => client.on('error', () => {}))
  const { clients } = listening
  return {
    publish: message => {
      for (const client of clients) if (client.readyState === WebSocket.OPEN && takes(client)) client.send(message)
      return true
    },
    ready: () => Promise.reject(new Error('a loop has no demand')),
    clients: () => clients.size,
    imbalance: () => 0,
    bound: () => 0,
    inFlightBytes: () => 0,
    evicted: () => 0,
    confirmed: () => true,
  }
}

const plan = JSON.parse(process.argv[2]!) as ServerPlan
const server = createServer()
const peer = SERVERS[plan.kind](server, plan)
let published = 0
/** Since when something is not confirmed; 0 if everything is. */
let openSince = 0
let longestMs = 0

server.listen(0, '127.0.0.1', () => process.send!({ id: 0, answer: { port: (server.address() as AddressInfo).port } }))

process.on('message', ({ id, command }: { readonly id: number; readonly command: Command }) => {
  if (command.do === 'firehose') firehose(command.perTurn, 'x'.repeat(command.bytes))
  if (command.do === 'steady') steady(command.perSecond, command.bytes, command.burst)
  if (command.do === 'now-and-then') nowAndThen(command.leastMs, command.mostMs, command.bytes)
  if (command.do === 'demand') void demand('x'.repeat(command.bytes))
  process.send!({ id, answer: command.do === 'report' ? report() : 'done' })
})
process.on('disconnect', () => process.exit())

function firehose(perTurn: number, message: string): void {
  for (let i = 0; i < perTurn; i++) peer.publish(message)
  published += perTurn
  setImmediate(firehose, perTurn, message)
}

/**
 * A message begins with the time at which it was due, so that a server that cannot keep up does not make its messages younger.
 * In one turn it is given no more than 50 ms of them: what is behind waits, and the event loop lives.
 */
function steady(perSecond: number, bytes: number, burst = 1): void {
  const started = wallClock()
  const turnMost = Math.max(burst, Math.ceil(perSecond / 20))
  let sent = 0
  setInterval(() => {
    const due = Math.floor(((wallClock() - started) * perSecond) / 1_000 / burst) * burst
    for (let i = 0; i < turnMost && sent < due; i++) {
      sent++
      publishTimed(started + (Math.ceil(sent / burst) * burst * 1_000) / perSecond, bytes)
    }
  }, 1)
}

/** The moments are the same in every run. */
function nowAndThen(leastMs: number, mostMs: number, bytes: number): void {
  const random = generator(1)
  const next = () => setTimeout(publishOne, leastMs + random() * (mostMs - leastMs))
  const publishOne = () => {
    publishTimed(wallClock(), bytes)
    openSince ||= performance.now()
    next()
  }
  next()
  setInterval(() => {
    if (openSince === 0) return
    longestMs = Math.max(longestMs, performance.now() - openSince)
    if (peer.confirmed()) openSince = 0
  }, POLL_MS)
}

async function demand(message: string): Promise<void> {
  for (;;) {
    published++
    if (!peer.publish(message)) await peer.ready()
  }
}

/** A message that begins with a time, in microseconds since the epoch, and its number. */
function publishTimed(ms: number, bytes: number): void {
  peer.publish(`${Math.round(ms * 1_000)} ${published++}`.padEnd(bytes, ' '))
}

/** mulberry32: numbers from 0 to 1, the same for the same seed. */
function generator(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

function report(): Report {
  const { user, system } = process.cpuUsage()
  return {
    published,
    clients: peer.clients(),
    rss: process.memoryUsage.rss(),
    bound: peer.bound(),
    cpu: user + system,
    imbalance: peer.imbalance(),
    inFlightBytes: peer.inFlightBytes(),
    evicted: peer.evicted(),
    longestMs,
  }
}
