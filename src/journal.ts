/**
 * What happens in a hub, put into words for its logger: one line for each eviction, with every figure needed to judge it, and one for a
 * source that has to wait for long. Lines are limited, so that 10,000 evictions are not an outage: some at once, then a few a second;
 * what was left out is summed up by feed and cause. Events come from inside the flush, so nothing is put into words before it is over.
 *
 * Who joins and leaves is `presenceLine`: for those who ask for it. Sources that fail and come back tell of it themselves.
 */
import type { EvictCause, HubEvent, PauseCause } from './events.ts'
import type { LogFields, Logger } from './options.ts'

/** Evictions that get a line of their own: so many at once, then so many a second. */
const AT_ONCE = 20
const PER_SECOND = 5
/** The others are summed up this long after the first. */
const SUM_MS = 10_000
/** A source that waits for less is at work: it stops and goes on hundreds of times a second. */
const LONG_PAUSE_MS = 1_000
/** Of one feed it is told so often at the most. */
const PAUSES_EVERY_MS = 60_000
const TICK_MS = 500
/** Feeds and causes named in a sum. */
const NAMED = 10

type Evicted = Extract<HubEvent, { readonly type: 'client-evicted' }>

interface Pause {
  readonly cause: PauseCause
  readonly since: number
  told: boolean
}

export class Journal {
  readonly #logger: Logger
  readonly #timer: NodeJS.Timeout
  #credit = AT_ONCE
  #creditAt = performance.now()
  #lines: Evicted[] = []
  readonly #sums = new Map<string, Map<EvictCause, number>>()
  #summing = 0
  #summedSince = 0
  readonly #pauses = new Map<string, Pause>()
  readonly #pausesTold = new Map<string, number>()

  constructor(logger: Logger) {
    this.#logger = logger
    this.#timer = setInterval(() => this.#tick(performance.now()), TICK_MS)
    this.#timer.unref()
  }

  note(event: HubEvent): void {
    const now = performance.now()
    if (event.type === 'client-evicted') this.#evicted(event, now)
    else if (event.type === 'source-paused')
      this.#pauses.set(event.feed, { cause: event.cause, since: now, told: false })
    else if (event.type === 'source-resumed') this.#resumed(event.feed, event.pausedMs)
  }

  /** Tells what is left to tell. */
  close(): void {
    clearInterval(this.#timer)
    this.#write()
    this.#sumUp(performance.now())
  }

  #evicted(event: Evicted, now: number): void {
    this.#credit = Math.min(AT_ONCE, this.#credit + ((now - this.#creditAt) / 1_000) * PER_SECOND)
    this.#creditAt = now
    if (this.#credit >= 1) {
      this.#credit--
      if (this.#lines.push(event) === 1) setImmediate(() => this.#write())
      return
    }
    if (this.#summing++ === 0) this.#summedSince = now
    const causes = this.#sums.get(event.feed) ?? new Map<EvictCause, number>()
    this.#sums.set(event.feed, causes.set(event.cause, (causes.get(event.cause) ?? 0) + 1))
  }

  #write(): void {
    for (const event of this.#lines.splice(0)) this.#logger.warn(...evictionLine(event))
  }

  #tick(now: number): void {
    if (this.#summing > 0 && now - this.#summedSince >= SUM_MS) this.#sumUp(now)
    for (const [feed, pause] of this.#pauses) {
      if (pause.told || now - pause.since < LONG_PAUSE_MS) continue
      const last = this.#pausesTold.get(feed)
      if (last !== undefined && now - last < PAUSES_EVERY_MS) continue
      pause.told = true
      this.#pausesTold.set(feed, now)
      const fields = { event: 'source-paused', feed, cause: pause.cause, waitedSeconds: secondsOf(now - pause.since) }
      this.#logger.info(`feed ${feed}: its source has to wait ${WAITS[pause.cause]}`, fields)
    }
  }

  #resumed(feed: string, pausedMs: number): void {
    if (this.#pauses.get(feed)?.told === true) {
      const pausedSeconds = secondsOf(pausedMs)
      const line = `feed ${feed}: its source goes on, after ${pausedSeconds} s`
      setImmediate(() => this.#logger.info(line, { event: 'source-resumed', feed, pausedSeconds }))
    }
    this.#pauses.delete(feed)
  }

  #sumUp(now: number): void {
    if (this.#summing === 0) return
    const seconds = Math.round((now - this.#summedSince) / 1_000)
    const parts = [...this.#sums].flatMap(([feed, causes]) =>
      [...causes].map(([cause, count]) => ({ feed, cause, count })),
    )
    parts.sort((a, b) => b.count - a.count)
    const named = parts.slice(0, NAMED).map(({ feed, cause, count }) => `${feed} ${cause} ${count}`)
    const others = parts.length > NAMED ? [`and ${parts.length - NAMED} more`] : []
    const line = `${this.#summing} more clients were evicted within ${seconds} s: ${[...named, ...others].join(', ')}`
    this.#logger.warn(line, {
      event: 'evictions-summed',
      count: this.#summing,
      seconds,
      evictions: parts.slice(0, 100),
    })
    this.#summing = 0
    this.#sums.clear()
  }
}

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000

/** Milliseconds as seconds, to the millisecond: more is noise in a line. */
function secondsOf(ms: number): number {
  return rounded(ms / 1_000)
}

const WAITS: Readonly<Record<PauseCause, string>> = {
  gate: 'for its slowest reader',
  pace: 'for its fastest reader',
  'min-clients': 'until enough clients are there (minClients)',
}

/** The sentence says why; the fields have every figure, in the units of their names. */
function evictionLine({ client, feed, cause, detail, figures, account }: Evicted): [string, LogFields] {
  const { limit, lag, queued, oldestPingMs } = figures
  return [
    `client ${client.id} was evicted from feed ${feed} (${cause}): ${detail}`,
    {
      event: 'client-evicted',
      ...clientFields(client),
      feed,
      overflow: figures.overflow,
      cause,
      limit: limit?.option,
      limitValue: limit?.value,
      measured: limit?.measured === undefined ? undefined : rounded(limit.measured),
      state: figures.state,
      lagMessages: lag.messages,
      lagBytes: lag.bytes,
      lagSeconds: rounded(lag.seconds),
      queuedMessages: queued.messages,
      queuedBytes: queued.bytes,
      queuedSeconds: rounded(queued.seconds),
      inFlightBytes: figures.inFlightBytes,
      windowBytes: figures.windowBytes,
      oldestPingSeconds: oldestPingMs === undefined ? undefined : secondsOf(oldestPingMs),
      bufferedBytes: figures.bufferedBytes,
      connectedSeconds: secondsOf(figures.connectedMs),
      account,
    },
  ]
}

function clientFields({ id, address, name, agent }: Evicted['client']): LogFields {
  return { client: id, address, name: name === '' ? undefined : name, agent: agent === '' ? undefined : agent }
}

/** How the end went: of how many clients, how many had no more time, and how many messages of theirs are not known to be taken. */
export function drainedLine(
  { clients, owing, ms }: { readonly clients: number; readonly owing: number; readonly ms: number },
  lost: number,
): [string, LogFields] {
  const seconds = secondsOf(ms)
  const rest =
    lost === 0
      ? 'and had taken everything'
      : `${lost} messages are not known to be taken; ${owing} clients had no more time`
  const line = `closed: ${clients} clients left within ${seconds} s, ${rest}`
  return [line, { event: 'drained', clients, owing, lost, seconds }]
}

/** Who comes and goes, and what is skipped; undefined for other events. */
export function presenceLine(event: HubEvent): readonly [string, LogFields] | undefined {
  if (event.type === 'client-joined') {
    const { client, feed, position } = event
    const fields = { event: event.type, ...clientFields(client), feed, position }
    return [`client ${client.id} joined feed ${feed} at ${position}`, fields]
  }
  if (event.type === 'client-left') {
    const { client, feed, code, reason, outcome, account } = event
    const connectedSeconds = secondsOf(Date.now() - client.since)
    const fields = { ...clientFields(client), feed, code, reason, outcome, connectedSeconds, account }
    return [`client ${client.id} left feed ${feed} (${code}, ${outcome})`, { event: event.type, ...fields }]
  }
  if (event.type !== 'reader-overrun') return undefined
  const { client, feed, from, to, count, bytes } = event
  const fields = { event: event.type, client: client.id, feed, from, to, count, bytes }
  return [`client ${client.id} skipped ${count} messages of feed ${feed}`, fields]
}

/** A logger that throws must not take the hub down. */
export function contained(logger: Logger): Logger {
  const safely = (level: keyof Logger) => (line: string, fields?: LogFields) => {
    try {
      logger[level](line, fields)
    } catch {
      // Nobody is left to tell.
    }
  }
  return { info: safely('info'), warn: safely('warn'), error: safely('error') }
}
