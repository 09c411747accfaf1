/**
 * What people see: progress while the swarm is at work, one block that is drawn again on a terminal and a line a second
 * elsewhere, and at the end the table. The only place that knows colours (NO_COLOR turns them off) and columns.
 */

import type { Verdict } from './assert.ts'
import { told } from './assert.ts'
import type { Seen } from './attack.ts'
import { HUB_FIGURES, POPULATION_FIGURES, SWARM_FIGURES } from './figures.ts'
import type { Population } from './population.ts'
import { show } from './units.ts'

/** Above this share of a core, the swarm measures itself. */
export const BUSY = 0.8
/** What two clocks of one machine may differ by. */
const SKEW_MS = 1

const COLOURS = { green: 32, red: 31, yellow: 33, dim: 2 } as const

export function paint(colour: keyof typeof COLOURS, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  if (!stream.isTTY || (process.env['NO_COLOR'] ?? '') !== '') return text
  return `\u001b[${COLOURS[colour]}m${text}\u001b[0m`
}

/** Progress goes to standard error: the table is what is piped on. */
export class Progress {
  readonly #started = performance.now()
  readonly #title: string
  #lines = 0
  #messages = new Map<Population, number>()

  constructor(title: string) {
    this.#title = title
  }

  second(seen: Seen, phase: string): void {
    const stream = process.stderr
    const at = `${Math.round((performance.now() - this.#started) / 1_000)} s`
    if (!stream.isTTY) {
      const each = seen.populations.map(population => this.#brief(population)).join('; ')
      stream.write(`${this.#title}, ${phase}, ${at}: ${each}; ${this.#server(seen)}\n`)
      return
    }
    const rows = seen.populations.map(population => {
      const { plan, recent, recentAge } = population
      return [
        plan.name,
        String(connected(population)),
        `${rate(this.#since(population))}`,
        time(recent.at(0.5)),
        time(recent.at(0.99)),
        time(recentAge.at(0.99)),
        count(population.closes),
      ]
    })
    const head = ['population', 'connected', 'messages/s', 'p50', 'p99', 'age p99', 'closed']
    this.#draw([
      `${this.#title}: ${phase}, ${at}`,
      ...aligned([head, ...rows]),
      paint('dim', this.#server(seen), stream),
    ])
  }

  /** Takes the block away. */
  end(): void {
    if (this.#lines > 0) process.stderr.write(`\u001b[${this.#lines}A\u001b[J`)
    this.#lines = 0
  }

  #draw(lines: readonly string[]): void {
    this.end()
    process.stderr.write(`${lines.join('\n')}\n`)
    this.#lines = lines.length
  }

  #brief(population: Population): string {
    const { plan, recent, recentAge } = population
    const [p99, age] = [recent, recentAge].map(delays => time(delays.at(0.99)))
    return `${plan.name} ${connected(population)}/${plan.count} ${rate(this.#since(population))} messages/s p99 ${p99} age ${age}`
  }

  #server({ hub }: Seen): string {
    const evictions = hub.counted('spillway_evictions_total')
    const rss = hub.rss === undefined ? '' : `rss ${show('size', hub.rss)}`
    return `server ${rss}${evictions === undefined ? '' : `, ${evictions} evicted`}`
  }

  /** Messages since the last second. */
  #since(population: Population): number {
    const before = this.#messages.get(population) ?? 0
    this.#messages.set(population, population.messages)
    return population.messages - before
  }
}

const COLUMNS: readonly (readonly [head: string, figure: string])[] = [
  ['clients', 'count'],
  ['connected', 'connected'],
  ['messages/s', 'messages'],
  ['bytes/s', 'bytes'],
  ['p50', 'p50'],
  ['p99', 'p99'],
  ['max', 'max'],
  ['age p99', 'age.p99'],
  ['gaps', 'gaps'],
  ['evicted', 'evicted'],
  ['back', 'reconnects'],
]

/** The final table, and what stands under it. */
export function table(seen: Seen): string {
  const rows = seen.populations.map(population => [
    population.plan.name,
    ...COLUMNS.map(([, name]) => {
      const { unit, of } = POPULATION_FIGURES[name]!
      const value = of(population, seen)
      return value === undefined ? '–' : show(unit, unit === 'count' ? Math.round(value) : value)
    }),
  ])
  const ends = ['how they ended', ...seen.populations.map(endings)]
  const lines = aligned([['population', ...COLUMNS.map(([head]) => head)], ...rows]).map((line, i) =>
    `${line}  ${ends[i]!}`.trimEnd(),
  )
  return [
    ...lines,
    '',
    `swarm   ${figures(SWARM_FIGURES, seen)}`,
    `server  ${figures(HUB_FIGURES, seen)}`,
    ...warnings(seen),
  ].join('\n')
}

function figures(of: typeof SWARM_FIGURES, seen: Seen): string {
  const known = Object.entries(of).flatMap(([name, { unit, of }]) => {
    const value = of(seen, seen)
    // Of the reasons for evictions, those that there were.
    return value === undefined || (value === 0 && name.startsWith('evictions.')) ? [] : [`${name} ${show(unit, value)}`]
  })
  return known.join(', ') || 'says nothing of itself'
}

/** What makes figures mean less than they seem to. */
export function warnings({ cpu, format, populations }: Seen): string[] {
  const lines: string[] = []
  const least = Math.min(...populations.map(({ leastLatency }) => leastLatency))
  if (cpu > BUSY) {
    lines.push(`!!! the swarm is the bottleneck: ${show('share', cpu)} of a core; what it measured is its own limit`)
  }
  if (least < -SKEW_MS) {
    lines.push(`!!! the clocks are apart: a message was read ${show('time', -least)} before it was published`)
  }
  if (format.time === undefined) lines.push('no time of publication was found in the messages: no latency, no age')
  return lines.map(line => paint(line.startsWith('!') ? 'red' : 'dim', line))
}

/** Closes by code, handshakes refused by status, errors by kind. */
function endings({ closes, refusals, errors }: Population): string {
  const parts = [...closes].map(([code, n]) => `${code} × ${n}`)
  for (const [status, n] of refusals) parts.push(`refused ${status || 'badly'} × ${n}`)
  for (const [kind, n] of errors) parts.push(`${kind} × ${n}`)
  return parts.join(', ')
}

export function verdictLine(verdict: Verdict): string {
  return paint(verdict.holds ? 'green' : 'red', told(verdict))
}

/** Columns under their heads: the first to the left, figures to the right unless all are words. */
export function aligned(rows: readonly (readonly string[])[], figures: 'left' | 'right' = 'right'): string[] {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map(row => row[i]!.length)))
  const put = (cell: string, i: number) =>
    i === 0 || figures === 'left' ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)
  return rows.map(row => row.map(put).join('  ').trimEnd())
}

function connected(population: Population): number {
  return population.having(client => client.connected)
}

function count(counts: ReadonlyMap<unknown, number>): string {
  return String([...counts.values()].reduce((sum, n) => sum + n, 0))
}

function rate(n: number): string {
  return show('count', n)
}

function time(ms: number): string {
  return Number.isNaN(ms) ? '–' : show('time', ms)
}
