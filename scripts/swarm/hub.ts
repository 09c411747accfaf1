/**
 * What the server under attack says of itself: `/metrics`, read while the swarm is at work. A server without it, or whose
 * metrics are not Spillway's, leaves these figures unknown; where its process is on this machine, its memory is known anyway.
 */
import { get } from 'node:http'
import { rssOf } from './kernel.ts'

/** Every sample of a scrape, by its name and labels as they are written. */
export type Samples = ReadonlyMap<string, number>

const EVERY_MS = 2_000
const PATIENCE_MS = 4_000
/** The first time, when nothing is going on yet: there are servers that never answer what they do not know. */
const FIRST_PATIENCE_MS = 1_000

/** The Prometheus text format, as far as it is needed: what is no sample is passed over. */
export function parseMetrics(text: string): Samples {
  const samples = new Map<string, number>()
  for (const line of text.split('\n')) {
    const parts = /^([A-Za-z_:][\w:]*(?:\{.*\})?) (\S+)/.exec(line)
    if (parts !== null) samples.set(parts[1]!, parts[2] === '+Inf' ? Number.POSITIVE_INFINITY : Number(parts[2]))
  }
  return samples
}

/** The sum over all labels; undefined if there is no such metric. */
export function total(samples: Samples, name: string, label = ''): number | undefined {
  let sum: number | undefined
  for (const [key, value] of samples) {
    if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) sum = (sum ?? 0) + value
  }
  return sum
}

/** Where messages went that were published while a reader was there (docs/metrics.md, "What adds up"). */
export const TERMS = [
  'spillway_delivered_messages_total',
  'spillway_in_flight_messages',
  'spillway_skipped_messages_total',
  'spillway_queued_messages',
  'spillway_unknown_messages_total',
  'spillway_undelivered_messages_total',
]

/** By how much the account is off: 0 if it balances. */
export function imbalance(samples: Samples): number | undefined {
  const published = total(samples, 'spillway_reader_published_messages_total')
  if (published === undefined) return undefined
  return Math.abs(published - TERMS.reduce((sum, name) => sum + (total(samples, name) ?? Number.NaN), 0))
}

export interface HubOptions {
  readonly host: string
  readonly port: number
  /** Its process, where it is on this machine and known. */
  readonly pid?: number | undefined
  /** Messages read by the swarm so far. */
  readonly read: () => number
}

export class HubWatch {
  /** The most that was seen. */
  rss: number | undefined
  imbalance: number | undefined
  inFlight: number | undefined
  /** Messages that the hub says were taken, and nobody here has read. */
  overstated: number | undefined
  #first: Samples | undefined
  #last: Samples | undefined
  #timer: NodeJS.Timeout | undefined
  #looking = false
  readonly #options: HubOptions

  constructor(options: HubOptions) {
    this.#options = options
  }

  /** Looks once, before anybody has come; goes on looking if there was something to see. */
  async start(): Promise<void> {
    await this.look()
    this.#timer = setInterval(() => void this.look(), EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  async look(): Promise<void> {
    const { pid, read } = this.#options
    if (pid !== undefined) this.rss = most(this.rss, rssOf(pid))
    if (this.#timer !== undefined && this.#first === undefined) return
    if (this.#looking) return
    this.#looking = true
    const samples = await this.#scrape()
    this.#looking = false
    if (samples === undefined) return
    this.#first ??= samples
    this.#last = samples
    const rss = total(samples, 'spillway_memory_used_bytes') ?? total(samples, 'process_resident_memory_bytes')
    this.rss = most(this.rss, rss)
    this.imbalance = most(this.imbalance, imbalance(samples))
    this.inFlight = most(this.inFlight, total(samples, 'spillway_in_flight_bytes'))
    // Others who listen would read what we do not.
    if (total(this.#first, 'spillway_clients') !== 0) return
    const delivered = this.#since(samples, 'spillway_delivered_messages_total')
    if (delivered !== undefined) this.overstated = most(this.overstated, Math.max(0, delivered - read()))
  }

  get bound(): number | undefined {
    return this.#last === undefined ? undefined : total(this.#last, 'spillway_memory_bound_bytes')
  }

  /** How much a counter has risen since the swarm began. */
  counted(name: string, label = ''): number | undefined {
    return this.#last === undefined ? undefined : this.#since(this.#last, name, label)
  }

  #since(samples: Samples, name: string, label = ''): number | undefined {
    const now = total(samples, name, label)
    return now === undefined ? undefined : now - (total(this.#first!, name, label) ?? 0)
  }

  #scrape(): Promise<Samples | undefined> {
    const { host, port } = this.#options
    const timeout = this.#first === undefined ? FIRST_PATIENCE_MS : PATIENCE_MS
    return new Promise(resolve => {
      const request = get({ host, port, path: '/metrics', timeout, agent: false }, response => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', chunk => {
          text += chunk
        })
        response.on('end', () => resolve(response.statusCode === 200 ? someOf(parseMetrics(text)) : undefined))
        response.on('error', () => resolve(undefined))
      })
      request.on('timeout', () => request.destroy())
      request.on('error', () => resolve(undefined))
    })
  }
}

function someOf(samples: Samples): Samples | undefined {
  return samples.size > 0 ? samples : undefined
}

function most(a: number | undefined, b: number | undefined): number | undefined {
  if (b === undefined || Number.isNaN(b)) return a
  return a === undefined ? b : Math.max(a, b)
}
