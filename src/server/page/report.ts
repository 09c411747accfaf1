/**
 * What `GET /feeds` tells, as the page reads it: the same document on the feed port, where clients have a number, and on the
 * admin port, where they have an address too. Types only; what the page does not show is left out.
 */

export interface FeedReport {
  readonly name: string
  readonly format: 'text' | 'binary'
  readonly overflow: string
  /** The policies that readers may ask for. */
  readonly policies: readonly string[]
  readonly epoch: string
  readonly head: number
  readonly tail: number
  readonly published: number
  readonly publishedBytes: number
  readonly publishedPerSecond: number
  readonly deliveredPerSecond: number
  readonly deliveredBytesPerSecond: number
  readonly skipped: number
  readonly undelivered: number
  readonly unknown: number
  readonly gaps: Readonly<Record<string, number>>
  readonly evictions: Readonly<Record<string, number>>
  readonly readers: number
  readonly states: Readonly<Record<string, number>>
  /** Readers by how old the data is that they wait for; they add up to `readers`. */
  readonly bands: Readonly<Record<string, number>>
  /** In seconds. */
  readonly dataAge: { readonly p50: number; readonly p90: number; readonly p99: number; readonly max: number }
  /** How far the reader that has least is from its limit. */
  readonly headroom: { readonly bytes: number; readonly seconds: number | null } | null
  readonly source: string | null
  readonly sourceError: string | null
  readonly restarts: number
  /** Why the source waits; null while it runs. */
  readonly paused: string | null
  readonly pausedSeconds: number
  /** Why the feed takes no more messages; null while it does. */
  readonly ending: string | null
  readonly logBytes: number
  readonly capacityBytes: number
}

/** Who a client is: told on the admin port only. */
export interface Who {
  readonly address?: string
  readonly agent?: string
  readonly name?: string
  /** When it came, in milliseconds since 1970. */
  readonly since?: number
}

export interface SlowReport extends Who {
  readonly id: number
  readonly feed: string
  readonly policy: string
  readonly state: string
  readonly unconfirmed: boolean
  readonly queued: { readonly messages: number; readonly bytes: number; readonly seconds: number }
  readonly inFlightBytes: number
  readonly windowBytes: number | null
  readonly dataAgeSeconds: number
  /** Data ages in seconds, one a second, the oldest first. */
  readonly history: readonly number[]
}

export interface ClosedReport extends Who {
  /** Rises by one; begins again when the hub does. */
  readonly seq: number
  readonly at: number
  readonly id: number
  readonly feed: string
  readonly policy: string
  readonly code: number
  readonly reason: string
  readonly outcome: string
  readonly initiator: 'hub' | 'client' | 'network'
  /** Why it was evicted, if it was. */
  readonly cause: string | null
  readonly account: Readonly<Record<'taken' | 'skipped' | 'unknown' | 'undelivered', number>>
}

export interface HubReport {
  readonly version: string
  readonly uptimeSeconds: number
  readonly clients: number
  readonly maxClients: number
  readonly unconfirmed: number
  readonly memory: { readonly rssBytes: number; readonly boundBytes: number }
  readonly inFlight: { readonly bytes: number; readonly boundBytes: number | null }
  readonly eventLoop: { readonly p99Ms: number }
  readonly feeds: readonly FeedReport[]
  readonly slowest: readonly SlowReport[]
  readonly closed: readonly ClosedReport[]
  readonly admin: boolean
  /** On the admin port: where clients connect; null if the hub does not know it. */
  readonly clientsUrl?: string | null
}
