/**
 * The server under attack, where the swarm starts it: one of those of the benchmark, in a process of its own, on another core
 * where there are two, publishing what the scenario says. Nothing outlives the swarm.
 */
import { Child, pin } from '../bench/child.ts'
import { type Kind, peerOf } from '../bench/peers/index.ts'
import type { ServerCommand, ServerPlan } from '../bench/server.ts'
import { kernelTcp } from './kernel.ts'
import type { ServerSetup } from './scenario.ts'
import type { Target } from './socket.ts'

/** The hub; `c.send(m)` for all; the same for all whose `bufferedAmount` is small. */
export const AGAINST: readonly Kind[] = ['spillway', 'loop', 'guarded']

export interface Started {
  readonly target: Target
  readonly pid: number
  /** Resident memory. */
  readonly rss: number
  /** How it ended by itself, if it did: servers have been brought down by less. */
  readonly ended: string | undefined
  /** Ends it, and waits until the kernel has let go of what it had. */
  close(): Promise<void>
}

const CORES = { server: 0, swarm: 1 } as const
const SETTLE_MS = 5_000
const STEP_MS = 200

export async function startServer(
  kind: Kind,
  { rate, bytes, burst, feed, hub }: ServerSetup,
  clients: number,
): Promise<Started> {
  const maxClients = Math.max(1_000, Math.ceil(clients * 1.2))
  const plan: ServerPlan = { kind, hub: { maxClients, ...hub }, feed, feeds: 1 }
  const server = new Child<ServerCommand>('server.ts', plan, CORES.server)
  pin(process.pid, CORES.swarm)
  const { port } = await server.hello<{ port: number }>()
  await server.ask({ do: 'steady', perSecond: rate, bytes, burst })
  return {
    target: { host: '127.0.0.1', port, path: peerOf(kind).wire.path(0) },
    pid: server.pid,
    get rss() {
      return server.rss
    },
    get ended() {
      return server.ended
    },
    close: () => end(server),
  }
}

async function end(server: Child<ServerCommand>): Promise<void> {
  server.kill()
  const deadline = performance.now() + SETTLE_MS
  let before: number
  do {
    before = kernelTcp()
    await new Promise(resolve => setTimeout(resolve, STEP_MS))
  } while ((server.ended === undefined || kernelTcp() < before) && performance.now() < deadline)
}
