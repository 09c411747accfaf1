/**
 * The server under attack, where the swarm starts it: one of those of the benchmark, in a process of its own, on another core
 * where there are two, publishing what the scenario says. Nothing outlives the swarm.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { type Kind, peerOf } from '../bench/peers/index.ts'
import type { ServerCommand, ServerPlan } from '../bench/server.ts'
import { kernelTcp, rssOf } from './kernel.ts'
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

const SERVER = join(import.meta.dirname, '../bench/server.ts')
const CORES = { server: 0, swarm: 1 } as const
const START_MS = 30_000
const SETTLE_MS = 5_000
const STEP_MS = 200

const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** Two cores: one for each side. */
export const PINNED = cpus().length >= 2 && spawnSync('taskset', ['-V']).status === 0

export async function startServer(
  kind: Kind,
  { rate, bytes, burst, feed, hub }: ServerSetup,
  clients: number,
): Promise<Started> {
  const maxClients = Math.max(1_000, Math.ceil(clients * 1.2))
  const plan: ServerPlan = { kind, hub: { maxClients, ...hub }, feed, feeds: 1 }
  const child = fork(SERVER, [JSON.stringify(plan)], { execArgv: ['--import', 'tsx'] })
  children.add(child)
  if (PINNED) {
    spawnSync('taskset', ['-acp', String(CORES.server), String(child.pid)])
    spawnSync('taskset', ['-acp', String(CORES.swarm), String(process.pid)])
  }
  const { port } = await hello(child)
  const command: ServerCommand = { do: 'steady', perSecond: rate, bytes, burst }
  child.send({ id: 1, command })
  const pid = child.pid!
  return {
    target: { host: '127.0.0.1', port, path: peerOf(kind).wire.path(0) },
    pid,
    get rss() {
      return rssOf(pid)
    },
    get ended() {
      return child.exitCode === null && child.signalCode === null ? undefined : `${child.signalCode ?? child.exitCode}`
    },
    close: () => end(child),
  }
}

function hello(child: ChildProcess): Promise<{ readonly port: number }> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server was not ready after ${START_MS} ms`)), START_MS)
    child.once('exit', code => reject(new Error(`the server ended with ${code}`)))
    child.once('message', message => {
      clearTimeout(timer)
      resolve((message as { readonly answer: { readonly port: number } }).answer)
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise(resolve => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }
  children.delete(child)
  const deadline = performance.now() + SETTLE_MS
  let before: number
  do {
    before = kernelTcp()
    await new Promise(resolve => setTimeout(resolve, STEP_MS))
  } while (kernelTcp() < before && performance.now() < deadline)
}
