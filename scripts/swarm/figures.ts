/**
 * Every figure that a swarm measures: its name, its unit, what it means, and how it is got from what was seen. Assertions, the
 * final table, the JSON and docs/swarm.md all go by these tables.
 */
import { EVICT_CAUSES } from '../../src/events.ts'
import type { Seen } from './attack.ts'
import type { Delays } from './delays.ts'
import { type Population, sum } from './population.ts'
import type { Unit } from './units.ts'

export interface Figure<Of> {
  readonly unit: Unit
  readonly about: string
  /** Undefined if it could not be measured; `unless` says why. */
  readonly of: (of: Of, seen: Seen) => number | undefined
  readonly unless?: string
}

const NO_TIME = 'no message with a time of publication was read while figures counted'
const NO_NUMBER = 'messages carry no number behind their time, so a gap cannot be seen'
const NO_METRICS = "the server's /metrics does not say, or there is none"
const NO_KERNEL = 'there is no /proc/net/sockstat here'

const delay = (about: string, of: (population: Population) => Delays, share: number): Figure<Population> => ({
  unit: 'time',
  about,
  of: population => finite(of(population).at(share)),
  unless: NO_TIME,
})

/** Of one population: `healthy.p99`. */
export const POPULATION_FIGURES: Readonly<Record<string, Figure<Population>>> = {
  count: { unit: 'count', about: 'clients', of: ({ plan }) => plan.count },
  connected: { unit: 'share', about: 'still connected at the end', of: p => p.connected / p.plan.count },
  p50: delay('latency, from publishing to having read: the median', p => p.latency, 0.5),
  p99: delay('the same: 99 of 100 messages were faster', p => p.latency, 0.99),
  max: delay('the same: the slowest message', p => p.latency, 1),
  'age.p50': delay("data age, of each client's newest message, once a second: the median", p => p.age, 0.5),
  'age.p99': delay('the same: 99 of 100 were fresher', p => p.age, 0.99),
  'age.max': delay('the same: the stalest', p => p.age, 1),
  'handshake.p50': {
    unit: 'time',
    about: 'from the request to its answer: the median',
    of: p => finite(p.handshake.at(0.5)),
    unless: 'nobody was let in',
  },
  'handshake.p99': {
    unit: 'time',
    about: 'the same: 99 of 100 were faster',
    of: p => finite(p.handshake.at(0.99)),
    unless: 'nobody was let in',
  },
  messages: {
    unit: 'count',
    about: 'messages a second, all clients together',
    of: (p, { seconds }) => p.readMessages / seconds,
  },
  bytes: { unit: 'size', about: 'bytes a second, all clients together', of: (p, { seconds }) => p.readBytes / seconds },
  each: {
    unit: 'count',
    about: 'messages a second for each client',
    of: (p, { seconds }) => p.readMessages / seconds / p.plan.count,
  },
  gaps: {
    unit: 'count',
    about: 'times that a message was not the next one',
    of: (p, { format }) => (format.numbered ? p.gaps : undefined),
    unless: NO_NUMBER,
  },
  missed: {
    unit: 'count',
    about: 'messages in those gaps',
    of: (p, { format }) => (format.numbered ? p.missed : undefined),
    unless: NO_NUMBER,
  },
  repeats: {
    unit: 'count',
    about: 'times that a message was one it had had, or an older one',
    of: (p, { format }) => (format.numbered ? p.repeats : undefined),
    unless: NO_NUMBER,
  },
  evicted: {
    unit: 'share',
    about: 'closed at least once with 4408 (too slow) or 4409 (stalled)',
    of: p => p.evicted / p.plan.count,
  },
  closed: { unit: 'share', about: 'closed by the server at least once, however', of: p => p.closed / p.plan.count },
  closes: { unit: 'count', about: 'connections that the server ended', of: p => sum(p.closes) },
  refused: { unit: 'count', about: 'handshakes answered with something else than 101', of: p => sum(p.refusals) },
  reconnects: { unit: 'count', about: 'times that somebody came back', of: p => p.reconnects },
  errors: { unit: 'count', about: 'errors of sockets, and frames that no server may send', of: p => sum(p.errors) },
}

/** Of the whole swarm: `connected`. */
export const SWARM_FIGURES: Readonly<Record<string, Figure<Seen>>> = {
  count: { unit: 'count', about: 'clients', of: seen => inAll(seen, p => p.plan.count) },
  connected: {
    unit: 'share',
    about: 'still connected at the end',
    of: seen => inAll(seen, p => p.connected) / inAll(seen, p => p.plan.count),
  },
  messages: {
    unit: 'count',
    about: 'messages read a second',
    of: seen => inAll(seen, p => p.readMessages) / seen.seconds,
  },
  bytes: { unit: 'size', about: 'bytes read a second', of: seen => inAll(seen, p => p.readBytes) / seen.seconds },
  cpu: {
    unit: 'share',
    about: 'of one core, what the swarm itself used; above 80 % it may be the bottleneck',
    of: seen => seen.cpu,
  },
  'loop.p99': {
    unit: 'time',
    about: "how late the swarm's own event loop was, which is in every latency",
    of: seen => seen.loopLagMs,
  },
  kernel: {
    unit: 'size',
    about: "by how much the TCP memory of this machine's kernel grew at the most, both ends of all sockets",
    of: seen => finite(seen.kernel),
    unless: NO_KERNEL,
  },
}

const counted = (about: string, name: string, label?: string): Figure<Seen> => ({
  unit: 'count',
  about,
  of: ({ hub }) => hub.counted(name, label),
  unless: NO_METRICS,
})

/** Of the server, most from its `/metrics`: `hub.rss`. */
export const HUB_FIGURES: Readonly<Record<string, Figure<Seen>>> = {
  rss: { unit: 'size', about: 'resident memory, the most that was seen', of: ({ hub }) => hub.rss, unless: NO_METRICS },
  bound: { unit: 'size', about: 'what it says its memory can come to', of: ({ hub }) => hub.bound, unless: NO_METRICS },
  account: {
    unit: 'count',
    about: 'messages by which the account was off at the worst scrape: published to readers, less what became of them',
    of: ({ hub }) => hub.imbalance,
    unless: NO_METRICS,
  },
  overstated: {
    unit: 'count',
    about: 'messages it counts as delivered and nobody here has read; known where the swarm is alone',
    of: ({ hub }) => hub.overstated,
    unless: NO_METRICS,
  },
  'in-flight': {
    unit: 'size',
    about: 'written and not known to be taken, the most that was seen',
    of: ({ hub }) => hub.inFlight,
    unless: NO_METRICS,
  },
  strays: counted('pongs that answered nothing', 'spillway_stray_pongs_total'),
  evictions: counted('clients it closed for being slow', 'spillway_evictions_total'),
  ...Object.fromEntries(
    EVICT_CAUSES.map(cause => [
      `evictions.${cause}`,
      counted(`those with the reason \`${cause}\``, 'spillway_evictions_total', `reason="${cause}"`),
    ]),
  ),
}

/** A figure that somebody named: what it is, and its value once there is something seen. */
export interface Named {
  readonly name: string
  readonly unit: Unit
  readonly of: (seen: Seen) => number | undefined
  readonly unless: string
}

/** Finds `healthy.p99`, `connected`, `hub.rss`, and `rss` or `bound` for short; undefined if there is no such figure. */
export function figureNamed(name: string, populations: readonly string[]): Named | undefined {
  const named = ({ unit, unless = 'it was not measured' }: Figure<never>, of: Named['of']) => ({
    name,
    unit,
    of,
    unless,
  })
  const dot = name.indexOf('.')
  const [first, rest] = [name.slice(0, dot), name.slice(dot + 1)]
  const ofPopulation = populations.includes(first) ? own(POPULATION_FIGURES, rest) : undefined
  if (ofPopulation !== undefined) {
    return named(ofPopulation, seen => ofPopulation.of(seen.populations.find(({ plan }) => plan.name === first)!, seen))
  }
  const figure = own(SWARM_FIGURES, name) ?? own(HUB_FIGURES, first === 'hub' ? rest : name)
  return figure === undefined ? undefined : named(figure, seen => figure.of(seen, seen))
}

/** All names there are, for who has used one that is none. */
export function figureNames(populations: readonly string[]): string {
  const of = populations.length > 0 ? `of ${populations.join(', ')}: ` : 'of a population: '
  return `${of}${Object.keys(POPULATION_FIGURES).join(', ')}; of the swarm: ${Object.keys(SWARM_FIGURES).join(', ')}; hub.: ${Object.keys(HUB_FIGURES).join(', ')}`
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}

function finite(value: number): number | undefined {
  return Number.isFinite(value) ? value : undefined
}

function inAll({ populations }: Seen, of: (population: Population) => number): number {
  return populations.reduce((total, population) => total + of(population), 0)
}
