/**
 * What documents say of a benchmark: docs/benchmarks.md, with everything, and the README's section, with what somebody wants to
 * know first. Both are written from docs/benchmarks.json and hold no figure of their own; a test compares.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison } from './compare.ts'
import { told } from './machine.ts'
import { BUSY, figureText, type Grid, grids, markdown, ratioNumber, ratioText, titleOf } from './render.ts'
import { PAGE, type Report } from './report.ts'
import type { Ratio, Table } from './results.ts'

const README = join(import.meta.dirname, '../../README.md')
const GENERATED = '<!-- Written by `npm run docs` from benchmarks.json; edits here are lost. -->'

const METHOD = (pairs: number) => `## Method

- **The same run, alternating.** Each run starts a server and its load as processes of their own, and ends them. Runs of one case follow
  each other: Spillway, the loop, the guarded loop, Socket.IO, SocketCluster, and then in the opposite order, so that what disturbs the
  machine disturbs neighbours alike.
- **A core each.** Server and load are pinned to one core each where there are two. Clients are raw sockets that share one read buffer and parse
  only frame headers and a time stamp, so that the load is not what limits; the share of its core it took, in the busiest run, stands beside
  each figure, and \`†\` marks those above ${BUSY * 100} %: there the load may be what was measured. In firehose and growth the
  load sleeps 20 ms between turns, in steady 5 ms, so that it reads several messages at once.
- **Medians and spread.** A figure is the median of the runs, in brackets the least and the most. A ratio is Spillway's figure by the peer's, taken
  for each pair of runs, and then median, least and most of these. Of one pair there is no spread, and of two it says little: of two pairs and two
  more of the same, nothing but chance keeps the spreads apart in one of three cases${pairs > 2 ? `; of ${pairs} and ${pairs}, as here, in one of ${oneIn(pairs)}` : ''}.
- **Who takes part.** The guarded loop is left out where its guard has nothing to do, because there it is the loop; it and SocketCluster where
  each run takes long and they have shown elsewhere that they are like the loop and Socket.IO. \`--kinds\` takes all.
- **Ages** are from the moment at which a message was due (written in it) to the moment its last byte was read, in buckets 2 % wide. A server that
  cannot keep up does not make its messages younger.
- **CPU** is user and system time of the server's process; all writes to sockets are in it.
- **Connected** is what the kernel says at the end, in the run with the fewest.
- **Nobody is slowed down on purpose.** The loop is \`for (const c of clients) c.send(m)\` with the \`ws\` package, without compression; the guarded
  loop leaves out whom \`bufferedAmount\` says to have more than 64 KiB. Socket.IO: WebSocket only, no compression, its own packet encoded once
  (\`io.emit\`; rooms where there are several feeds). SocketCluster as it comes: one channel a feed, no batching, which would wait. Each is one process,
  as the hub is. How each is set up is one small file in \`scripts/bench/peers/\`.
- Spillway is checked in every run: the account of every reader must balance, or the run fails. Its stall timeout is off but in slow-swarm, where it is
  the default; all else is the default, but for what a workload names.
- Runs are cut short at 4 GiB of resident or 1.2 GiB of kernel memory, so peers are shown with 500 clients that never read: about 560 take the TCP memory
  of a whole machine.`

const LIMITS = `## What it does not show

- **Loopback.** No network, no loss, no round trip but the scheduler's; what is slow is slow on purpose. No real radios, no proxies.
- **A faster machine.** Where the published figures were measured a write to a socket takes the kernel some 9 µs, so that 5,000 clients at 20 messages a second are
  all that a core can carry: in steady every server's core is full, and what differs is what a delivery costs and how old messages are.
- **One machine.** The load's kernel is the server's kernel, and does the work of both: a write wakes the reader, and part of receiving is charged to who
  sends. Kernel TCP memory is that of both sides together.
- **No TLS**, no compression, no authentication.
- **No applications.** A handler in a browser that takes its time is not here; nor is a server that does anything but broadcast.
- **One process each.** Clustered set-ups (adapters, brokers, several cores) are not compared.
- **What peers do besides.** Socket.IO has fallbacks, acknowledgements and rooms, SocketCluster has authentication and calls; who needs these will not find
  them in a hub, and pays for them here. Their frames are longer too: an envelope of 10 to 60 bytes around each message.
- **What comes back.** Clients answer pings and say nothing else.
- **Other machines.** Virtual machines are shared and noisy: ratios carry over, times do not. uWebSockets.js, which is written in C++, is not
  compared because it does not come from npm.`

/** Every document that quotes the benchmark, by its path, with what it says of this report. */
export function documents(report: Report): Readonly<Record<string, string>> {
  return { [PAGE]: benchmarksPage(report), [README]: readmeWith(readFileSync(README, 'utf8'), report) }
}

export function benchmarksPage(report: Report): string {
  return `# Benchmarks

${GENERATED}

${caution(report)}Measured ${told(report.machine)}. In ${report.minutes} minutes, by

    ${report.command}

Ratios come first: machines differ, and so do moments. A figure is for the row it stands in and the conditions above the table.

${report.second === undefined ? '' : `${briefly(report.second)}\n\n`}${report.tables.map(section).join('\n\n')}

${METHOD(Math.min(...report.tables.map(({ settings }) => Number(settings['pairs']))))}

${LIMITS}${report.second === undefined ? '' : `\n\n## Second run\n\n${toldComparison(report.second)}`}
`
}

/** Of so many values and as many more of the same kind: once in how many cases all of the one are on one side of all of the other. */
function oneIn(values: number): number {
  let ways = 1
  for (let i = 1; i <= values; i++) ways = (ways * (values + i)) / i
  return Math.round(ways / 2)
}

const briefly = ({ ratios, apart }: Comparison): string =>
  `Of ${ratios} ratios, the spreads of ${ratios - apart.length} met in [a second run](#second-run).`

export function toldComparison({ date, commit, minutes, ratios, apart }: Comparison): string {
  const same = `A second run (${date}, commit ${commit}, ${minutes} minutes): of ${ratios} ratios, ${ratios - apart.length} whose spread meets that of the first`
  if (apart.length === 0) return `${same}.`
  const lines = apart.map(({ what, first, second }) => `${what}: ${ratioNumber(first)} × then ${ratioNumber(second)} ×`)
  return `${same}; not these:\n\n${list(lines)}`
}

const caution = ({ size }: Report): string =>
  size === 'full' ? '' : `**Of a ${size} run: short, and of one run each.** The full one is \`npm run bench\`.\n\n`

function section(table: Table): string {
  const failed = table.failures.length === 0 ? '' : `\n\nFailed runs, in no figure:\n${list(table.failures)}`
  const settings = Object.entries(table.settings).map(([name, value]) => `${name} ${String(value)}`)
  return `## ${table.workload}

${table.about}

${grids(table).map(markdown).join('\n\n')}

\`npm run bench -- ${table.workload}\`: ${settings.join('; ')}.${failed}`
}

const list = (lines: readonly string[]): string => lines.map(line => `- ${line}`).join('\n')

/**
 * What the README tells, in this order: of which workload, which figures (those whose names begin so). What speaks against the hub is
 * there as what speaks for it: of each workload what it was made to ask.
 */
const TOLD: readonly (readonly [workload: string, figure: string])[] = [
  ['firehose', 'deliveries/s'],
  ['steady', 'CPU a delivery'],
  ['steady', 'age p99'],
  ['slow-swarm', 'healthy age p99'],
  ['slow-swarm', 'RSS'],
  ['slow-swarm', 'kernel TCP'],
  ['trickle', 'age p50'],
  ['fast-then-slow', 'age p50'],
  ['idle', 'resident'],
  ['churn', 'visits/s'],
  ['resume', 'all caught up'],
  ['resume', 'bystanders p99'],
  ['growth', 'CPU a delivery'],
]

export const BEGIN = '<!-- Figures: written by `npm run docs` from docs/benchmarks.json; edits here are lost. -->'
export const END = '<!-- End of figures. -->'

/** The README with its figures. */
export function readmeWith(readme: string, report: Report): string {
  const [from, to] = [readme.indexOf(BEGIN), readme.indexOf(END)]
  if (from < 0 || to < from) throw new Error('README.md has lost the marks around its figures')
  return `${readme.slice(0, from)}${BEGIN}\n\n${figures(report)}\n\n${readme.slice(to)}`
}

function figures(report: Report): string {
  const { machine, size } = report
  const runs = size === 'full' ? 'medians of alternating runs' : `of a ${size} run`
  return `On ${machine.cores} cores (${machine.cpu}), node ${machine.node}, commit ${machine.commit}, ${runs}. Behind each figure of a peer:
Spillway's divided by it. [docs/benchmarks.md](docs/benchmarks.md) has all of them with their spread, how they were measured, and what they do not show.

${markdown(overview(report))}

    ${report.command}${' '.repeat(Math.max(1, 28 - report.command.length))}# ${report.minutes} minutes; with --quick a shorter one`
}

function overview({ tables }: Report): Grid {
  const kinds = [...new Set(tables.flatMap(({ ratios }) => ratios.map(({ to }) => to)))]
  const rows = TOLD.flatMap(([workload, figure]) => {
    const table = tables.find(of => of.workload === workload)
    const ratios = table?.ratios.filter(ratio => ratio.figure.startsWith(figure)) ?? []
    const lines = [...new Set(ratios.map(({ variant, figure }) => JSON.stringify([variant, figure])))]
    return lines.map(line => {
      const [variant, name] = JSON.parse(line) as [string, string]
      const own = ratios.filter(ratio => ratio.variant === variant && ratio.figure === name)
      const cells = kinds.map(kind =>
        peerCell(
          table!,
          own.find(({ to }) => to === kind),
        ),
      )
      return [
        `${workload}, ${variant}: ${name}`,
        own[0]!.better,
        medianCell(table!, variant, table!.first, name),
        ...cells,
      ]
    })
  })
  const first = tables[0]?.first ?? 'spillway'
  return { head: ['', 'better is', titleOf(first), ...kinds.map(titleOf)], rows }
}

function peerCell(table: Table, ratio: Ratio | undefined): string {
  if (ratio === undefined) return ''
  return `${medianCell(table, ratio.variant, ratio.to, ratio.figure)}; ${ratioText(ratio, false)}`
}

function medianCell(table: Table, variant: string, kind: Ratio['to'], name: string): string {
  const row = table.rows.find(of => of.variant === variant && of.kind === kind)
  const figure = row?.figures.find(of => of.name === name)
  return figure === undefined ? '' : figureText({ ...figure, runs: [] })
}
