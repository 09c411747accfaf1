/**
 * The watch: looks at the hub once a second and keeps what nobody could tell later: how fast feeds were, a minute of those who are
 * slowest, and who has left and why. `/feeds`, the page and the admin port ask it; one for each hub, begun when a server is, and over
 * when the hub has closed. It does not keep the process alive.
 */
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import type { Client } from '../../clients/client.ts'
import { reasonOf } from '../../errors.ts'
import type { Feed } from '../../feed.ts'
import type { Hub } from '../../hub.ts'
import { eachInPieces } from '../pieces.ts'
import { ClosedRing } from './closed.ts'
import { History } from './history.ts'
import { SLOWEST, type Survey, survey } from './survey.ts'

const TURN_MS = 1_000
/** A look is good for so long, however many ask. */
const FRESH_MS = 500
/** Clients that have left and are remembered. */
export const CLOSED = 10_000
/** Rates are over the last so many seconds: answers come once a second where there is little to answer. */
const RATE_SECONDS = 3
/** The event loop's delay is of the last so many seconds, or up to twice as long. */
const LOOP_SECONDS = 5
const LOOP_RESOLUTION_MS = 20

/** How fast a feed is, per second. */
export interface Rates {
  readonly published: number
  readonly publishedBytes: number
  readonly delivered: number
  readonly deliveredBytes: number
}

interface Sample extends Rates {
  readonly at: number
}

const STILL: Rates = { published: 0, publishedBytes: 0, delivered: 0, deliveredBytes: 0 }

export class Watch {
  readonly closed = new ClosedRing(CLOSED)

  readonly #hub: Hub
  readonly #history = new History<Client>(SLOWEST)
  readonly #samples = new WeakMap<Feed, Sample[]>()
  readonly #loop: IntervalHistogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  readonly #complain = (error: unknown): void => this.#hub.settings.logger.error(`watch: ${reasonOf(error)}`)
  #turns = 0
  #loopDelayMs = 0
  #survey: Survey | undefined
  #looking: Promise<Survey> | undefined
  #turning = false

  constructor(hub: Hub) {
    this.#hub = hub
    this.#loop.enable()
    this.#timer = setInterval(() => this.#tick(), TURN_MS)
    this.#timer.unref()
    hub.events$.subscribe({
      next: event => {
        if (event.type === 'client-left') this.closed.add(event, Date.now())
      },
      complete: () => {
        clearInterval(this.#timer)
        this.#loop.disable()
      },
    })
    // What rates are measured from. Nobody is told of it: feeds are opened and clients come right after the start.
    survey(hub).then(seen => this.#sample(seen), this.#complain)
  }

  /** What a look at the hub shows; at most half a second old. */
  async look(): Promise<Survey> {
    const fresh = this.#survey !== undefined && performance.now() - this.#survey.at < FRESH_MS
    return fresh ? this.#survey! : this.#lookAnew()
  }

  /** p99 of how late the event loop was, in milliseconds, over the last seconds. */
  get eventLoopMs(): number {
    const now = this.#loop.count === 0 ? 0 : Math.max(0, this.#loop.percentile(99) / 1e6 - LOOP_RESOLUTION_MS)
    return Math.max(now, this.#loopDelayMs)
  }

  /** Data ages of one of the slowest, a second apart, the oldest first, in seconds; none of anybody else. */
  history(client: Client): readonly number[] {
    return this.#history.of(client)
  }

  /** How fast a feed was over the last seconds. */
  rates(feed: Feed): Rates {
    const samples = this.#samples.get(feed)
    const [first, last] = [samples?.[0], samples?.at(-1)]
    if (first === undefined || last === undefined || first === last) return STILL
    const seconds = (last.at - first.at) / 1_000
    const rate = (of: keyof Rates) => (last[of] - first[of]) / seconds
    return {
      published: rate('published'),
      publishedBytes: rate('publishedBytes'),
      delivered: rate('delivered'),
      deliveredBytes: rate('deliveredBytes'),
    }
  }

  #tick(): void {
    if (this.#turning) return // the last one takes longer than a second: the hub has other work
    this.#turning = true
    this.turn()
      .catch(this.#complain)
      .finally(() => {
        this.#turning = false
      })
  }

  /** Once a second. */
  async turn(): Promise<void> {
    const seen = await this.#lookAnew()
    this.#history.add(seen.slowest.map(({ item }) => ({ item, sample: item.dataAgeMs(seen.at) / 1_000 })))
    this.#sample(seen)
    if (++this.#turns % LOOP_SECONDS === 0) {
      this.#loopDelayMs = 0
      this.#loopDelayMs = this.eventLoopMs
      this.#loop.reset()
    }
    await this.#imagine()
  }

  /** All who ask while one is made get that one. */
  #lookAnew(): Promise<Survey> {
    this.#looking ??= survey(this.#hub)
      .then(seen => {
        this.#survey = seen
        return seen
      })
      .finally(() => {
        this.#looking = undefined
      })
    return this.#looking
  }

  /** Dry runs, of the feeds that have one. */
  async #imagine(): Promise<void> {
    const { feeds, clients } = this.#hub
    if (![...feeds.values()].some(({ dryRun }) => dryRun !== undefined)) return
    await eachInPieces(clients, (client, now) => {
      client.reader.feed.dryRun?.look(client.reader, client.stalledMs(now), now)
    })
  }

  #sample({ at, feeds }: Survey): void {
    for (const [feed, { published, publishedBytes, totals }] of feeds) {
      const samples = this.#samples.get(feed) ?? []
      samples.push({ at, published, publishedBytes, ...totals })
      if (samples.length > RATE_SECONDS + 1) samples.shift()
      this.#samples.set(feed, samples)
    }
  }
}

const WATCHES = new WeakMap<Hub, Watch>()

/** The watch of a hub; begun when it is first asked for. */
export function watchOf(hub: Hub): Watch {
  const known = WATCHES.get(hub)
  if (known !== undefined) return known
  const watch = new Watch(hub)
  WATCHES.set(hub, watch)
  return watch
}
