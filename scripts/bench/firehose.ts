/** As many messages as there is time for, and as few as nobody notices: what delivering costs. */
import { kinds, number, numbers, window } from './args.ts'
import { frameBytes, type Kind, percent, Results, rounds, start, thousands, wait } from './run.ts'

interface Result {
  readonly rate: number
  readonly serverCpu: number
  readonly loadCpu: number
  readonly connected: number
}

/** Deliveries per second, so many messages each turn of the event loop. */
export async function firehose(): Promise<void> {
  const clients = number('clients', 1_000)
  const bytes = 128
  const taking = window ? (['spillway', 'off'] as const) : kinds(['spillway', 'loop'])
  for (const perTurn of numbers('per-turn', window ? '8,64' : '1,8,64')) {
    const results = new Results<Result>()
    for (const kind of rounds(number('pairs', 7), taking)) {
      // On against off: both ping clients that are silent, as by default. A client that has answered once acknowledges later from
      // then on (its TCP thinks that this is a dialogue), and each write costs some 10 % more: that is no cost of the window.
      const hub = window ? { stallTimeoutMs: 3_000 } : {}
      const run = await start(kind, { hub, load: { fast: clients, naps: true } })
      await run.publish({ do: 'firehose', perTurn, bytes })
      results.add(kind, await measure(run, 3, number('seconds', 3), bytes))
    }
    for (const other of taking.slice(1)) {
      console.log(
        `${perTurn} a turn, ${taking[0]} to ${other}: ${results.ratio(taking[0]!, other, ({ rate }) => rate)}`,
      )
    }
    for (const kind of taking) {
      console.log(
        `  ${kind}: ${thousands(results.median(kind, ({ rate }) => rate))} deliveries/s; ${others(results, kind)}`,
      )
    }
  }
}

/** CPU time of a server that has little to say to many. */
export async function steady(): Promise<void> {
  const clients = number('clients', 5_000)
  const bytes = number('bytes', 128)
  const perSecond = number('rate', 20)
  const taking = kinds(['spillway', 'off', 'loop'])
  const results = new Results<Result>()
  for (const kind of rounds(number('pairs', 3), taking)) {
    const run = await start(kind, { load: { fast: clients, naps: true } })
    await run.publish({ do: 'steady', perSecond, bytes })
    results.add(kind, await measure(run, 3, number('seconds', 20), bytes))
  }
  console.log(`${clients} clients, ${perSecond} messages/s of ${bytes} B`)
  // By delivery: a server that cannot keep up takes the whole core and delivers less.
  const each = ({ serverCpu, rate }: Result) => (serverCpu / rate) * 1e6
  for (const kind of taking) {
    const ratio = kind === taking[0] ? '' : `, ${taking[0]} to it ${results.ratio(taking[0]!, kind, each)}`
    const cpu = percent(results.median(kind, ({ serverCpu }) => serverCpu))
    const rate = results.median(kind, ({ rate }) => rate) / clients
    console.log(
      `  ${kind}: ${cpu} of a core, ${results.median(kind, each).toFixed(2)} µs a delivery${ratio}; ${rate.toFixed(1)} messages/s each; ${others(results, kind)}`,
    )
  }
}

async function measure(run: Awaited<ReturnType<typeof start>>, warmUp: number, seconds: number, bytes: number) {
  await wait(warmUp * 1_000)
  const [load, server] = [await run.load(), await run.server()]
  const started = performance.now()
  await wait(seconds * 1_000)
  const loadAfter = await run.load()
  const elapsed = (performance.now() - started) / 1_000
  const serverAfter = await run.server()
  const { connected } = run
  await run.close()
  if (serverAfter !== undefined && serverAfter.imbalance !== 0) {
    throw new Error(`the account is off by ${serverAfter.imbalance}`)
  }
  return {
    rate: loadAfter.bytes / frameBytes(bytes) / elapsed,
    serverCpu: ((serverAfter?.cpu ?? Number.NaN) - (server?.cpu ?? Number.NaN)) / 1e6 / elapsed,
    loadCpu: (loadAfter.cpu - load.cpu) / 1e6 / elapsed,
    connected,
  }
}

/** What is said of every kind: that the load is not what limits, and that nobody is missing. */
function others(results: Results<Result>, kind: Kind): string {
  const busiest = Math.max(...results.of(kind).map(({ loadCpu }) => loadCpu))
  return `load at most ${percent(busiest)} of its core; ${results.least(kind, ({ connected }) => connected)} connected`
}
