/**
 * A run: a server and its load, in processes of their own, pinned to a core each where there are two; what is asked of them, and
 * what they and the kernel say. A run that would take more memory than the machine can give is cut short.
 */
import type { FeedOptions, HubOptions } from '../../src/index.ts'
import { Delays } from '../swarm/delays.ts'
import { established, kernelTcp } from '../swarm/kernel.ts'
import { Child } from './child.ts'
import type { LoadCommand, LoadPlan, LoadReport } from './load/load.ts'
import type { RelayPlan } from './load/relay.ts'
import { isHub, type Kind } from './peers/index.ts'
import type { PublishCommand } from './publisher.ts'
import type { Cpu, ServerCommand, ServerPlan, ServerReport, Weight } from './server.ts'

const CORES = { server: 0, load: 1 } as const
const SETTLE_MS = 5_000
const STEP_MS = 1_000
/** A share of less time than this says more of the question than of the load. */
const CPU_LEAST_MS = 400
/** A loop's queues grow without end; the machine's memory does not, and its TCP memory far less. */
const MOST_RSS = 4 * 2 ** 30
const MOST_KERNEL = 1.2 * 2 ** 30

type Load = Omit<LoadPlan, 'kind' | 'port' | 'feeds'>

export interface RunPlan {
  readonly feed?: FeedOptions
  readonly feeds?: number
  readonly hub?: HubOptions
  readonly load: Load
  /** Clients in a process of their own, who see what a crowd in the load's process does to others. */
  readonly bystanders?: Load
  /** Clients that come later. */
  readonly later?: number
  /** How far away the load is: a round trip in milliseconds. */
  readonly roundTripMs?: number
}

/** What happened in a span of time. */
export interface Span {
  readonly seconds: number
  readonly messages: number
  readonly bytes: number
  readonly delays: Delays
  /** Share of its core that the server took; NaN where it was too busy to say. */
  readonly serverCpu: number
  readonly load: LoadReport
  /** Undefined where it was too busy to answer. */
  readonly server: ServerReport | undefined
}

interface Parts {
  readonly server: Child<ServerCommand>
  readonly load: Child<LoadCommand>
  readonly bystanders?: Child<LoadCommand> | undefined
  readonly relay?: Child<never> | undefined
}

export class Run {
  /** Who should be connected. */
  readonly clients: number
  readonly #parts: Parts
  /** Where the server listens. */
  readonly port: number
  #asked: { readonly at: number; readonly cpu: number } | undefined
  /** Share of its core that the load took between two questions, at the most; since the first, so that joining is not in it. */
  loadCpuMost = 0

  constructor(parts: Parts, port: number, clients: number) {
    this.#parts = parts
    this.port = port
    this.clients = clients
  }

  async publish(command: PublishCommand): Promise<void> {
    await this.#parts.server.ask(command)
  }

  /** Undefined where the server is too busy to answer. Throws if an account does not balance. */
  async server(): Promise<ServerReport | undefined> {
    const report = await this.#parts.server.ask<ServerReport>({ do: 'report' })
    const { imbalance = 0 } = report?.hub ?? {}
    if (imbalance !== 0) throw new Error(`the account is off by ${imbalance}`)
    return report
  }

  async weigh(): Promise<Weight> {
    const weight = await this.#parts.server.ask<Weight>({ do: 'weigh' })
    if (weight === undefined) throw new Error('the server does not answer')
    return weight
  }

  /** What the load has read since it was asked last. */
  async load(): Promise<LoadReport> {
    const report = await reportOf(this.#parts.load)
    const at = performance.now()
    this.#asked ??= { at, cpu: report.cpu }
    const elapsed = at - this.#asked.at
    if (elapsed < CPU_LEAST_MS) return report
    this.loadCpuMost = Math.max(this.loadCpuMost, (report.cpu - this.#asked.cpu) / 1_000 / elapsed)
    this.#asked = { at, cpu: report.cpu }
    return report
  }

  bystanders(): Promise<LoadReport> {
    return reportOf(this.#parts.bystanders ?? this.#parts.load)
  }

  async tell(command: LoadCommand): Promise<void> {
    await this.#parts.load.ask(command)
  }

  /** Waits so long and says what happened meanwhile; less long if memory runs short. */
  async span(seconds: number): Promise<Span> {
    const cpu = () => this.#parts.server.ask<Cpu>({ do: 'cpu' })
    const before = await cpu()
    await this.load()
    const started = performance.now()
    const end = started + seconds * 1_000
    for (let now = started; now < end && !this.#memoryShort; now = performance.now()) {
      await wait(Math.min(STEP_MS, end - now))
    }
    const load = await this.load()
    const elapsed = performance.now() - started
    const after = await cpu()
    const known = before !== undefined && after !== undefined
    return {
      seconds: elapsed / 1_000,
      messages: load.messages,
      bytes: load.bytes,
      delays: new Delays(load.delays),
      serverCpu: known ? (after.cpu - before.cpu) / 1_000 / (after.at - before.at) : Number.NaN,
      load,
      server: await this.server(),
    }
  }

  get rss(): number {
    return this.#parts.server.rss
  }

  get connected(): number {
    return established(this.port)
  }

  get #memoryShort(): boolean {
    return this.rss > MOST_RSS || kernelTcp() > MOST_KERNEL
  }

  /** Ends all processes, and waits until the kernel has let go of what they had. */
  async close(): Promise<void> {
    const { server, load, bystanders, relay } = this.#parts
    for (const child of [load, bystanders, relay, server]) child?.kill()
    const until = performance.now() + SETTLE_MS
    do await wait(50)
    while (this.connected > 0 && performance.now() < until)
    await wait(100 + this.clients / 20) // what is not established any more is not yet gone
  }
}

async function reportOf(child: Child<LoadCommand>): Promise<LoadReport> {
  const report = await child.ask<LoadReport>({ do: 'report' })
  if (report === undefined) throw new Error('the load does not answer')
  return report
}

const countOf = ({ fast = 0, silent = 0, paced = 0 }: Load): number => fast + silent + paced

export async function start(kind: Kind, plan: RunPlan): Promise<Run> {
  const { feed = {}, feeds = 1, hub = {}, load, bystanders, later = 0, roundTripMs = 0 } = plan
  const clients = countOf(load) + countOf(bystanders ?? {})
  const options = isHub(kind) ? { stallTimeoutMs: 0, maxClients: Math.max(1_000, clients + later), ...hub } : {}
  const started: Child<never>[] = []
  const child = <C>(file: string, childPlan: unknown, core: number): Child<C> => {
    const made = new Child<C>(file, childPlan, core)
    started.push(made as Child<never>)
    return made
  }
  try {
    const serverPlan: ServerPlan = { kind, hub: options, feed, feeds }
    const server = child<ServerCommand>('server.ts', serverPlan, CORES.server)
    const { port } = await server.hello<{ port: number }>()
    let nearPort = port
    let relay: Child<never> | undefined
    if (roundTripMs > 0) {
      const relayPlan: RelayPlan = { target: port, delayMs: roundTripMs / 2 }
      relay = child<never>('load/relay.ts', relayPlan, CORES.load)
      nearPort = (await relay.hello<{ port: number }>()).port
    }
    const loadChild = async (of: Load): Promise<Child<LoadCommand>> => {
      const loadPlan: LoadPlan = { ...of, kind, port: nearPort, feeds }
      const made = child<LoadCommand>('load/load.ts', loadPlan, CORES.load)
      await made.hello()
      return made
    }
    const parts: Parts = {
      server,
      load: await loadChild(load),
      bystanders: bystanders === undefined ? undefined : await loadChild(bystanders),
      relay,
    }
    return new Run(parts, port, clients)
  } catch (error) {
    for (const made of started) made.kill()
    throw error
  }
}

export const wait = (ms: number) => new Promise<void>(resolve => setTimeout(resolve, ms))
