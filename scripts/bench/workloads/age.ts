/** How old the data is that slow clients read: of those on a slow link, and of one that is fast, then slow, then fast again. */
import { kernelTcp } from '../../swarm/kernel.ts'
import { FEW } from '../peers/index.ts'
import type { Measure } from '../results.ts'
import { type Run, type Span, wait } from '../run.ts'
import { type Case, during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

const FEED = { overflow: 'skip', maxLag: { ms: 1_000 } } as const
const BYTES = 1_000
const PER_SECOND = 1_000
const LINK = 16_000

interface TrickleSettings extends Settings {
  readonly clients: number
  readonly read: number
  readonly seconds: number
  readonly every: number
}

const TRICKLE: TrickleSettings = { pairs: 5, clients: 10, read: LINK, seconds: 10, every: 5 }

export const trickle: Workload<TrickleSettings> = {
  name: 'trickle',
  about:
    'Clients whose links carry 16 KB/s on a feed of 1 MB/s (1,000 messages of 1,000 B), `skip`, lag limit 1 s: how old is what they read, as time goes by, and is their link full?',
  kinds: FEW,
  sizes: {
    full: TRICKLE,
    quick: { ...TRICKLE, pairs: 1, seconds: 8, every: 4 },
    tiny: { ...TRICKLE, pairs: 1, clients: 2, seconds: 1, every: 0.5 },
  },
  cases: ({ clients, read, seconds, every }) => [
    {
      name: `${clients} clients at ${read / 1_000} KB/s`,
      once: kind =>
        during(kind, { feed: FEED, load: { paced: clients, bytesPerSecond: read, timed: true } }, async run => {
          await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: BYTES })
          const spans = await spansOf(run, seconds, every)
          const bytes = spans.reduce((sum, span) => sum + span.bytes, 0)
          const time = spans.reduce((sum, span) => sum + span.seconds, 0)
          return finish(run, [
            ...agesOf(spans, every),
            { name: 'share of the link', unit: 'share', value: bytes / (read * clients * time) },
          ])
        }),
    },
  ],
}

interface ChangeSettings extends Settings {
  readonly read: number
  readonly fast: number
  readonly seconds: number
  readonly every: number
  readonly stop: boolean
  /** Of those who stop. */
  readonly clients: number
  readonly rate: number
}

const CHANGE: ChangeSettings = {
  ...{ pairs: 5, read: LINK, fast: 3, seconds: 6, every: 3 },
  ...{ stop: false, clients: 1_000, rate: 50 },
}
/** Back to full speed: so much of the feed's rate, and no older than this. */
const BACK = { share: 0.9, ageMs: 100, stepSeconds: 0.2, mostMs: 15_000 } as const

export const fastThenSlow: Workload<ChangeSettings> = {
  name: 'fast-then-slow',
  about:
    'One client that reads all it can of the same feed, then 16 KB/s, then all it can again: how old is what it reads after the change to slow, and how long after the change to fast until it has nine tenths of the feed, none of it older than 100 ms (a dash: not within 15 s)?',
  kinds: FEW,
  sizes: {
    full: CHANGE,
    quick: { ...CHANGE, pairs: 1 },
    tiny: { ...CHANGE, pairs: 1, fast: 0.5, seconds: 1, every: 0.5, clients: 10 },
  },
  cases: settings => [settings.stop ? stopping(settings) : changing(settings)],
}

function changing({ read, fast, seconds, every }: ChangeSettings): Case {
  return {
    name: `${fast} s fast, ${seconds} s at ${read / 1_000} KB/s`,
    once: kind =>
      during(kind, { feed: FEED, load: { paced: 1, timed: true } }, async run => {
        await run.publish({ do: 'steady', perSecond: PER_SECOND, bytes: BYTES })
        const before = await run.span(fast)
        await run.tell({ do: 'pace', bytesPerSecond: read })
        const spans = await spansOf(run, seconds, every)
        await run.tell({ do: 'pace', bytesPerSecond: null })
        const back = await backAtFullSpeed(run)
        return finish(run, [
          { name: 'while fast, p99', unit: 'ms', value: before.delays.at(0.99) },
          ...agesOf(spans, every),
          { name: 'back at full speed', unit: 'ms', value: back, better: 'less' },
        ])
      }),
  }
}

/** Fast clients that stop at the same moment: what they leave in the kernel. */
function stopping({ clients, rate, fast, seconds }: ChangeSettings): Case {
  return {
    name: `${clients} clients stop at once`,
    async once(kind) {
      const before = kernelTcp()
      return during(kind, { feed: FEED, load: { fast: clients, timed: true } }, async run => {
        // No more than a loop can carry to so many, or it would be overrun while these still read.
        await run.publish({ do: 'steady', perSecond: rate, bytes: 1_024 })
        const span = await run.span(fast)
        await run.tell({ do: 'stop' })
        await wait(Math.min(seconds, 10) * 1_000)
        const kernel = kernelTcp() - before
        return finish(run, [
          { name: 'while fast, p99', unit: 'ms', value: span.delays.at(0.99) },
          { name: 'kernel TCP', unit: 'bytes', value: kernel, better: 'less' },
          { name: 'kernel TCP each', unit: 'bytes', value: kernel / clients },
          { name: 'RSS', unit: 'bytes', value: run.rss },
        ])
      })
    },
  }
}

async function spansOf(run: Run, seconds: number, every: number): Promise<readonly Span[]> {
  const spans: Span[] = []
  for (let left = seconds; left > 0; left -= every) spans.push(await run.span(Math.min(every, left)))
  return spans
}

/** The age over time; a ratio only of the last, because until then queues fill. */
function agesOf(spans: readonly Span[], every: number): readonly Measure[] {
  const last = spans.length - 1
  const p50 = spans.map(
    ({ delays }, i): Measure => ({
      name: `age p50 at ${(i + 1) * every} s`,
      unit: 'ms',
      value: delays.at(0.5),
      ...(i === last ? { better: 'less' } : {}),
    }),
  )
  return [
    ...p50,
    { name: `p99 at ${(last + 1) * every} s`, unit: 'ms', value: spans[last]!.delays.at(0.99), better: 'less' },
  ]
}

async function backAtFullSpeed(run: Run): Promise<number> {
  const started = performance.now()
  while (performance.now() - started < BACK.mostMs) {
    const { delays, messages, seconds } = await run.span(BACK.stepSeconds)
    const share = messages / (PER_SECOND * seconds)
    if (share >= BACK.share && delays.at(0.99) < BACK.ageMs) return performance.now() - started
  }
  return Number.NaN
}
