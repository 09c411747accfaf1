/**
 * A feed of 1 MB/s over links that carry less: how old is what their clients read, and is the link full? And a client that is
 * fast, then slow, then fast again; and many that stop at once.
 */

import { Delays } from '../swarm/delays.ts'
import { kinds, number, stop } from './args.ts'
import { frameBytes, kernelTcp, kib, mib, ms, percent, Results, type Run, rounds, start, wait } from './run.ts'

const FEED = { overflow: 'skip', maxLag: { ms: 1_000 } } as const
const BYTES = 1_000
const PER_SECOND = 1_000
const LINK = 16_000

interface Age {
  readonly p50: number
  readonly p99: number
}

/** Figures are taken from this moment on: until then queues fill. */
const FROM_SECONDS = 10

export async function freshness(): Promise<void> {
  const clients = number('clients', 10)
  const read = number('read', LINK)
  const taking = kinds(['spillway', 'loop', 'guarded'])
  const seconds = number('seconds', 60)
  const from = Math.min(FROM_SECONDS, seconds / 2)
  const results = new Results<Age & { readonly share: number; readonly connected: number }>()
  for (const kind of rounds(number('pairs', 3), taking)) {
    const run = await start(kind, { feed: FEED, load: { paced: clients, bytesPerSecond: read, timed: true } })
    await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: BYTES })
    await wait(from * 1_000)
    const { age, bytes, elapsedMs } = await reading(run, (seconds - from) * 1_000)
    const share = bytes / ((read * clients * elapsedMs) / 1_000)
    results.add(kind, { ...age, share, connected: run.connected })
    const server = await run.server()
    console.log(
      `  ${kind}: ${told(age)}; ${percent(share)} of the link; ${run.connected} connected; account off by ${server?.imbalance}`,
    )
    await run.close()
  }
  console.log(`${clients} clients at ${read} B/s, from ${from} s to ${seconds} s:`)
  for (const kind of taking) {
    const of = (figure: 'p50' | 'p99' | 'share') => results.median(kind, result => result[figure])
    const age = { p50: of('p50'), p99: of('p99') }
    console.log(
      `${kind}: ${told(age)}; ${percent(of('share'))} of the link; ${results.least(kind, r => r.connected)} connected`,
    )
  }
}

const SETTLE_SECONDS = 5
/** Back to full speed: so much of the feed's rate, and no older than this. */
const BACK = { share: 0.9, ageMs: 100, stepMs: 200, mostMs: 30_000 } as const

export async function fastThenSlow(): Promise<void> {
  if (stop) return stopping()
  const seconds = number('seconds', 20)
  const read = number('read', LINK)
  const taking = kinds(['spillway', 'loop', 'guarded'])
  const results = new Results<Age & { readonly fast: number; readonly back: number; readonly connected: number }>()
  for (const kind of rounds(number('pairs', 3), taking)) {
    const run = await start(kind, { feed: FEED, load: { paced: 1, timed: true } })
    await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: BYTES })
    const fast = await reading(run, seconds * 1_000)
    await run.tell({ do: 'pace', bytesPerSecond: read })
    await wait(SETTLE_SECONDS * 1_000)
    const { age } = await reading(run, seconds * 1_000)
    await run.tell({ do: 'pace', bytesPerSecond: null })
    const back = await backAtFullSpeed(run)
    const { connected } = run
    results.add(kind, { ...age, fast: fast.age.p99, back, connected })
    console.log(`  ${kind}: fast ${told(fast.age)}; slow ${told(age)}; ${toldBack(back)}; ${connected} connected`)
    await run.close()
  }
  console.log(
    `${seconds} s at full speed, then ${read} B/s, from ${SETTLE_SECONDS} s after the change for ${seconds} s:`,
  )
  for (const kind of taking) {
    const of = (figure: 'p50' | 'p99' | 'back') => results.median(kind, result => result[figure])
    const age = { p50: of('p50'), p99: of('p99') }
    console.log(`${kind}: ${told(age)}; ${toldBack(of('back'))}; ${results.least(kind, r => r.connected)} connected`)
  }
}

async function backAtFullSpeed(run: Run): Promise<number> {
  const started = performance.now()
  await run.load()
  while (performance.now() - started < BACK.mostMs) {
    const { age, bytes, elapsedMs } = await reading(run, BACK.stepMs)
    const share = bytes / ((PER_SECOND * frameBytes(BYTES) * elapsedMs) / 1_000)
    if (share >= BACK.share && age.p99 < BACK.ageMs) return performance.now() - started
  }
  return Number.POSITIVE_INFINITY
}

/** Fast clients that stop at the same moment: what they leave in the kernel. */
async function stopping(): Promise<void> {
  const clients = number('clients', 1_000)
  const seconds = number('seconds', 10)
  const perSecond = number('rate', 100)
  const bytes = number('bytes', 1_024)
  const taking = kinds(['spillway', 'loop', 'guarded'])
  const results = new Results<{ readonly kernel: number; readonly connected: number }>()
  for (const kind of rounds(number('pairs', 3), taking)) {
    const before = kernelTcp()
    const run = await start(kind, { feed: FEED, load: { fast: clients, timed: true } })
    await run.publish({ do: 'steady', perSecond, bytes })
    const { age } = await reading(run, seconds * 1_000)
    await run.tell({ do: 'stop' })
    await wait(10_000)
    const { connected } = run
    const kernel = kernelTcp() - before
    results.add(kind, { kernel, connected })
    console.log(
      `  ${kind}: fast ${told(age)}; then kernel TCP ${mib(kernel)}; rss ${mib(run.rss)}; ${connected} connected`,
    )
    await run.close()
  }
  console.log(`${clients} clients at ${perSecond} messages/s of ${bytes} B stop reading; 10 s later:`)
  for (const kind of taking) {
    const kernel = results.median(kind, r => r.kernel)
    const connected = results.least(kind, r => r.connected)
    console.log(`${kind}: kernel TCP ${mib(kernel)}, ${kib(kernel / clients)} each; ${connected} connected`)
  }
}

/** What is read in the time to come. */
async function reading(run: Run, forMs: number) {
  await run.load()
  const started = performance.now()
  await wait(forMs)
  const { delays, bytes } = await run.load()
  const all = new Delays(delays)
  return { age: { p50: all.at(0.5), p99: all.at(0.99) }, bytes, elapsedMs: performance.now() - started }
}

const told = ({ p50, p99 }: Age): string => `age p50 ${ms(p50)}, p99 ${ms(p99)}`
const toldBack = (back: number): string =>
  back === Number.POSITIVE_INFINITY ? `not back after ${BACK.mostMs} ms` : `back at full speed after ${ms(back)}`
