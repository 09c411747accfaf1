/**
 * What the benchmark asks of every server it compares: a side that publishes, and what a client has to say to listen to it. One
 * file beside this for each peer; nothing else in the benchmark knows which of them is running.
 */
import type { Server } from 'node:http'
import type { FeedOptions, HubOptions } from '../../../src/index.ts'
import type { TimePlace } from '../../swarm/format.ts'

/** What the hub is told; peers have nothing like it and leave it. */
export interface ServerOptions {
  readonly hub: HubOptions
  readonly feed: FeedOptions
  /** How many feeds (rooms, channels). Clients are spread over them evenly, one each. */
  readonly feeds: number
}

export interface Peer {
  /** Its name in tables. */
  readonly title: string
  /** The npm packages whose versions belong to a figure of it. */
  readonly packages: readonly string[]
  readonly wire: Wire
  /** Packages are loaded here and not at the top: the load uses only the wire, and carries no server. */
  serve(server: Server, options: ServerOptions): Promise<Service>
}

/** The server's side. */
export interface Service {
  /** To everybody who listens to this feed. Whether to go on: only the hub ever says no. */
  publish(message: string, feed: number): boolean
  clients(): number
  /** What only the hub can tell. */
  readonly hub?: HubView
}

export interface HubView {
  /** Resolves when the first feed takes more. */
  ready(): Promise<void>
  /** Published minus what all readers' accounts add up to, summed over readers: 0 if the account balances. */
  imbalance(): number
  /** What the hub says its memory can come to. */
  bound(): number
  inFlightBytes(): number
  evicted(): number
  /** Whether nothing is queued and nothing in flight. */
  confirmed(): boolean
  /** Where the first feed is now, as a client asks for it. */
  position(): string
}

/** The client's side: a plain WebSocket, and the little protocol that some servers speak on top of it. */
export interface Wire {
  /** What to ask for; `from` is a position, for who can resume. */
  path(feed: number, from?: string): string
  /** Texts to send once the upgrade is through, in this order. */
  hello(feed: number): readonly string[]
  /** Until joined, every text is heard; after that, those below so many bytes. All others are messages. */
  readonly talkBelow: number
  /** A text of the protocol: what it means, and what to answer. */
  hear(text: string): Heard
  /** Where in a message the time of its publication stands. */
  readonly time: TimePlace
}

export interface Heard {
  /** From now on messages come. */
  readonly joined?: boolean
  readonly answer?: string
}

/** No protocol on top: who is through the upgrade listens. */
export const PLAIN = {
  hello: () => [],
  talkBelow: 0,
  hear: () => ({}),
  time: { at: 0, digits: 16 },
} as const

/** Of the same length for every feed, so that the time stands at the same place in every message. */
export function feedName(feed: number): string {
  return `bench-${String(feed).padStart(3, '0')}`
}
