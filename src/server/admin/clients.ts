/** `/clients` and `/closed`: who is there and how each fares, the worst first; who has left, and why; and how to make somebody leave. */
import type { Client } from '../../clients/client.ts'
import { readerInfo } from '../../clients/info.ts'
import { expected } from '../../errors.ts'
import { READER_STATES } from '../../reader.ts'
import { eachInPieces } from '../pieces.ts'
import { closedStatus, readerStatus, who } from '../status.ts'
import { headroomOf } from '../watch/headroom.ts'
import { Ranking } from '../watch/ranking.ts'
import { CLOSED, type Watch } from '../watch/watch.ts'
import { asObject } from './body.ts'
import { badRequest, Refused } from './refused.ts'
import { type Asked, feedIn, type Office, oneOf, whole } from './route.ts'

/** By what clients are sorted. */
export const SORTS = {
  /** Bytes published and not confirmed. */
  lag: ({ reader }: Client) => reader.feed.log.bytes - reader.confirmed.bytes,
  /** How old the data is that it waits for. */
  age: (client: Client, now: number) => client.dataAgeMs(now),
  'in-flight': ({ reader }: Client) => reader.cursor.inFlightBytes,
  queued: ({ reader }: Client) => reader.end.bytes - reader.cursor.at.bytes,
} as const

type Sort = keyof typeof SORTS
const SORTED = Object.keys(SORTS) as readonly Sort[]
const ORDERS = ['desc', 'asc'] as const
export const MOST_CLIENTS = 1_000
const CLIENTS = 100
const CLOSED_TOLD = 100
/** What a close frame has room for (RFC 6455 §5.5: 125 bytes, two of them the code). */
const REASON_BYTES = 123
const REASON = 'evicted by an operator; retry=30s'

/** Ranked in one go, so that they are compared as of one moment; what is told of each is of the moment it is told. */
export async function listClients({ hub, watch }: Office, { query }: Asked): Promise<string> {
  const figure = SORTS[oneOf(query, 'sort', SORTED) ?? 'lag']
  const sign = oneOf(query, 'order', ORDERS) === 'asc' ? -1 : 1
  const [feed, state] = [feedIn(hub, query), oneOf(query, 'state', READER_STATES)]
  const ranking = new Ranking<Client>(whole(query, 'limit', 1, MOST_CLIENTS) ?? CLIENTS)
  const now = performance.now()
  let total = 0
  for (const client of hub.clients) {
    const { reader } = client
    if ((feed !== undefined && reader.feed.name !== feed) || (state !== undefined && reader.state !== state)) continue
    total++
    ranking.offer(client, sign * figure(client, now))
  }
  return listed(total, 'clients', ranking.ranked, ({ item }, now) => clientStatus(item, watch, now))
}

export function tellClient(office: Office, asked: Asked) {
  return clientStatus(clientOf(office, asked), office.watch, performance.now())
}

/** Closes a client with 4408, which counts, is told to whoever listens to the hub's events, and stays in the ring. */
export function evictClient(office: Office, asked: Asked) {
  const client = clientOf(office, asked)
  const { reason = REASON } = asObject(asked.body, ['reason'])
  // It goes into a close frame, and into a line of the log.
  if (typeof reason !== 'string' || !/^\P{C}+$/u.test(reason) || Buffer.byteLength(reason) > REASON_BYTES) {
    throw badRequest('reason', `a line of 1 to ${REASON_BYTES} bytes`, reason)
  }
  const { reader, info } = client
  const before = clientStatus(client, office.watch, performance.now())
  if (reader.state === 'closed')
    throw new Refused('conflict', expected(`client ${info.id}`, 'one that is not closing', 'one that is'))
  reader.feed.evict(reader, 'operator', reason)
  const label = info.name === '' ? '' : ` (${info.name})`
  office.hub.settings.logger.info(
    `feed ${reader.feed.name}: client ${info.id}${label} at ${info.address} is evicted by ${asked.by}: ${reason}`,
    { event: 'operator-evicts', client: info.id, feed: reader.feed.name, by: asked.by, reason },
  )
  return { evicted: before }
}

export async function listClosed({ hub, watch }: Office, { query }: Asked): Promise<string> {
  const [feed, code] = [feedIn(hub, query), whole(query, 'code', 1_000, 4_999)]
  const found = watch.closed.newest(
    whole(query, 'limit', 1, CLOSED) ?? CLOSED_TOLD,
    closed => (feed === undefined || closed.feed === feed) && (code === undefined || closed.code === code),
  )
  return listed(watch.closed.count, 'closed', found, closed => ({ ...closedStatus(closed), ...who(closed.client) }))
}

/** A list as JSON, and how many there are. In pieces, because 10,000 that have left are megabytes. */
async function listed<T>(total: number, name: string, items: readonly T[], tell: (item: T, now: number) => unknown) {
  const told: string[] = []
  await eachInPieces(items, (item, now) => void told.push(JSON.stringify(tell(item, now))))
  return `{"total":${total},"${name}":[${told.join()}]}`
}

function clientOf({ hub, watch }: Office, { words }: Asked): Client {
  const [word = ''] = words
  const id = /^\d{1,15}$/.test(word) ? Number(word) : Number.NaN
  for (const client of hub.clients) if (client.info.id === id) return client
  const [left] = watch.closed.newest(1, ({ client }) => client.id === id)
  const got = left === undefined ? word : `${word}, which has left with ${left.code}`
  throw new Refused('not_found', expected('client', 'the id of one that is there', got))
}

function clientStatus(client: Client, watch: Watch, now: number) {
  const { reader } = client
  const { feed, cursor, confirmed, maxRate } = reader
  const { log } = feed
  const { end } = reader
  const messages = end.count - confirmed.count
  const headroom = headroomOf(reader, now)
  const info = readerInfo(client, now)
  return {
    ...readerStatus(info),
    ...who(client.info),
    position: info.position,
    maxRate: maxRate === 0 ? null : maxRate,
    /** Head − confirmed. */
    lag: {
      messages,
      bytes: end.bytes - confirmed.bytes,
      seconds: messages === 0 ? 0 : (now - (log.timeAt(confirmed) ?? now)) / 1_000,
    },
    inFlightMessages: cursor.inFlightMessages,
    bufferedBytes: info.bufferedBytes,
    oldestPingSeconds: client.askedSince === undefined ? null : (now - client.askedSince) / 1_000,
    silentSeconds: client.silentMs(now) / 1_000,
    gating: reader.gating,
    headroom: headroom === undefined ? null : { bytes: headroom.bytes, ratio: headroom.ratio },
    account: info.account,
    history: watch.history(client),
  }
}
