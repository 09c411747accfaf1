import { existsSync } from 'node:fs'
import { cpus, freemem, hostname, loadavg, totalmem, uptime } from 'node:os'
import { afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Message } from '../../src/message.ts'
import {
  type CpuTimes,
  cpuShares,
  type HostFigures,
  type HostOptions,
  host,
  type NetworkCounters,
  networkRates,
  parseMemAvailable,
  parseNetDev,
  type Reading,
} from '../../src/sources/host.ts'
import { canWait, toMessage } from '../../src/sources/source.ts'

const times = (user: number, idle: number): CpuTimes => ({ user, nice: 0, sys: 0, idle, irq: 0 })

function reading(at: number, network: Record<string, [rx: number, tx: number]> | undefined): Reading {
  if (network === undefined) return { at, cores: [], network }
  const counters = Object.entries(network).map(([name, [rxBytes, txBytes]]): [string, NetworkCounters] => [
    name,
    { rxBytes, txBytes },
  ])
  return { at, cores: [], network: new Map(counters) }
}

describe('the figures of this host', () => {
  let message: Message
  let figures: HostFigures

  beforeAll(async () => {
    for await (const item of host()) {
      message = toMessage(item)
      break
    }
    figures = JSON.parse(message.payload as string) as HostFigures
  })

  it('come under the name of the host as key, with the time', () => {
    expect(message.key).toBe(hostname())
    expect(Math.abs(Date.now() - figures.time)).toBeLessThan(60_000)
  })

  it('have every core, each busy for a share from 0 to 1', () => {
    expect(figures.cpu.cores).toHaveLength(cpus().length)
    for (const share of [figures.cpu.used, ...figures.cpu.cores]) {
      expect(share).toBeGreaterThanOrEqual(0)
      expect(share).toBeLessThanOrEqual(1)
    }
  })

  it('have the memory that node:os knows of, used or available', () => {
    const { total, available, used } = figures.memory
    expect(total).toBe(totalmem())
    expect(available).toBeGreaterThan(0)
    expect(used).toBeGreaterThan(0)
    expect(used + available).toBe(total)
    expect(Math.abs(available - freemem())).toBeLessThan(total / 4)
  })

  it('have the load and the uptime that node:os tells', () => {
    expect(figures.load).toHaveLength(3)
    expect(Math.abs(figures.load[2]! - loadavg()[2]!)).toBeLessThan(1)
    expect(Math.abs(figures.uptime - uptime())).toBeLessThan(60)
  })

  it.runIf(existsSync('/proc/net/dev'))('have rates of the network, the loopback among it', () => {
    const rates = Object.values(figures.network ?? {}).flatMap(Object.values)
    expect(figures.network).toHaveProperty('lo')
    expect(rates.filter(rate => !(Number.isSafeInteger(rate) && rate >= 0))).toEqual([])
  })
})

describe('the host', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it('says that it cannot wait', () => {
    expect(canWait(host())).toBe(false)
  })

  it('gives its first message after a short interval, and then one every `everyMs`', async () => {
    const began = Date.now()
    const at: number[] = []
    const iterator = host({ everyMs: 5_000 })[Symbol.asyncIterator]()
    const ended = (async () => {
      while (!(await iterator.next()).done) at.push(Date.now() - began)
    })()
    await vi.advanceTimersByTimeAsync(15_100)
    await iterator.return?.()
    await ended
    expect(at).toEqual([100, 5_100, 10_100, 15_100])
  })

  it('ends when its signal aborts, with no timer left', async () => {
    const stop = new AbortController()
    const iterator = host({ signal: stop.signal })[Symbol.asyncIterator]()
    const waiting = iterator.next()
    expect(vi.getTimerCount()).toBe(1)
    stop.abort()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(vi.getTimerCount()).toBe(0)
  })

  it('gives nothing when its signal has aborted before', async () => {
    const iterator = host({ signal: AbortSignal.abort() })[Symbol.asyncIterator]()
    expect(await iterator.next()).toEqual({ done: true, value: undefined })
  })

  it('ends on return() without waiting for the next reading, with no timer left', async () => {
    const iterator = host()[Symbol.asyncIterator]()
    const first = iterator.next()
    await vi.advanceTimersByTimeAsync(100)
    expect((await first).done).toBe(false)
    const waiting = iterator.next()
    await vi.advanceTimersByTimeAsync(1)
    expect(vi.getTimerCount()).toBe(1)
    await iterator.return?.()
    expect(await waiting).toEqual({ done: true, value: undefined })
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('an option of the host that will not do', () => {
  it.each<[unknown, string]>([
    [{ everyMs: 99 }, 'host.everyMs: expected at least 100, got 99'],
    [{ everyMs: 86_400_001 }, 'host.everyMs: expected at most 86400000, got 86400001'],
    [{ everyMs: '1s' }, 'host.everyMs: expected a number, got "1s"'],
    [{ signal: 1 }, 'host.signal: expected an AbortSignal, got 1'],
    [{ interval: 1 }, 'host: expected no option but everyMs, signal, got "interval"'],
  ])('%j is refused with path, rule and value', (options, sentence) => {
    expect(() => host(options as HostOptions)).toThrow(
      expect.objectContaining({ code: 'bad_option', message: sentence }),
    )
  })
})

describe('the CPU shares between two readings', () => {
  it('are those of each core and of all together', () => {
    const before = [times(100, 100), times(500, 500)]
    const after = [times(150, 150), times(500, 800)]
    expect(cpuShares(before, after)).toEqual({ used: 0.125, cores: [0.5, 0] })
  })

  it('count all but idle as busy', () => {
    const after = { user: 1, nice: 2, sys: 3, idle: 30, irq: 4 }
    expect(cpuShares([times(0, 0)], [after]).used).toBe(0.25)
  })

  it('are 0 when no time has passed, or there are no cores', () => {
    expect(cpuShares([times(5, 5)], [times(5, 5)])).toEqual({ used: 0, cores: [0] })
    expect(cpuShares([], [])).toEqual({ used: 0, cores: [] })
  })

  it('are 0 when the counters went backwards', () => {
    expect(cpuShares([times(500, 500)], [times(400, 600)])).toEqual({ used: 0, cores: [0] })
    expect(cpuShares([times(500, 500)], [times(400, 400)])).toEqual({ used: 0, cores: [0] })
  })

  it('are 0 for a core that was not there before', () => {
    expect(cpuShares([times(0, 0)], [times(10, 0), times(900, 900)])).toEqual({ used: 1, cores: [1, 0] })
  })
})

describe('the network rates between two readings', () => {
  it('are in bytes per second, whatever lies between the two', () => {
    const rates = networkRates(reading(1_000, { eth0: [1_000, 50] }), reading(3_000, { eth0: [5_000, 150] }))
    expect(rates).toEqual({ eth0: { rxBytesPerSec: 2_000, txBytesPerSec: 50 } })
  })

  it('are 0 when no time has passed', () => {
    const rates = networkRates(reading(1_000, { eth0: [0, 0] }), reading(1_000, { eth0: [5_000, 150] }))
    expect(rates).toEqual({ eth0: { rxBytesPerSec: 0, txBytesPerSec: 0 } })
  })

  it('are 0 when the counters went backwards', () => {
    const rates = networkRates(reading(0, { eth0: [9_000, 100] }), reading(1_000, { eth0: [10, 300] }))
    expect(rates).toEqual({ eth0: { rxBytesPerSec: 0, txBytesPerSec: 200 } })
  })

  it('are 0 for an interface that came, and not there for one that went', () => {
    const rates = networkRates(reading(0, { tun0: [1, 1] }), reading(1_000, { wlan0: [7_000, 7_000] }))
    expect(rates).toEqual({ wlan0: { rxBytesPerSec: 0, txBytesPerSec: 0 } })
  })

  it('are left out where the system does not tell', () => {
    const rates = networkRates(reading(0, undefined), reading(1_000, undefined))
    expect(JSON.stringify({ network: rates })).toBe('{}')
  })
})

describe('/proc/meminfo', () => {
  it('tells what is available, in bytes', () => {
    const meminfo = `MemTotal:       24684092 kB
MemFree:        24281388 kB
MemAvailable:   24319560 kB
Buffers:            1988 kB
Cached:           223908 kB
HugePages_Total:       0
`
    expect(parseMemAvailable(meminfo)).toBe(24_319_560 * 1024)
  })

  it('does not on kernels before 3.14', () => {
    expect(parseMemAvailable('MemTotal:        2061224 kB\nMemFree:          123456 kB\n')).toBeUndefined()
  })
})

describe('/proc/net/dev', () => {
  const HEADER = `Inter-|   Receive                                                |  Transmit
 face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
`

  it('tells the bytes received and sent by each interface', () => {
    const dev = `${HEADER}    lo:    3193      29    0    0    0     0          0         0     3193      29    0    0    0     0       0          0
  eth0: 361973753    8717    0    0    0     0          0         0   448626    4401    0    0    0     0       0          0
br-1f2e3d4c5b6a: 18446744073       1    0    0    0     0          0         0        5       1    0    0    0     0       0          0
`
    expect([...parseNetDev(dev)]).toEqual([
      ['lo', { rxBytes: 3_193, txBytes: 3_193 }],
      ['eth0', { rxBytes: 361_973_753, txBytes: 448_626 }],
      ['br-1f2e3d4c5b6a', { rxBytes: 18_446_744_073, txBytes: 5 }],
    ])
  })

  it('may leave no space behind the name, as old kernels do, or have a colon in it', () => {
    const dev = `${HEADER}  eth0:1215541978 1085337    0    0    0     0          0         0 95063430  785209    0    0    0     0       0          0
eth0:1:    20       1    0    0    0     0          0         0       30       1    0    0    0     0       0          0
`
    expect([...parseNetDev(dev)]).toEqual([
      ['eth0', { rxBytes: 1_215_541_978, txBytes: 95_063_430 }],
      ['eth0:1', { rxBytes: 20, txBytes: 30 }],
    ])
  })

  it('tells of no interface where there is none', () => {
    expect(parseNetDev(HEADER).size).toBe(0)
    expect(parseNetDev('').size).toBe(0)
  })
})
