/**
 * One server under load, in a process of its own: a peer, told by its parent what to publish; it reports its CPU time, its
 * memory and, for the hub, its account.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Answer, Question } from './child.ts'
import { type Kind, peerOf } from './peers/index.ts'
import type { ServerOptions } from './peers/peer.ts'
import { type PublishCommand, Publisher } from './publisher.ts'

export interface ServerPlan extends ServerOptions {
  readonly kind: Kind
}

/** What a workload asks of a server. */
export type ServerCommand =
  | PublishCommand
  /** Cheap, so that asking is not what is measured. */
  | { readonly do: 'cpu' }
  | { readonly do: 'report' }
  /** Collects garbage first. */
  | { readonly do: 'weigh' }

export interface ServerReport {
  readonly published: number
  readonly clients: number
  /** Now and then: the longest from publishing until everybody had confirmed, in milliseconds; what is open counts until now. */
  readonly longestMs: number
  readonly hub?: {
    /** Summed over readers: 0 if the account balances. */
    readonly imbalance: number
    /** What the hub says its memory can come to. */
    readonly bound: number
    /** Of all readers. */
    readonly inFlightBytes: number
    readonly evicted: number
    readonly position: string
  }
}

/** Microseconds of CPU since the process began, and by its own clock when that was: a busy server answers late. */
export interface Cpu {
  readonly cpu: number
  readonly at: number
}

/** Memory of the server's process, in bytes. */
export interface Weight {
  readonly rss: number
  /** What JavaScript holds: its heap, and buffers outside of it. */
  readonly held: number
}

const plan = JSON.parse(process.argv[2]!) as ServerPlan
const server = createServer()
const service = await peerOf(plan.kind).serve(server, plan)
const publisher = new Publisher(service, plan.feeds)

process.on('message', ({ id, command }: Question<ServerCommand>) => {
  const answer: Answer = { id, answer: answerTo(command) }
  process.send!(answer)
})
process.on('disconnect', () => process.exit())
// A backlog for those who come all at once; the kernel cuts it to its own limit.
server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () => {
  const hello: Answer = { id: 0, answer: { port: (server.address() as AddressInfo).port } }
  process.send!(hello)
})

function answerTo(command: ServerCommand): unknown {
  if (command.do === 'cpu') return cpu()
  if (command.do === 'report') return report()
  if (command.do === 'weigh') return weigh()
  publisher.start(command)
  return 'done'
}

function cpu(): Cpu {
  const { user, system } = process.cpuUsage()
  return { cpu: user + system, at: performance.now() }
}

function report(): ServerReport {
  const { hub } = service
  return {
    published: publisher.published,
    clients: service.clients(),
    longestMs: publisher.longestMs,
    ...(hub === undefined
      ? {}
      : {
          hub: {
            imbalance: hub.imbalance(),
            bound: hub.bound(),
            inFlightBytes: hub.inFlightBytes(),
            evicted: hub.evicted(),
            position: hub.position(),
          },
        }),
  }
}

function weigh(): Weight {
  for (let i = 0; i < 3; i++) globalThis.gc?.()
  const { rss, heapUsed, external } = process.memoryUsage()
  return { rss, held: heapUsed + external } // `external` counts array buffers too
}
