/**
 * The benchmark: the hub and the loop that people write today, in the same run, alternating, each in a process of its own and
 * the load in another, pinned to a core each where there are two. Ratios first: machines are shared and noisy, so times mean
 * little and a time is never asserted.
 *
 *     npm run bench -- firehose [--pairs 7] [--seconds 3] [--clients 1000] [--per-turn 1,8,64]
 *     npm run bench -- slow     [--seconds 60] [--overflow skip|evict]
 *     npm run bench -- idle     [--clients 10000]   memory of clients that only listen
 *     npm run bench -- log      append cost against cursors, memory without clients
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { LoadReport } from './bench/load.ts'
import { logTrial } from './bench/log.ts'
import type { Command, Report, ServerKind } from './bench/server.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '7' },
    seconds: { type: 'string' },
    clients: { type: 'string', default: '1000' },
    overflow: { type: 'string', default: 'skip' },
    'per-turn': { type: 'string', default: '1,8,64' },
  },
})

const PINNED = cpus().length >= 2 && spawnSync('taskset', ['-V']).status === 0
const folder = join(import.meta.dirname, 'bench')

/** A child on a core of its own. */
function start(file: string, args: readonly string[], core: number): ChildProcess {
  const env = { ...process.env, MAX_CLIENTS: values.clients }
  const child = fork(join(folder, file), args, { execArgv: ['--import', 'tsx'], env })
  if (PINNED) spawnSync('taskset', ['-acp', String(core), String(child.pid)])
  return child
}

function next<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', value => resolve(value as T))
    child.once('exit', code => reject(new Error(`a child ended with ${code}`)))
  })
}

function ask<T>(child: ChildProcess, command: Command): Promise<T> {
  const answer = next<T>(child)
  child.send(command)
  return answer
}

interface Run {
  readonly server: ChildProcess
  readonly load: ChildProcess
  readonly close: () => void
}

async function run(kind: ServerKind, options: object, healthy: number, silent: number, timed: boolean): Promise<Run> {
  const server = start('server.ts', [kind, JSON.stringify(options)], 0)
  const { port } = await next<{ port: number }>(server)
  const load = start('load.ts', [port, healthy, silent, timed ? 1 : 0].map(String), 1)
  await next(load)
  const close = () => {
    load.kill('SIGKILL')
    server.kill('SIGKILL')
  }
  return { server, load, close }
}

const wait = (ms: number) => new Promise<undefined>(resolve => setTimeout(() => resolve(undefined), ms))
const median = (numbers: readonly number[]): number =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!
const mib = (bytes: number): number => Math.round(bytes / 2 ** 20)
const thousands = (n: number): string => `${Math.round(n / 1_000)} k`

/** Deliveries per second to healthy clients, so many messages each turn of the event loop. */
async function firehose(): Promise<void> {
  const seconds = Number(values.seconds ?? 3)
  const clients = Number(values.clients)
  const bytes = 128
  const frame = bytes + 4
  for (const perTurn of values['per-turn'].split(',').map(Number)) {
    const rates: Record<ServerKind, number[]> = { spillway: [], loop: [] }
    let busiest = 0
    for (let pair = 0; pair < Number(values.pairs); pair++) {
      for (const kind of pair % 2 === 0 ? (['spillway', 'loop'] as const) : (['loop', 'spillway'] as const)) {
        const { server, load, close } = await run(kind, {}, clients, 0, false)
        server.send({ do: 'firehose', perTurn, bytes } satisfies Command)
        await wait(1_000)
        const before = await ask<LoadReport>(load, { do: 'report' })
        const started = performance.now()
        await wait(seconds * 1_000)
        const after = await ask<LoadReport>(load, { do: 'report' })
        const elapsed = (performance.now() - started) / 1_000
        rates[kind].push(after.bytes / frame / elapsed)
        busiest = Math.max(busiest, (after.cpu - before.cpu) / 1e6 / elapsed)
        const { imbalance } = await ask<Report>(server, { do: 'report' })
        if (imbalance !== 0) throw new Error(`the account is off by ${imbalance}`)
        close()
      }
    }
    const ratios = rates.spillway.map((rate, i) => rate / rates.loop[i]!)
    const sorted = [...ratios].sort((a, b) => a - b)
    console.log(
      `${perTurn} a turn: ${median(ratios).toFixed(2)} × (${sorted[0]!.toFixed(2)}–${sorted.at(-1)!.toFixed(2)});`,
      `hub ${thousands(median(rates.spillway))}/s, loop ${thousands(median(rates.loop))}/s;`,
      `load at most ${Math.round(busiest * 100)} % of its core`,
    )
  }
}

/** An overrun event loop answers nothing any more; then its memory is read from outside. */
const PATIENCE_MS = 8_000
/** The loop is given less time: it only grows. */
const LOOP_SECONDS = 20

/** Half of the clients never read: what it costs the others, and the memory. */
async function slow(): Promise<void> {
  const asked = Number(values.seconds ?? 60)
  const half = Number(values.clients) / 2
  for (const kind of ['spillway', 'loop'] as const) {
    const options = { capacity: 2 ** 20, overflow: values.overflow }
    const { server, load, close } = await run(kind, options, half, half, true)
    server.send({ do: 'steady', perSecond: 2_000, bytes: 1_024 } satisfies Command)
    const seconds = kind === 'loop' ? Math.min(asked, LOOP_SECONDS) : asked
    for (let second = 10; second <= seconds; second += 10) {
      await wait(10_000)
      const told = await Promise.race([ask<Report>(server, { do: 'report' }), wait(PATIENCE_MS)])
      const swarm = await ask<LoadReport>(load, { do: 'report' })
      const memory = `rss ${mib(rssOf(server))} MiB${told?.bound ? ` of a bound of ${mib(told.bound)}` : ''}, kernel TCP ${kernelTcp()} MiB`
      const hub = told
        ? `${told.clients} clients, published ${Math.round(told.published / second)}/s, account off by ${told.imbalance}`
        : `no answer for ${PATIENCE_MS} ms`
      const each = Math.round(swarm.bytes / 10 / half / 1_028)
      const healthy = `${swarm.connected} connected, healthy p99 ${swarm.delays.p99.toFixed(1)} ms, ${each} messages/s each`
      console.log(`${kind} ${second} s: ${memory}; ${healthy}; ${hub}`)
    }
    close()
    await wait(2_000)
  }
}

/** Resident memory of a child, from /proc: also when it is too busy to say. */
function rssOf({ pid }: ChildProcess): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096
  } catch {
    return 0
  }
}

/** What a client costs that is there and gets nothing. */
async function idle(): Promise<void> {
  const clients = Number(values.clients)
  for (const kind of ['spillway', 'loop'] as const) {
    const few = await run(kind, {}, 10, 0, false)
    const { rss: empty } = await ask<Report>(few.server, { do: 'report' })
    few.close()
    const many = await run(kind, {}, clients, 0, false)
    await wait(3_000)
    const { rss, clients: connected } = await ask<Report>(many.server, { do: 'report' })
    many.close()
    console.log(
      `${kind}: ${connected} clients, rss ${mib(rss)} MiB, ${((rss - empty) / connected / 1_024).toFixed(1)} KiB each`,
    )
  }
}

/** Memory of the kernel's TCP sockets, in MiB (/proc/net/sockstat counts pages). */
function kernelTcp(): string {
  try {
    const pages = /^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'utf8'))?.[1]
    return String(Math.round((Number(pages) * 4_096) / 2 ** 20))
  } catch {
    return 'unknown'
  }
}

const WORKLOADS: Readonly<Record<string, () => Promise<void>>> = { firehose, slow, idle, log: logTrial }
const workload = WORKLOADS[positionals[0] ?? '']
if (workload === undefined) {
  console.error(`workload: expected one of ${Object.keys(WORKLOADS).join(', ')}, got ${positionals[0] ?? 'nothing'}`)
  process.exit(2)
}
const node = `node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores${PINNED ? ', pinned' : ''}`
console.log(`${positionals.join(' ')}: ${node}`)
await workload()
