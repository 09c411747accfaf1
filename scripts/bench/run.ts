/**
 * A run: a server and its load, in processes of their own, pinned to a core each where there are two; what is asked of them, and
 * what the kernel says of both. Nothing outlives the parent, and nobody is waited for without end.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import type { FeedOptions } from '../../src/index.ts'
import type { LoadCommand, LoadPlan, LoadReport } from './load.ts'
import type { Command, Report, ServerPlan } from './server.ts'

/** Who takes part: the hub, the hub with its window off, and the loops. */
export const KINDS = {
  spillway: { server: 'spillway', hub: {} },
  off: { server: 'spillway', hub: { targetDelayMs: 0 } },
  loop: { server: 'loop', hub: {} },
  guarded: { server: 'guarded', hub: {} },
} as const
export type Kind = keyof typeof KINDS

export const PINNED = cpus().length >= 2 && spawnSync('taskset', ['-V']).status === 0
const CORES = { server: 0, load: 1 } as const
/** An overrun event loop answers nothing any more; then the run goes on with what is seen from outside. */
const PATIENCE_MS = 8_000
/** Thousands of handshakes take their time. */
const START_MS = 60_000
const SETTLE_MS = 5_000
const PAGE_BYTES = 4_096

const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

interface Answer {
  readonly id: number
  readonly answer: unknown
}

class Child {
  readonly #file: string
  readonly #process: ChildProcess
  #lastId = 0

  constructor(file: string, args: readonly string[], core: number) {
    this.#file = file
    this.#process = fork(join(import.meta.dirname, file), args, { execArgv: ['--import', 'tsx'] })
    children.add(this.#process)
    if (PINNED) spawnSync('taskset', ['-acp', String(core), String(this.#process.pid)])
  }

  /** What it says first, when it is ready. */
  async hello<T>(): Promise<T> {
    const hello = await this.#answer<T>(0, START_MS)
    if (hello === undefined) throw new Error(`${this.#file} was not ready after ${START_MS} ms`)
    return hello
  }

  /** Undefined if it is too busy to answer. */
  async ask<T>(command: Command | LoadCommand): Promise<T | undefined> {
    if (!this.#process.connected) throw new Error(`${this.#file} ended with ${this.#process.exitCode}`)
    const id = ++this.#lastId
    const answer = this.#answer<T>(id, PATIENCE_MS)
    this.#process.send({ id, command })
    return answer
  }

  /** Resident memory, from /proc: also when it is too busy to say. */
  get rss(): number {
    try {
      return Number(readFileSync(`/proc/${this.#process.pid}/statm`, 'latin1').split(' ')[1]) * PAGE_BYTES
    } catch {
      return 0
    }
  }

  kill(): void {
    children.delete(this.#process)
    this.#process.kill('SIGKILL')
  }

  #answer<T>(id: number, patienceMs: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#process.off('message', onMessage)
        this.#process.off('exit', onExit)
      }
      const timer = setTimeout(() => {
        end()
        resolve(undefined)
      }, patienceMs)
      const onMessage = (message: unknown) => {
        if ((message as Answer).id !== id) return
        end()
        resolve((message as Answer).answer as T)
      }
      const onExit = (code: number | null) => {
        end()
        reject(new Error(`${this.#file} ended with ${code}`))
      }
      this.#process.on('message', onMessage)
      this.#process.on('exit', onExit)
    })
  }
}

export interface RunPlan {
  readonly feed?: FeedOptions
  readonly hub?: object
  readonly load: Omit<LoadPlan, 'port'>
  /** How far away the load is: a round trip in milliseconds. */
  readonly roundTripMs?: number
}

export class Run {
  readonly #children: readonly Child[]
  readonly #server: Child
  readonly #load: Child
  readonly #port: number

  constructor(server: Child, load: Child, others: readonly Child[], port: number) {
    this.#server = server
    this.#load = load
    this.#children = [load, ...others, server]
    this.#port = port
  }

  async publish(command: Command): Promise<void> {
    await this.#server.ask(command)
  }

  /** Undefined where the server is too busy to answer. */
  server(): Promise<Report | undefined> {
    return this.#server.ask({ do: 'report' })
  }

  async load(): Promise<LoadReport> {
    const report = await this.#load.ask<LoadReport>({ do: 'report' })
    if (report === undefined) throw new Error('the load does not answer')
    return report
  }

  async tell(command: LoadCommand): Promise<void> {
    await this.#load.ask(command)
  }

  get rss(): number {
    return this.#server.rss
  }

  /** The server's sockets that are established, as the kernel sees it: neither side needs to have noticed anything. */
  get connected(): number {
    const local = `:${this.#port.toString(16).toUpperCase().padStart(4, '0')}`
    const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)
    return rows.filter(row => {
      const [, address, , state] = row.trim().split(/\s+/)
      return state === ESTABLISHED && address?.endsWith(local)
    }).length
  }

  /** Ends all processes, and waits until the kernel has let go of what they had. */
  async close(): Promise<void> {
    for (const child of this.#children) child.kill()
    const until = performance.now() + SETTLE_MS
    do await wait(250)
    while (this.connected > 0 && performance.now() < until)
    await wait(250)
  }
}

const ESTABLISHED = '01'

export async function start(kind: Kind, { feed = {}, hub = {}, load, roundTripMs = 0 }: RunPlan): Promise<Run> {
  const { fast = 0, silent = 0, paced = 0 } = load
  const maxClients = Math.max(1_000, fast + silent + paced)
  const options = { stallTimeoutMs: 0, maxClients, ...KINDS[kind].hub, ...hub }
  const serverPlan: ServerPlan = { kind: KINDS[kind].server, hub: options, feed }
  const server = new Child('server.ts', [JSON.stringify(serverPlan)], CORES.server)
  const { port } = await server.hello<{ port: number }>()
  const others: Child[] = []
  let nearPort = port
  if (roundTripMs > 0) {
    const relay = new Child('relay.ts', [port, roundTripMs / 2].map(String), CORES.load)
    others.push(relay)
    nearPort = (await relay.hello<{ port: number }>()).port
  }
  const loadPlan: LoadPlan = { ...load, port: nearPort }
  const swarm = new Child('load.ts', [JSON.stringify(loadPlan)], CORES.load)
  await swarm.hello()
  return new Run(server, swarm, others, port)
}

/** Memory of the kernel's TCP sockets, of all processes (/proc/net/sockstat counts pages); NaN where there is no such file. */
export function kernelTcp(): number {
  try {
    return Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))?.[1]) * PAGE_BYTES
  } catch {
    return Number.NaN
  }
}

export const wait = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))

/** Who goes first changes from round to round. */
export function* rounds(pairs: number, kinds: readonly Kind[]): Generator<Kind> {
  for (let round = 0; round < pairs; round++) yield* round % 2 === 0 ? kinds : [...kinds].reverse()
}

/** What was measured, by kind. */
export class Results<T> {
  readonly #of = new Map<Kind, T[]>()

  add(kind: Kind, result: T): void {
    this.#of.set(kind, [...this.of(kind), result])
  }

  of(kind: Kind): readonly T[] {
    return this.#of.get(kind) ?? []
  }

  median(kind: Kind, figure: (result: T) => number): number {
    return median(this.of(kind).map(figure))
  }

  /** In no run was it less. */
  least(kind: Kind, figure: (result: T) => number): number {
    return Math.min(...this.of(kind).map(figure))
  }

  /** Of pairs: the figure of one kind by that of another. */
  ratio(kind: Kind, to: Kind, figure: (result: T) => number): string {
    const others = this.of(to)
    const ratios = this.of(kind).map((result, i) => figure(result) / figure(others[i]!))
    const sorted = [...ratios].sort((a, b) => a - b)
    return `${median(ratios).toFixed(2)} × (${sorted[0]!.toFixed(2)}–${sorted.at(-1)!.toFixed(2)})`
  }
}

export function median(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}

export const mib = (bytes: number): string => `${Math.round(bytes / 2 ** 20)} MiB`
export const kib = (bytes: number): string => `${Math.round(bytes / 2 ** 10)} KiB`
export const thousands = (n: number): string => `${Math.round(n / 1_000)} k`
export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
export const ms = (n: number): string => (n < 100 ? `${n.toFixed(1)} ms` : `${Math.round(n)} ms`)

/** A message of so many bytes, on the wire (RFC 6455 §5.2). */
export function frameBytes(payload: number): number {
  return payload + (payload < 126 ? 2 : payload < 65_536 ? 4 : 10)
}
