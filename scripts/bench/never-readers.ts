/**
 * Some clients never read: what it costs the others, and the memory of the server and of the kernel. Beside each run one without
 * them.
 */

import { Delays } from '../swarm/delays.ts'
import { kinds, number, overflow } from './args.ts'
import {
  frameBytes,
  type Kind,
  kernelTcp,
  kib,
  median,
  mib,
  ms,
  percent,
  Results,
  rounds,
  start,
  thousands,
  wait,
} from './run.ts'

const REPORT_MS = 10_000
/** A loop's queues grow without end; the machine's memory does not. */
const MOST_RSS = 4 * 2 ** 30

interface Result {
  readonly connected: number
  readonly kernel: number
  readonly rss: number
  readonly bound: number
  readonly p50: number
  readonly p99: number
  readonly perSecond: number
}

export async function neverReaders(): Promise<void> {
  const silent = number('silent', 500)
  const taking = kinds(['spillway', 'loop', 'guarded'])
  const [beside, alone] = [new Results<Result>(), new Results<Result>()]
  for (const kind of rounds(number('pairs', 3), taking)) {
    beside.add(kind, await once(kind, silent))
    alone.add(kind, await once(kind, 0))
  }
  for (const kind of taking) {
    console.log(`${kind}, ${silent} never read: ${told(beside.of(kind), silent)}`)
    console.log(`${kind}, nobody but the healthy: ${told(alone.of(kind), 0)}`)
    const ratio = median(beside.of(kind).map(({ p99 }, i) => p99 / alone.of(kind)[i]!.p99))
    console.log(`  p99 delay of the healthy with to without: ${ratio.toFixed(2)} ×`)
  }
}

async function once(kind: Kind, silent: number): Promise<Result> {
  const healthy = number('healthy', 500)
  const bytes = number('bytes', 1_024)
  const feed = { capacity: 2 ** 20, overflow: overflow as 'skip' }
  // The same bound in both runs.
  const hub = { maxClients: healthy + number('silent', 500) }
  const before = kernelTcp()
  const run = await start(kind, { feed, hub, load: { fast: healthy, silent, timed: true } })
  await run.publish({ do: 'steady', perSecond: number('rate', 2_000), bytes })
  await run.load()
  const started = performance.now()
  const most = number('seconds', 20) * 1_000
  const delays = new Delays()
  let readBytes = 0
  let cpu = 0
  for (;;) {
    const from = performance.now()
    await wait(Math.min(REPORT_MS, started + most - from))
    const { connected, rss } = run
    const kernel = kernelTcp() - before
    const load = await run.load()
    const now = performance.now()
    delays.merge(load.delays)
    readBytes += load.bytes
    const server = await run.server()
    const perSecond = (read: number, ms: number) => (read / frameBytes(bytes) / healthy / ms) * 1_000
    const since = new Delays(load.delays)
    const hub =
      server === undefined
        ? 'no answer'
        : `published ${Math.round((server.published * 1_000) / (now - started))}/s, in flight ${mib(server.inFlightBytes)}, evicted ${server.evicted}, account off by ${server.imbalance}`
    console.log(
      `  ${kind}, ${silent} never read, ${Math.round((now - started) / 1_000)} s: ${connected} connected; kernel TCP ${mib(kernel)}; rss ${mib(rss)}; healthy delay p50 ${ms(since.at(0.5))}, p99 ${ms(since.at(0.99))}, ${Math.round(perSecond(load.bytes, now - from))} messages/s each; ${hub}; load ${percent((load.cpu - cpu) / 1e3 / (now - from))}`,
    )
    cpu = load.cpu
    if (performance.now() - started < most - 1_000 && rss < MOST_RSS) continue
    await run.close()
    return {
      connected,
      kernel,
      rss,
      bound: server?.bound ?? 0,
      p50: delays.at(0.5),
      p99: delays.at(0.99),
      perSecond: perSecond(readBytes, now - started),
    }
  }
}

function told(results: readonly Result[], silent: number): string {
  const of = (figure: (result: Result) => number) => median(results.map(figure))
  const kernel = of(r => r.kernel)
  const each = silent > 0 ? `, ${kib(kernel / silent)} each that never reads` : ''
  const bound = of(r => r.bound)
  const rss = `rss ${mib(of(r => r.rss))}${bound > 0 ? ` of a bound of ${mib(bound)}` : ''}`
  const delay = `healthy delay p50 ${ms(of(r => r.p50))}, p99 ${ms(of(r => r.p99))}`
  const rate = of(r => r.perSecond)
  const rateTold = rate < 10_000 ? Math.round(rate) : thousands(rate)
  return `${Math.min(...results.map(r => r.connected))} connected; kernel TCP ${mib(kernel)}${each}; ${rss}; ${delay}; ${rateTold} messages/s each`
}
