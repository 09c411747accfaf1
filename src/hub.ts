/**
 * The hub: feeds by name, the sources attached to them, the clients that listen, one clock, one flush, one close(). It opens
 * no port; server/ does, for itself or on somebody's http.Server.
 *
 *     const hub = new Hub()
 *     hub.feed('prices', { source: prices$ })
 *     attach(hub, server)
 */
import type { Observable } from 'rxjs'
import { type Announcer, announcer } from './announce.ts'
import { Client, type ClientHost } from './clients/client.ts'
import { Closes } from './clients/closes.ts'
import { drain } from './clients/drain.ts'
import { Flush } from './clients/flush.ts'
import { type ReaderInfo, readerInfo } from './clients/info.ts'
import { startSweep } from './clients/sweep.ts'
import type { Timing } from './clients/timing.ts'
import { startWheel } from './clients/wheel.ts'
import { Windows } from './clients/windows.ts'
import type { Channel, Wire } from './clients/wire.ts'
import { expected, SpillwayError } from './errors.ts'
import type { ClientInfo, HubEvent, Notify } from './events.ts'
import { Feed } from './feed.ts'
import { contained, drainedLine, Journal } from './journal.ts'
import { type MemoryBound, memoryBound } from './memory.ts'
import { type FeedOptions, feedSettings, type HubOptions, type HubSettings, hubSettings, SILENT } from './options.ts'
import { FEED_NAME, FEED_NAME_RULE, formatPosition } from './protocol.ts'
import type { Joining } from './reader.ts'
import { attachSource } from './sources/attach.ts'
import { type SourceOptions, type SourceSettings, sourceSettings } from './sources/options.ts'
import { canWait, type Source } from './sources/source.ts'

export type { SourceOptions } from './sources/options.ts'

const MAX_DRAIN_MS = 3_600_000

export class Hub implements AsyncDisposable {
  readonly settings: HubSettings
  readonly feeds: ReadonlyMap<string, Feed>
  readonly clients: ReadonlySet<Client>
  /** What the windows of all clients share; undefined if the window is off. */
  readonly windows: Windows | undefined
  /** How clients left. */
  readonly closes = new Closes()
  /** What happens, as it happens, delivered outside the flush. An observer that throws is reported and harms nobody. */
  readonly events$: Observable<HubEvent>

  readonly #feeds = new Map<string, Feed>()
  readonly #clients = new Set<Client>()
  readonly #announcer: Announcer
  readonly #journal: Journal | undefined
  readonly #notify: Notify
  readonly #flush = new Flush()
  readonly #host: ClientHost
  readonly #stopClocks: readonly (() => void)[]
  readonly #hurry = new AbortController()
  readonly #pumping = new Set<Promise<void>>()
  #finishing: (() => void)[] = []
  #closing: Promise<void> | undefined
  #lastClient = 0

  /** @throws SpillwayError `bad_option` */
  constructor(options: HubOptions = {}) {
    const settings = hubSettings(options)
    this.settings = { ...settings, logger: contained(settings.logger) }
    this.feeds = this.#feeds
    this.clients = this.#clients
    this.#announcer = announcer(this.settings.logger)
    this.events$ = this.#announcer.events$
    this.#journal = settings.logger === SILENT ? undefined : new Journal(this.settings.logger)
    this.#notify = event => {
      this.#announcer.notify(event)
      if (event.type === 'client-left') this.closes.add(event)
      this.#journal?.note(event)
      if (event.type === 'source-ended' || event.type === 'source-failed') this.#checkFinished()
    }
    this.windows = this.settings.targetDelayMs === 0 ? undefined : new Windows(this.settings)
    const { windows } = this
    this.#host = {
      evictGraceMs: this.settings.evictGraceMs,
      stallTimeoutMs: this.settings.stallTimeoutMs,
      maxConnectionAgeMs: this.settings.maxConnectionAgeMs,
      windows,
      notify: this.#notify,
      gone: client => {
        this.#clients.delete(client)
        this.#checkFinished()
      },
    }
    const [feeds, clients] = [{ [Symbol.iterator]: () => this.#feeds.values() }, this.#clients]
    this.#stopClocks = [
      startWheel({ feeds, clients, windows, pinnedBytesMost: () => this.memoryBound().pinned }),
      startSweep({ feeds, clients, windows }),
    ]
  }

  /**
   * Opens a feed, and lets its source run if it has one.
   * @throws SpillwayError `bad_option`, `feed_exists`, `hub_closed`, `bad_source`, `cannot_wait`
   */
  feed(name: string, options: FeedOptions & SourceOptions = {}): Feed {
    const { source, rate, chunkBytes, through, pipeline, restart, ...feedOptions } = options
    if (typeof name !== 'string' || !FEED_NAME.test(name)) throw bad('feed', FEED_NAME_RULE, name)
    if (this.#feeds.has(name)) throw new SpillwayError('feed_exists', `feed ${name} exists already`)
    if (this.closing) throw new SpillwayError('hub_closed', `feed ${name}: the hub is closing`)
    const epoch = (source as Source | undefined)?.epoch
    const settings = feedSettings(epoch === undefined ? feedOptions : { epoch, ...feedOptions }, name)
    const attached = sourceSettings(options, name, settings)
    if (settings.minClients > this.settings.maxClients) {
      throw bad(`${name}.minClients`, `at most maxClients (${this.settings.maxClients})`, settings.minClients)
    }
    const { logger } = this.settings
    const waits = attached === undefined || canWait(attached.source)
    const feed = new Feed(name, settings, waits, this.#flush, this.#notify, logger)
    this.#feeds.set(name, feed)
    if (attached !== undefined) this.#attach(attached, feed)
    return feed
  }

  #logBytes(): number {
    let bytes = 0
    for (const { log } of this.#feeds.values()) bytes += log.held + log.pinned
    return bytes
  }

  #attach(settings: SourceSettings, feed: Feed): void {
    try {
      const holdings = { logBytes: () => this.#logBytes(), clients: () => this.#clients.size }
      const pumping = attachSource(settings, feed, this.settings.logger, holdings).finally(() =>
        this.#pumping.delete(pumping),
      )
      this.#pumping.add(pumping)
    } catch (error) {
      // Whatever the function began for it hears that nobody wants it.
      feed.stop()
      this.#feeds.delete(feed.name)
      throw error
    }
  }

  /** A socket becomes a client, and its reader joins the feed. Called by the server when the upgrade is done. */
  admit(wire: Wire, channel: Channel, info: Omit<ClientInfo, 'id' | 'since'>, feed: Feed, joining: Joining): Client {
    const whole: ClientInfo = { id: ++this.#lastClient, since: Date.now(), ...info }
    const client = new Client(this.#host, wire, channel, whole, feed, joining)
    this.#clients.add(client)
    const position = formatPosition(feed.log.epoch, joining.at.offset)
    this.#notify({ type: 'client-joined', client: whole, feed: feed.name, position })
    return client
  }

  /** Every reader with its account, as of now. */
  readers(): ReaderInfo[] {
    const now = performance.now()
    return [...this.#clients].map(client => readerInfo(client, now))
  }

  /** What the hub's memory is made of at the most, in bytes. */
  memoryBound(): MemoryBound {
    return memoryBound(
      [...this.#feeds.values()].map(feed => feed.settings),
      this.settings,
    )
  }

  /** What writing to clients takes. */
  get timing(): Timing {
    return this.#flush.timing
  }

  /** Whether close() has been called: no newcomers, no new feeds. */
  get closing(): boolean {
    return this.#closing !== undefined
  }

  /** Resolves when every feed has ended and every client has left. */
  finished(): Promise<void> {
    return new Promise(resolve => {
      this.#finishing.push(resolve)
      this.#checkFinished()
    })
  }

  /**
   * Sources stop, readers get what is left, and clients are closed with 1012, spread over `drainMs` so that they do not
   * all come back at once; then what is still there is terminated. Called again with 0, it ends at once.
   * @throws SpillwayError `bad_option`
   */
  close({ drainMs = 5_000 }: { readonly drainMs?: number } = {}): Promise<void> {
    if (!(drainMs >= 0 && drainMs <= MAX_DRAIN_MS))
      throw bad('drainMs', `milliseconds from 0 to ${MAX_DRAIN_MS}`, drainMs)
    if (this.#closing !== undefined && drainMs === 0) this.#hurry.abort()
    this.#closing ??= this.#close(drainMs)
    return this.#closing
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(drainMs: number): Promise<void> {
    for (const feed of this.#feeds.values()) feed.stop()
    await Promise.all(this.#pumping)
    const before = this.#lost()
    const drained = await drain(this.#clients, drainMs, this.settings.evictGraceMs, this.#hurry.signal)
    for (const stop of this.#stopClocks) stop()
    this.#flush.stop()
    this.#announcer.close()
    this.#journal?.close()
    const lost = this.#lost() - before
    if (drained.clients > 0) this.settings.logger[lost === 0 ? 'info' : 'warn'](...drainedLine(drained, lost))
    this.#checkFinished()
  }

  /** Messages that readers who are gone did not get, or did not say that they have. */
  #lost(): number {
    let lost = 0
    for (const feed of this.#feeds.values()) {
      const { undelivered, unknown } = feed.totals()
      lost += undelivered + unknown
    }
    return lost
  }

  #checkFinished(): void {
    if (this.#finishing.length === 0 || this.#clients.size > 0) return
    for (const feed of this.#feeds.values()) if (feed.takesMore) return
    for (const resolve of this.#finishing.splice(0)) resolve()
  }
}

function bad(what: string, rule: string, got: unknown): SpillwayError {
  return new SpillwayError('bad_option', expected(what, rule, got))
}
