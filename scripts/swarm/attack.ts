/**
 * An attack: clients come during the ramp, in an order that the seed decides; then, after the warm-up, figures count, for as
 * long as it lasts. At the end whoever does not read is read to the end, to see how the server had left it; then all are gone.
 *
 *     ramp ──────────▶ warm-up ──▶ duration ──▶ examination
 *     handshakes       nothing      figures      close codes
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { BEHAVIOURS } from './behaviours.ts'
import { Client } from './client.ts'
import { wallClock } from './clock.ts'
import { Delays } from './delays.ts'
import { MessageFormat } from './format.ts'
import { type Grounds, Later } from './grounds.ts'
import { HubWatch } from './hub.ts'
import { kernelTcp } from './kernel.ts'
import { Pacer } from './pace.ts'
import { count, Population, type PopulationPlan } from './population.ts'
import { generator } from './random.ts'
import type { Target } from './socket.ts'

export interface AttackPlan {
  readonly populations: readonly PopulationPlan[]
  readonly rampMs: number
  readonly warmupMs: number
  readonly durationMs: number
  readonly seed: number
  /** Whether a time is looked for in messages. */
  readonly timed: boolean
}

/** What was seen, for figures.ts. */
export interface Seen {
  readonly populations: readonly Population[]
  readonly hub: HubWatch
  readonly format: MessageFormat
  /** How long figures counted. */
  seconds: number
  /** CPU of this process in that time, as a share of one core; how late its event loop was, p99 in milliseconds. */
  cpu: number
  loopLagMs: number
  /** By how much the kernel's TCP memory grew at the most. */
  kernel: number
}

export interface AttackOptions {
  /** The server's process, where it is known. */
  readonly pid?: number | undefined
  /** Ends the attack early; what was seen by then counts. */
  readonly signal?: AbortSignal | undefined
  /** Told of the populations before the first of them connects. */
  readonly met?: (populations: readonly Population[]) => void
  /** Once a second. */
  readonly second?: (seen: Seen, phase: string) => void
}

const RAMP_TICK_MS = 5
/** Handshakes under way at once in the ramp; a server's listen queue is not what is tested. */
const HANDSHAKES_MOST = 256
const ANSWER_MS = 10_000
/** How much longer the ramp may take than it should, before the rest stay away. */
const LATE_MOST_MS = 20_000
const SECOND_MS = 1_000
const EXAMINE_MS = 2_000
const EXAMINE_STEP_MS = 50
const LAG_RESOLUTION_MS = 10

export async function attack(plan: AttackPlan, target: Target, options: AttackOptions = {}): Promise<Seen> {
  const { signal = new AbortController().signal, second = () => {} } = options
  const later = new Later()
  const random = generator(plan.seed)
  const format = plan.timed ? new MessageFormat() : new MessageFormat({ time: undefined })
  const grounds: Grounds = { target, format, pacer: new Pacer(), random, later: (ms, then) => later.add(ms, then) }
  const populations = plan.populations.map(one => new Population(one, BEHAVIOURS[one.behaviour]!))
  for (const population of populations) {
    for (let i = 0; i < population.plan.count; i++) population.clients.push(new Client(population, grounds))
  }
  const clients = shuffled(
    populations.flatMap(({ clients }) => clients),
    random,
  )
  const { host, port } = target
  const read = () => populations.reduce((sum, { messages }) => sum + messages, 0)
  const hub = new HubWatch({ host, port, pid: options.pid, read })
  const seen: Seen = { populations, hub, format, seconds: 0, cpu: 0, loopLagMs: 0, kernel: 0 }
  const kernelBefore = kernelTcp()
  await hub.start()
  options.met?.(populations)

  let phase = 'ramp'
  const sample = () => {
    seen.kernel = Math.max(seen.kernel, kernelTcp() - kernelBefore || 0)
    for (const population of populations) sampleOf(population, phase === 'duration')
    second(seen, phase)
    for (const population of populations) population.recent = new Delays()
  }
  const sampling = setInterval(sample, SECOND_MS)

  await ramp(clients, plan.rampMs, signal)
  later.ramped()
  phase = 'warm-up'
  await passed(plan.warmupMs, signal)
  phase = 'duration'
  for (const population of populations) population.begin()
  const meter = startMeter()
  await passed(plan.durationMs, signal)
  clearInterval(sampling)
  sample()
  Object.assign(seen, meter())
  for (const population of populations) population.end()
  await hub.look()
  hub.stop()
  later.stop()
  await examine(clients)
  for (const population of populations) population.judge()
  for (const client of clients) client.drop()
  return seen
}

/** Ends when everybody has had an answer, or has waited long enough for one. */
function ramp(clients: readonly Client[], rampMs: number, signal: AbortSignal): Promise<void> {
  const started = performance.now()
  const waiting = new Map<Client, number>()
  let next = 0
  return new Promise(resolve => {
    const tick = () => {
      const now = performance.now()
      for (const [client, since] of waiting) {
        if (now - since < ANSWER_MS) break
        waiting.delete(client)
        count(client.population.errors, 'no answer to the handshake')
      }
      const due = rampMs === 0 ? clients.length : Math.ceil(((now - started) / rampMs) * clients.length)
      while (next < Math.min(due, clients.length) && waiting.size < HANDSHAKES_MOST) {
        const client = clients[next++]!
        waiting.set(client, now)
        client.settled = () => waiting.delete(client)
        client.start()
      }
      if (now - started > rampMs + LATE_MOST_MS) {
        for (; next < clients.length; next++)
          count(clients[next]!.population.errors, 'kept out by handshakes without an answer')
      }
      if (!signal.aborted && (next < clients.length || waiting.size > 0)) return
      clearInterval(timer)
      resolve()
    }
    const timer = setInterval(tick, RAMP_TICK_MS)
  })
}

function sampleOf(population: Population, counts: boolean): void {
  const now = wallClock()
  population.recentAge = new Delays()
  for (const client of population.clients) {
    if (client.connected) population.recentAge.add(now - Math.max(client.newest, client.openedAt))
  }
  if (!counts) return
  population.latency.merge(population.recent.buckets)
  population.age.merge(population.recentAge.buckets)
}

function startMeter(): () => Pick<Seen, 'seconds' | 'cpu' | 'loopLagMs'> {
  const started = performance.now()
  const before = process.cpuUsage()
  const loop = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  loop.enable()
  return () => {
    const ms = performance.now() - started
    const { user, system } = process.cpuUsage(before)
    loop.disable()
    const loopLagMs = Math.max(0, loop.percentile(99) / 1e6 - LAG_RESOLUTION_MS)
    return { seconds: ms / 1_000, cpu: (user + system) / 1_000 / ms, loopLagMs }
  }
}

/** Ends when nothing more comes, or when it has taken long enough. */
async function examine(clients: readonly Client[]): Promise<void> {
  const unknown = clients.filter(({ connected, attentive }) => connected && !attentive)
  for (const client of unknown) client.examine()
  const deadline = performance.now() + EXAMINE_MS
  const state = () => unknown.reduce((sum, { messages, connected }) => sum + messages + (connected ? 0 : 1), 0)
  for (let before = -1; before !== state() && performance.now() < deadline; ) {
    before = state()
    await passed(EXAMINE_STEP_MS)
  }
}

function passed(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const end = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, ms)
    if (signal?.aborted === true) end()
    else signal?.addEventListener('abort', end)
  })
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const all = [...items]
  for (let i = all.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const item = all[i]!
    all[i] = all[j]!
    all[j] = item
  }
  return all
}
