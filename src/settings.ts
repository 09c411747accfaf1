/**
 * Every option of `spillway serve`, in one table: its flag, what it takes, what it means, where it stands in the configuration
 * file. `--help`, the environment variables, the schema of the file, `spillway check` and docs/options.md come from it; tests
 * hold the code to it. It is a table, so it is as long as there are options.
 */
import type { Kind } from './config/values.ts'

/** What feeds can come from: the words of a source as text, and `own` for one that a .js file gives. */
export type SourceKind = 'ticker' | 'host' | 'stdin' | 'file' | 'follow' | 'replay' | 'exec' | 'own'

export interface Setting {
  readonly flag: string
  readonly kind: Kind
  /**
   * Where the value goes, and the name of the option there. `serve` and `hub` are parts of the file; `feed` and `source` are options of
   * each feed (`feeds.NAME`), the first for the feed and the second for what makes its source; `command` is no option of the
   * file: it says which feeds there are, and which file.
   */
  readonly into: readonly ['serve' | 'hub' | 'feed' | 'source' | 'command', string]
  /** The sources it means something for. @default all */
  readonly sources?: readonly SourceKind[]
  /** Short for another flag with this value. */
  readonly means?: readonly [string, string]
  /** As a person would write it; empty if there is none. */
  readonly default: string
  readonly help: string
}

export const SETTINGS = [
  {
    flag: 'feed',
    kind: 'feeds',
    into: ['command', 'feed'],
    default: 'those of the file; without any, stdin if something is piped in, else ticks=ticker and host=host',
    help: 'A feed and its source: ticker, host, stdin, file:PATH, follow:PATH, replay:PATH or exec:COMMAND. Adds a feed to those of the file, or replaces the source of one. May be given several times.',
  },
  {
    flag: 'exec',
    kind: 'command',
    into: ['command', 'exec'],
    default: '',
    help: 'A feed of what a command prints, named after it: --exec "vmstat 1" is --feed "vmstat=exec:vmstat 1".',
  },
  {
    flag: 'follow',
    kind: 'path',
    into: ['command', 'follow'],
    default: '',
    help: 'A feed of the lines a file grows by, named after it: --follow logs/app.log is --feed app=follow:logs/app.log.',
  },
  {
    flag: 'replay',
    kind: 'path',
    into: ['command', 'replay'],
    default: '',
    help: 'A feed of a recording, at the pace of its times, named after it: --replay data.ndjson is --feed data=replay:data.ndjson.',
  },
  {
    flag: 'config',
    kind: 'path',
    into: ['command', 'config'],
    default: 'spillway.config.json, .js or .mjs in the working directory, if there is one',
    help: 'The configuration file; none = without.',
  },
  {
    flag: 'no-config',
    kind: 'switch',
    into: ['command', 'config'],
    means: ['config', 'none'],
    default: '',
    help: 'Without a configuration file.',
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
    flag: 'admin-port',
    kind: 'portOrOff',
    into: ['serve', 'adminPort'],
    default: 'the one after --port, or a free one if that is taken',
    help: 'Port of the admin API and of the page as operators see it (docs/admin.md); 0 = any free one, off = none.',
  },
  {
    flag: 'admin-host',
    kind: 'address',
    into: ['serve', 'adminHost'],
    default: '127.0.0.1',
    help: 'Address of the admin port; one that is not loopback needs --admin-token.',
  },
  {
    flag: 'admin-token',
    kind: 'secret',
    into: ['serve', 'adminToken'],
    default: '',
    help: 'What has to be given to the admin port, as Authorization: Bearer TOKEN. Set SPILLWAY_ADMIN_TOKEN instead: ps shows flags to everybody on the machine.',
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
    kind: 'size',
    into: ['hub', 'minWindowBytes'],
    default: '4KiB',
    help: "A client's window is never smaller; a message that is larger goes alone.",
  },
  {
    flag: 'max-window',
    kind: 'size',
    into: ['hub', 'maxWindowBytes'],
    default: '1MiB',
    help: "A client's window is never larger.",
  },
  {
    flag: 'max-in-flight',
    kind: 'size',
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
    kind: 'size',
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
    kind: 'size',
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
    kind: 'size',
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
    into: ['feed', 'rate'],
    default: 'as demand allows',
    help: 'Messages per second at the most, from a source that can wait; of a recording, whatever its times say.',
  },
  {
    flag: 'format',
    kind: 'format',
    into: ['feed', 'format'],
    default: 'text',
    help: 'What messages are on the wire: text, a line each; or binary, --chunk bytes each.',
  },
  {
    flag: 'binary',
    kind: 'switch',
    into: ['feed', 'format'],
    means: ['format', 'binary'],
    default: '',
    help: 'Short for --format binary.',
  },
  {
    flag: 'chunk',
    kind: 'bytes',
    into: ['feed', 'chunkBytes'],
    sources: ['stdin', 'file', 'follow', 'exec', 'own'],
    default: '16KiB',
    help: 'Bytes of a message of a binary feed, from a source that is a stream of bytes.',
  },
  {
    flag: 'restart',
    kind: 'restart',
    into: ['feed', 'restart.on'],
    sources: ['exec', 'follow', 'own'],
    default: 'failure',
    help: 'When a source that is over is asked again: never, after a failure, or always.',
  },
  {
    flag: 'restart-min',
    kind: 'duration',
    into: ['feed', 'restart.minMs'],
    sources: ['exec', 'follow', 'own'],
    default: '250ms',
    help: 'The shortest delay before that; it doubles with each failure in a row.',
  },
  {
    flag: 'restart-max',
    kind: 'duration',
    into: ['feed', 'restart.maxMs'],
    sources: ['exec', 'follow', 'own'],
    default: '30s',
    help: 'The longest.',
  },
  {
    flag: 'restart-attempts',
    kind: 'count',
    into: ['feed', 'restart.attempts'],
    sources: ['exec', 'follow', 'own'],
    default: 'no limit',
    help: 'How often in a row, before the feed ends with the failure.',
  },
  {
    flag: 'restart-reset',
    kind: 'duration',
    into: ['feed', 'restart.resetMs'],
    sources: ['exec', 'follow', 'own'],
    default: '10s',
    help: 'A source that ran for so long has run well: its failures are counted afresh.',
  },
  {
    flag: 'speed',
    kind: 'number',
    into: ['source', 'speed'],
    sources: ['replay'],
    default: '1',
    help: 'How many times faster than recorded.',
  },
  {
    flag: 'loop',
    kind: 'switch',
    into: ['source', 'loop'],
    sources: ['replay'],
    default: '',
    help: 'Begin again at the end, for ever.',
  },
  {
    flag: 'time-field',
    kind: 'word',
    into: ['source', 'timeField'],
    sources: ['replay'],
    default: 'time',
    help: 'The field of a recorded message that has its time.',
  },
  {
    flag: 'from-start',
    kind: 'switch',
    into: ['source', 'fromStart'],
    sources: ['follow'],
    default: '',
    help: 'Begin at the start of the file, and not at its end.',
  },
  {
    flag: 'symbols',
    kind: 'count',
    into: ['source', 'symbols'],
    sources: ['ticker'],
    default: '20',
    help: 'Symbols of the ticker.',
  },
  {
    flag: 'tick-rate',
    kind: 'count',
    into: ['source', 'perSecond'],
    sources: ['ticker'],
    default: '50',
    help: 'Ticks per second over all symbols.',
  },
  {
    flag: 'seed',
    kind: 'count',
    into: ['source', 'seed'],
    sources: ['ticker'],
    default: '1',
    help: 'The same seed gives the same prices.',
  },
  {
    flag: 'depth',
    kind: 'count',
    into: ['source', 'depth'],
    sources: ['ticker'],
    default: '0',
    help: 'Levels of the order book, on either side, that the ticker tells with each tick: some 28 bytes each.',
  },
] as const satisfies readonly Setting[]

/** The environment variable that stands for a flag. */
export function environmentName(flag: string): string {
  return `SPILLWAY_${flag.toUpperCase().replaceAll('-', '_')}`
}

/** Where an option stands in the configuration file; empty if it stands only on the command line. */
export function filePath({ into: [part, option], flag, means }: Setting): string {
  if (flag === 'feed') return 'feeds.NAME.source'
  if (part === 'command' || means !== undefined) return ''
  return `${part === 'serve' || part === 'hub' ? part : 'feeds.NAME'}.${option}`
}
