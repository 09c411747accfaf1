/**
 * Every flag of `spillway serve`, in one table: what it is called, what it takes, what it means, where it goes. `--help`,
 * the environment variables and docs/options.md come from it; a test holds the documents to it.
 */

/** How a value is written. */
export const KINDS = {
  port: 'PORT',
  address: 'ADDRESS',
  count: 'N',
  number: 'N',
  bytes: 'BYTES',
  duration: 'TIME',
  share: 'SHARE',
  policy: 'POLICY',
  policies: 'POLICY,…',
  origins: 'ORIGIN,…',
  feeds: 'NAME=SOURCE',
  switch: '',
} as const

export type Kind = keyof typeof KINDS

export interface Setting {
  readonly flag: string
  readonly kind: Kind
  /** Where the value goes: `serve`, `hub`, `feed` or `ticker`, and the name of the option there. */
  readonly into: readonly ['serve' | 'hub' | 'feed' | 'source' | 'ticker', string]
  /** As a person would write it; empty if there is none. */
  readonly default: string
  readonly help: string
}

export const SETTINGS = [
  {
    flag: 'feed',
    kind: 'feeds',
    into: ['serve', 'feeds'],
    default: 'stdin, if something is piped in; else ticks=ticker and host=host',
    help: 'A feed and its source: ticker, host, stdin or file:PATH. May be given several times.',
  },
  {
    flag: 'port',
    kind: 'port',
    into: ['serve', 'port'],
    default: '8080',
    help: 'Port to listen on; 0 = any free one.',
  },
  {
    flag: 'host',
    kind: 'address',
    into: ['serve', 'host'],
    default: '127.0.0.1',
    help: 'Address to listen on; 0.0.0.0 or :: for all.',
  },
  {
    flag: 'origins',
    kind: 'origins',
    into: ['serve', 'origins'],
    default: "the hub's own page",
    help: 'Origins of web pages that may listen besides, such as https://example.org; * = all. Clients that are no browsers are not held by it.',
  },
  {
    flag: 'drain',
    kind: 'duration',
    into: ['serve', 'drainMs'],
    default: '5s',
    help: 'On SIGTERM, the time over which clients are closed and may still read what is left.',
  },
  {
    flag: 'exit-when-done',
    kind: 'switch',
    into: ['serve', 'exitWhenDone'],
    default: '',
    help: 'Exit when every feed has ended and every client has left: 0, or 1 if a source failed.',
  },
  {
    flag: 'max-clients',
    kind: 'count',
    into: ['hub', 'maxClients'],
    default: '10000',
    help: 'Clients at the most; a newcomer beyond is refused (4503).',
  },
  {
    flag: 'stall-timeout',
    kind: 'duration',
    into: ['hub', 'stallTimeoutMs'],
    default: '30s',
    help: 'A client whose oldest ping is unanswered for so long, and that shows no other sign of life, is evicted (4409); 0 = never.',
  },
  {
    flag: 'target-delay',
    kind: 'duration',
    into: ['hub', 'targetDelayMs'],
    default: '1s',
    help: 'What is in flight to a client is kept small enough to be taken within so long; 0 = the window is off, and what a socket took counts as taken.',
  },
  {
    flag: 'min-window',
    kind: 'bytes',
    into: ['hub', 'minWindowBytes'],
    default: '4KiB',
    help: "A client's window is never smaller; a message that is larger goes alone.",
  },
  {
    flag: 'max-window',
    kind: 'bytes',
    into: ['hub', 'maxWindowBytes'],
    default: '1MiB',
    help: "A client's window is never larger.",
  },
  {
    flag: 'max-in-flight',
    kind: 'bytes',
    into: ['hub', 'maxInFlightBytes'],
    default: '256MiB, or --min-window for every client if that is more',
    help: 'What may be in flight to all clients together: the biggest windows shrink first; 0 = no bound.',
  },
  {
    flag: 'tail-ping',
    kind: 'duration',
    into: ['hub', 'tailPingMs'],
    default: '1s',
    help: 'How long what is in flight may go without a ping that asks about it; with very many clients it is longer.',
  },
  {
    flag: 'evict-grace',
    kind: 'duration',
    into: ['hub', 'evictGraceMs'],
    default: '3s',
    help: 'From the close frame to the end of the socket.',
  },
  {
    flag: 'overflow',
    kind: 'policy',
    into: ['feed', 'overflow'],
    default: 'skip',
    help: 'What happens when a reader is too slow: pause (the source waits), evict (it is closed), skip (it jumps to the newest).',
  },
  {
    flag: 'allow',
    kind: 'policies',
    into: ['feed', 'allow'],
    default: 'all but pause',
    help: 'Policies that readers may ask for with ?overflow=, besides the own one.',
  },
  {
    flag: 'capacity',
    kind: 'bytes',
    into: ['feed', 'capacity.bytes'],
    default: '16MiB',
    help: 'How much the log keeps.',
  },
  {
    flag: 'capacity-messages',
    kind: 'count',
    into: ['feed', 'capacity.messages'],
    default: 'no limit',
    help: 'How many messages it keeps.',
  },
  {
    flag: 'capacity-age',
    kind: 'duration',
    into: ['feed', 'capacity.ms'],
    default: 'no limit',
    help: 'How long it keeps them.',
  },
  {
    flag: 'max-lag',
    kind: 'bytes',
    into: ['feed', 'maxLag.bytes'],
    default: 'the capacity',
    help: 'How far behind a reader may be before skip or evict acts.',
  },
  {
    flag: 'max-lag-messages',
    kind: 'count',
    into: ['feed', 'maxLag.messages'],
    default: 'the capacity',
    help: 'The same, in messages.',
  },
  {
    flag: 'max-lag-age',
    kind: 'duration',
    into: ['feed', 'maxLag.ms'],
    default: 'the capacity',
    help: 'The same, as the age of the oldest message it has not had.',
  },
  {
    flag: 'soft-lag',
    kind: 'bytes',
    into: ['feed', 'softLag.bytes'],
    default: 'no limit',
    help: 'A lower limit that a reader may exceed for --soft-for.',
  },
  {
    flag: 'soft-lag-messages',
    kind: 'count',
    into: ['feed', 'softLag.messages'],
    default: 'no limit',
    help: 'The same, in messages.',
  },
  {
    flag: 'soft-lag-age',
    kind: 'duration',
    into: ['feed', 'softLag.ms'],
    default: 'no limit',
    help: 'The same, as an age.',
  },
  {
    flag: 'soft-for',
    kind: 'duration',
    into: ['feed', 'softForMs'],
    default: '10s',
    help: 'How long a reader may stay over --soft-lag.',
  },
  {
    flag: 'high-mark',
    kind: 'share',
    into: ['feed', 'highMark'],
    default: '75%',
    help: 'Share of the capacity at which the source has to wait.',
  },
  {
    flag: 'low-mark',
    kind: 'share',
    into: ['feed', 'lowMark'],
    default: '50%',
    help: 'Share of the capacity at which it goes on.',
  },
  {
    flag: 'max-pause',
    kind: 'duration',
    into: ['feed', 'maxPauseMs'],
    default: '10s',
    help: 'How long the slowest reader may make no progress while the source waits for it, before it is evicted; 0 = for ever.',
  },
  {
    flag: 'min-gate-rate',
    kind: 'bytes',
    into: ['feed', 'minGateBytesPerSec'],
    default: '0',
    help: 'Bytes per second it must take, at least, while the source waits for it.',
  },
  {
    flag: 'max-message',
    kind: 'bytes',
    into: ['feed', 'maxMessageBytes'],
    default: '1MiB, or what fits above the high mark',
    help: 'Largest message; a larger one is refused and told.',
  },
  {
    flag: 'min-clients',
    kind: 'count',
    into: ['feed', 'minClients'],
    default: '0',
    help: 'The source is held until so many readers are there.',
  },
  {
    flag: 'rate',
    kind: 'number',
    into: ['source', 'rate'],
    default: 'as demand allows',
    help: 'Messages per second at the most, from stdin or a file.',
  },
  {
    flag: 'binary',
    kind: 'switch',
    into: ['feed', 'binary'],
    default: '',
    help: 'Binary messages of --chunk bytes instead of a text message a line.',
  },
  {
    flag: 'chunk',
    kind: 'bytes',
    into: ['source', 'chunkBytes'],
    default: '16KiB',
    help: 'Bytes of a message with --binary.',
  },
  { flag: 'symbols', kind: 'count', into: ['ticker', 'symbols'], default: '20', help: 'Symbols of the ticker.' },
  {
    flag: 'tick-rate',
    kind: 'count',
    into: ['ticker', 'perSecond'],
    default: '50',
    help: 'Ticks per second over all symbols.',
  },
  {
    flag: 'seed',
    kind: 'count',
    into: ['ticker', 'seed'],
    default: '1',
    help: 'The same seed gives the same prices.',
  },
] as const satisfies readonly Setting[]

/** The environment variable that stands for a flag. */
export function environmentName(flag: string): string {
  return `SPILLWAY_${flag.toUpperCase().replaceAll('-', '_')}`
}
