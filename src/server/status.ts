/**
 * `GET /feeds`: the hub at a glance, as JSON, for the page and for scripts. Anybody who can listen can read it, so it says how clients
 * fare and not who they are; on the admin port (`admin: true`) the same document has their addresses, agents and labels, and more of them.
 * Made at most twice a second however many ask.
 */
import { type ReaderInfo, readerInfo } from '../clients/info.ts'
import { type ClientInfo, EVICT_CAUSES, type EvictCause } from '../events.ts'
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'
import { VERSION } from './version.ts'
import type { Closed } from './watch/closed.ts'
import type { Headroom } from './watch/headroom.ts'
import type { FeedSurvey, Survey } from './watch/survey.ts'
import { type Rates, type Watch, watchOf } from './watch/watch.ts'

/** How many of the slowest, and of those that have left, are told: to everybody, and to operators. */
const TOLD = { public: { slowest: 20, closed: 20 }, admin: { slowest: 50, closed: 100 } } as const

/** What only operators are told. */
interface ForOperators {
  /** Where clients connect; null if nobody knows. */
  readonly clientsUrl: string | null
}

/** The document as text, made anew when what it is made of is. */
export function statusDocument(hub: Hub): (operators?: ForOperators) => Promise<string> {
  const watch = watchOf(hub)
  let made: { readonly of: Survey; readonly clientsUrl: string | null | undefined; readonly text: string } | undefined
  return async operators => {
    const of = await watch.look()
    const clientsUrl = operators?.clientsUrl
    if (made?.of !== of || made.clientsUrl !== clientsUrl)
      made = { of, clientsUrl, text: JSON.stringify(statusOfHub(hub, watch, of, operators)) }
    return made.text
  }
}

function statusOfHub(hub: Hub, watch: Watch, survey: Survey, operators: ForOperators | undefined) {
  const bound = hub.memoryBound()
  const admin = operators !== undefined
  const most = TOLD[admin ? 'admin' : 'public']
  // The survey may be half a second old, and what is read from readers and feeds here is of now.
  const now = performance.now()
  return {
    version: VERSION,
    uptimeSeconds: process.uptime(),
    clients: hub.clients.size,
    maxClients: hub.settings.maxClients,
    unconfirmed: survey.unconfirmed,
    memory: { rssBytes: process.memoryUsage.rss(), boundBytes: bound.total },
    inFlight: { bytes: survey.inFlightBytes, boundBytes: finite(bound.kernel) },
    eventLoop: { p99Ms: watch.eventLoopMs },
    feeds: [...survey.feeds].map(([feed, seen]) => feedStatus(feed, seen, watch.rates(feed), now)),
    slowest: survey.slowest.slice(0, most.slowest).map(({ item }) => ({
      ...readerStatus(readerInfo(item, now)),
      history: watch.history(item).map(seconds => rounded(seconds)),
      ...(admin ? who(item.info) : {}),
    })),
    closed: watch.closed.newest(most.closed).map(closed => ({
      ...closedStatus(closed),
      // What a client says of itself is for operators: its label, and the reason that it gave, too.
      ...(admin ? who(closed.client) : closed.initiator === 'hub' ? {} : { reason: '' }),
    })),
    admin,
    ...operators,
  }
}

/** A feed, as a survey saw it. */
export function feedStatus(feed: Feed, seen: FeedSurvey, rates: Rates, now: number) {
  const { log, settings, demand, source, gaps } = feed
  const { delivered, skipped, undelivered, unknown } = seen.totals
  return {
    name: feed.name,
    format: settings.format,
    overflow: settings.overflow,
    policies: settings.allow,
    epoch: log.epoch,
    head: log.head,
    tail: log.tail.offset,
    published: seen.published,
    publishedBytes: seen.publishedBytes,
    publishedPerSecond: rounded(rates.published),
    delivered,
    deliveredPerSecond: rounded(rates.delivered),
    deliveredBytesPerSecond: rounded(rates.deliveredBytes),
    skipped,
    undelivered,
    unknown,
    gaps: { ...gaps, source: log.holes },
    evictions: Object.fromEntries(EVICT_CAUSES.map(cause => [cause, feed.evictions.get(cause) ?? 0])) as Record<
      EvictCause,
      number
    >,
    readers: seen.readers,
    states: seen.states,
    bands: seen.bands,
    dataAge: seen.dataAge,
    headroom: seen.headroom === undefined ? null : headroomStatus(seen.headroom, rates),
    queuedMessages: seen.queuedMessages,
    source: source.state ?? null,
    sourceError: source.state === 'restarting' || source.state === 'failed' ? (source.error ?? null) : null,
    restarts: source.restarts,
    filtered: source.filtered,
    paused: demand.cause ?? null,
    pausedSeconds: demand.pausedSeconds(now),
    ending: feed.ending?.reason ?? null,
    logBytes: log.held,
    capacityBytes: settings.capacity.bytes,
  }
}

/** How long until the limit, if the reader took nothing and the feed went on as it does. */
function headroomStatus({ bytes, messages, ms }: Headroom, { published, publishedBytes }: Rates) {
  const left = [
    publishedBytes === 0 ? Number.POSITIVE_INFINITY : bytes / publishedBytes,
    published === 0 ? Number.POSITIVE_INFINITY : messages / published,
    ms / 1_000,
  ]
  return { bytes, seconds: finite(rounded(Math.min(...left))) }
}

/** A client's reader, for whoever may ask. */
export function readerStatus(info: ReaderInfo) {
  const { feed, state, unconfirmed, queued, inFlightBytes, dataAgeSeconds } = info
  return {
    id: info.client.id,
    feed,
    policy: info.overflow,
    state,
    unconfirmed,
    queued,
    inFlightBytes,
    windowBytes: finite(info.windowBytes),
    dataAgeSeconds,
  }
}

/** A client that has left, for whoever may ask. */
export function closedStatus({ seq, at, client, feed, overflow, ...closed }: Closed) {
  const { code, reason, outcome, initiator, cause, account } = closed
  const { id } = client
  return { seq, at, id, feed, policy: overflow, code, reason, outcome, initiator, cause: cause ?? null, account }
}

/** Who a client is: for operators. */
export function who({ address, agent, name, since }: ClientInfo) {
  return { address, agent, name, since }
}

/** JSON has no Infinity: null is none. */
const finite = (value: number) => (value === Number.POSITIVE_INFINITY ? null : value)

const rounded = (value: number) => Math.round(value * 1_000) / 1_000
