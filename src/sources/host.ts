/**
 * This machine's own figures as a source: CPU, memory, load and network, read afresh each time. Everything that is a rate
 * or a share is the difference of two readings, and must stay a number in range whatever the counters do: interfaces and
 * cores come and go, and counters wrap. It follows the clock and cannot wait. The CLI calls it (`host`).
 */
import { readFileSync } from 'node:fs'
import { type CpuInfo, cpus, freemem, hostname, loadavg, totalmem, uptime } from 'node:os'
import { z } from 'zod'
import type { Message } from '../message.ts'
import { parse } from '../parse.ts'
import { interruptible, wait } from './clock.ts'
import type { Source } from './source.ts'

export interface HostOptions {
  /** From one message to the next, in milliseconds, 100 to a day. @default 1000 */
  readonly everyMs?: number
  /** Ends the source. @default none */
  readonly signal?: AbortSignal
}

/** The payload of a message is this as JSON; its key is the host's name. */
export interface HostFigures {
  /** Milliseconds since 1970. */
  readonly time: number
  /** Shares of the time since the reading before, 0 to 1: of all cores together, and of each. */
  readonly cpu: { readonly used: number; readonly cores: readonly number[] }
  /** In bytes. `available` is what programs could still get, caches that would be given up included. */
  readonly memory: { readonly total: number; readonly available: number; readonly used: number }
  /** Load averages over 1, 5 and 15 minutes; zeros on Windows. */
  readonly load: readonly number[]
  /** By interface. Not there on systems without /proc/net/dev. */
  readonly network: Readonly<Record<string, NetworkRates>> | undefined
  /** In seconds. */
  readonly uptime: number
}

export interface NetworkRates {
  readonly rxBytesPerSec: number
  readonly txBytesPerSec: number
}

/** Bytes since an interface came up. */
export interface NetworkCounters {
  readonly rxBytes: number
  readonly txBytes: number
}

export type CpuTimes = CpuInfo['times']

/** The counters of one moment, of which it takes two to say anything. */
export interface Reading {
  /** On the monotonic clock, in milliseconds: somebody may set the other one. */
  readonly at: number
  readonly cores: readonly CpuTimes[]
  readonly network: ReadonlyMap<string, NetworkCounters> | undefined
}

/** Cores are counted in hundredths of a second: less than ten of those between two readings says nothing. */
const MIN_MS = 100
/** Timers end at 24 days, and fire at once beyond. */
const MAX_MS = 86_400_000

const schema = z.strictObject({
  everyMs: z.number().min(MIN_MS).max(MAX_MS).default(1000),
  signal: z.custom<AbortSignal>(value => value instanceof AbortSignal, 'an AbortSignal').optional(),
})

/** What this machine is doing. @throws SpillwayError `bad_option` */
export function host(options: HostOptions = {}): Source {
  const { everyMs, signal } = parse(schema, options, 'host')
  return {
    canWait: false,
    [Symbol.asyncIterator]: () => interruptible(stop => readings(everyMs, stop), signal),
  }
}

async function* readings(everyMs: number, stop: AbortSignal): AsyncGenerator<Message, void> {
  const key = hostname()
  let before = read()
  // Nobody should look at an empty page for `everyMs`: the first message needs two readings, but not so far apart.
  await wait(MIN_MS, stop)
  while (!stop.aborted) {
    const after = read()
    yield { key, payload: JSON.stringify(figures(before, after)) }
    before = after
    await wait(everyMs, stop)
  }
}

function read(): Reading {
  const dev = readProc('/proc/net/dev')
  return {
    at: performance.now(),
    cores: cpus().map(core => core.times),
    network: dev === undefined ? undefined : parseNetDev(dev),
  }
}

function figures(before: Reading, after: Reading): HostFigures {
  const total = totalmem()
  const available = Math.min(total, parseMemAvailable(readProc('/proc/meminfo') ?? '') ?? freemem())
  return {
    time: Date.now(),
    cpu: cpuShares(before.cores, after.cores),
    memory: { total, available, used: total - available },
    load: loadavg().map(load => round(load, 100)),
    network: networkRates(before, after),
    uptime: Math.floor(uptime()),
  }
}

/** Synchronous: the kernel makes the text up in memory, faster than a thread could be asked for it. */
function readProc(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // Another system than Linux, or a sandbox that hides it: then there is no such figure, and the rest goes on.
    return undefined
  }
}

/** Bytes that /proc/meminfo calls available. Kernels before 3.14 do not say. */
export function parseMemAvailable(meminfo: string): number | undefined {
  const kib = /^MemAvailable:\s*(\d+) kB$/m.exec(meminfo)?.[1]
  return kib === undefined ? undefined : Number(kib) * 1024
}

/**
 * The counters of /proc/net/dev by interface. A name may have a colon in it (`eth0:1`), and old kernels leave no space
 * behind the colon that ends it. Eight columns are received, of which the first is bytes; then eight sent, likewise.
 */
export function parseNetDev(dev: string): Map<string, NetworkCounters> {
  const interfaces = new Map<string, NetworkCounters>()
  for (const line of dev.split('\n')) {
    const [, name, rx, tx] = /^\s*(\S+):\s*(\d+)(?:\s+\d+){7}\s+(\d+)\s/.exec(line) ?? []
    if (name !== undefined) interfaces.set(name, { rxBytes: Number(rx), txBytes: Number(tx) })
  }
  return interfaces
}

/** Shares of the time between two readings that the cores were busy; 0 where no time has passed. */
export function cpuShares(before: readonly CpuTimes[], after: readonly CpuTimes[]): HostFigures['cpu'] {
  let allBusy = 0
  let allTime = 0
  const cores = after.map((now, i) => {
    // A core that was not there before has no share yet.
    const then = before[i] ?? now
    const busy =
      risen(then.user, now.user) + risen(then.nice, now.nice) + risen(then.sys, now.sys) + risen(then.irq, now.irq)
    const time = busy + risen(then.idle, now.idle)
    allBusy += busy
    allTime += time
    return shareOf(busy, time)
  })
  return { used: shareOf(allBusy, allTime), cores }
}

/** Bytes per second between two readings, of the interfaces that are there now; 0 for one that was not before. */
export function networkRates(before: Reading, after: Reading): HostFigures['network'] {
  if (after.network === undefined) return undefined
  const seconds = (after.at - before.at) / 1000
  const rate = (then: number, now: number) => (seconds > 0 ? Math.round(risen(then, now) / seconds) : 0)
  const rates: [string, NetworkRates][] = []
  for (const [name, now] of after.network) {
    const then = before.network?.get(name) ?? now
    rates.push([
      name,
      { rxBytesPerSec: rate(then.rxBytes, now.rxBytes), txBytesPerSec: rate(then.txBytes, now.txBytes) },
    ])
  }
  return Object.fromEntries(rates)
}

/** Counters wrap, and an interface that comes up again starts at 0: then it is not known how much, and 0 is said. */
function risen(then: number, now: number): number {
  return Math.max(0, now - then)
}

function shareOf(part: number, whole: number): number {
  return whole > 0 ? round(part / whole, 1000) : 0
}

function round(value: number, steps: number): number {
  return Math.round(value * steps) / steps
}
