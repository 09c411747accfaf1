/**
 * Options of hub and feeds: meaning, unit, default, and the rules they must keep. Checked at once, unknown keys refused,
 * each refusal a sentence "path: expected …, got …". config.ts derives flags and environment variables from the same names.
 */
import { z } from 'zod'
import { OPCODES } from './log/frame.ts'
import type { LagLimits, Overflow } from './log/overflow.ts'
import { OVERFLOWS, POLICIES } from './log/overflow.ts'
import { parse, refuse } from './parse.ts'

/** An amount of a log: in bytes, or in any of the three units. What is left out is no limit, bytes aside. */
export type Amount =
  | number
  | {
      readonly bytes?: number | undefined
      readonly messages?: number | undefined
      readonly ms?: number | undefined
    }

export interface FeedOptions {
  /** What its messages are on the wire. @default 'text' */
  readonly format?: keyof typeof OPCODES
  /** What happens when a reader is too slow. @default 'skip' */
  readonly overflow?: Overflow
  /** The policies its readers may ask for. @default the feed's own, and every one that does not slow others */
  readonly allow?: readonly Overflow[]
  /** How much the log keeps. @default 16 MiB, in any number of messages of any age */
  readonly capacity?: Amount
  /** How far behind a reader may be: queued under `skip`, unconfirmed under `evict`. @default the capacity */
  readonly maxLag?: Amount
  /** A lower limit that may be exceeded for `softForMs`. @default none */
  readonly softLag?: Amount
  /** How long a reader may stay over `softLag`, in milliseconds. @default 10_000 */
  readonly softForMs?: number
  /** Share of the capacity at which the source has to wait. @default 0.75 */
  readonly highMark?: number
  /** Share of the capacity at which it may go on. @default 0.5 */
  readonly lowMark?: number
  /** How long the gate's holder may make no progress while the source waits for it, in milliseconds. @default 10_000 */
  readonly maxPauseMs?: number
  /** How much the gate's holder must take while the source waits for it, in bytes per second. @default 0 */
  readonly minGateBytesPerSec?: number
  /** Largest payload. @default 1 MiB, or what fits above the high mark */
  readonly maxMessageBytes?: number
  /** The source is held until so many readers are there. @default 0 */
  readonly minClients?: number
  /** Name of this life of the log, for a source that has one of its own. @default random */
  readonly epoch?: string
}

export interface HubOptions {
  /** Clients at the most; a newcomer beyond is refused. @default 10_000 */
  readonly maxClients?: number
  /** How long a ping may go unanswered without any sign of life before the client is evicted; 0 = never. @default 30_000 */
  readonly stallTimeoutMs?: number
  /**
   * What may be in flight to one client is kept small enough for what is written to be taken within so many milliseconds, and a fifth
   * of it is what the hub's own queue may add to a delay. 0 = the window is off, and what a socket took counts as taken. @default 1_000
   */
  readonly targetDelayMs?: number
  /** A client's window is never smaller, in bytes; a message that is larger goes alone. @default 4 KiB */
  readonly minWindowBytes?: number
  /** A client's window is never larger, in bytes. @default 1 MiB */
  readonly maxWindowBytes?: number
  /** What may be in flight to all clients together, in bytes; 0 = no bound. @default 256 MiB, or the minimum of every client if that is more */
  readonly maxInFlightBytes?: number
  /** How long what is in flight may go without a ping that asks about it, in milliseconds. @default 1_000 */
  readonly tailPingMs?: number
  /** From the close frame to the end of the socket, in milliseconds. @default 3_000 */
  readonly evictGraceMs?: number
  /**
   * How long a client may stay before it is told to come back (1012), in milliseconds, give or take a tenth, so that those who came
   * together do not go together; 0 = for ever. @default 0
   */
  readonly maxConnectionAgeMs?: number
  /** Told what operators should know; the library itself never prints. @default nobody */
  readonly logger?: Logger
}

/**
 * What the hub tells operators, a line each: a sentence for people, and for programs the figures in it, always with the `event` they
 * belong to. `console` will do, and so will a pino logger whose arguments are turned round.
 */
export interface Logger {
  info(line: string, fields?: LogFields): void
  warn(line: string, fields?: LogFields): void
  error(line: string, fields?: LogFields): void
}

export type LogFields = Readonly<Record<string, unknown>>

export const SILENT: Logger = { info() {}, warn() {}, error() {} }

const MIB = 1024 * 1024
/** What a frame may take besides its payload (RFC 6455 §5.2: 10 bytes at the most), rounded up. */
const HEADER_BYTES = 16
/** Timers end at 24 days, and fire at once beyond. */
const MAX_TIMER_MS = 2 ** 31 - 1

const count = z.int().min(0)
const positive = z.int().min(1)
const share = z.number().gt(0).max(1)
const ms = z.number().min(0)
const amount = z.union([
  positive,
  z.strictObject({ bytes: positive.optional(), messages: positive.optional(), ms: z.number().gt(0).optional() }),
])
const overflow = z.enum(OVERFLOWS as [Overflow, ...Overflow[]])

const feedSchema = z.strictObject({
  format: z.enum(Object.keys(OPCODES) as ['text', 'binary']).default('text'),
  overflow: overflow.default('skip'),
  allow: z.array(overflow).optional(),
  capacity: amount.default(16 * MIB),
  maxLag: amount.optional(),
  softLag: amount.optional(),
  softForMs: ms.optional(),
  highMark: share.default(0.75),
  lowMark: share.default(0.5),
  maxPauseMs: ms.default(10_000),
  minGateBytesPerSec: z.number().min(0).default(0),
  maxMessageBytes: positive.optional(),
  minClients: count.default(0),
  epoch: z
    .string()
    .regex(/^[A-Za-z0-9_.~-]{1,64}$/)
    .optional(),
})

const hubSchema = z.strictObject({
  maxClients: positive.default(10_000),
  stallTimeoutMs: ms.default(30_000),
  targetDelayMs: ms.default(1_000),
  minWindowBytes: positive.optional(),
  maxWindowBytes: positive.optional(),
  maxInFlightBytes: count.optional(),
  tailPingMs: z.number().gt(0).default(1_000),
  evictGraceMs: ms.max(MAX_TIMER_MS).default(3_000),
  maxConnectionAgeMs: ms.default(0),
  logger: z.custom<Logger>(isLogger, 'an object with info, warn and error').default(SILENT),
})

/** Everything a feed needs to know, with nothing left open. */
export interface FeedSettings {
  readonly format: keyof typeof OPCODES
  readonly overflow: Overflow
  readonly allow: readonly Overflow[]
  readonly capacity: { readonly bytes: number; readonly messages: number; readonly ms: number }
  readonly lag: LagLimits
  readonly highMark: number
  readonly lowMark: number
  /** The marks in bytes. */
  readonly highBytes: number
  readonly lowBytes: number
  readonly maxPauseMs: number
  readonly minGateBytesPerSec: number
  readonly maxMessageBytes: number
  readonly minClients: number
  readonly epoch: string | undefined
}

export type HubSettings = Required<HubOptions>

/** Checks the options of a feed and fills in what was left out. @throws SpillwayError `bad_option` */
export function feedSettings(options: FeedOptions, what = 'feed'): FeedSettings {
  const given = parse(feedSchema, options, what)
  const capacity = amountOf(given.capacity, { bytes: 16 * MIB, messages: NONE, ms: NONE })
  const maxLag = amountOf(given.maxLag ?? capacity, capacity)
  const soft = amountOf(given.softLag ?? {}, { bytes: NONE, messages: NONE, ms: NONE })
  const allow = given.allow ?? OVERFLOWS.filter(name => !POLICIES[name].gates)
  const highBytes = Math.floor(capacity.bytes * given.highMark)
  const lowBytes = Math.floor(capacity.bytes * given.lowMark)
  if (given.lowMark >= given.highMark)
    refuse(`${what}.lowMark`, `less than highMark (${given.highMark})`, given.lowMark)
  if (maxLag.bytes > capacity.bytes) {
    refuse(`${what}.maxLag`, `at most the capacity (${capacity.bytes} bytes)`, maxLag.bytes)
  }
  for (const unit of ['messages', 'ms'] as const) {
    if (maxLag[unit] > capacity[unit])
      refuse(`${what}.maxLag.${unit}`, `at most the capacity (${capacity[unit]})`, maxLag[unit])
  }
  if (given.softForMs !== undefined && given.softLag === undefined) {
    refuse(`${what}.softForMs`, 'softLag beside it', 'it alone')
  }
  if (given.minGateBytesPerSec > 0 && given.maxPauseMs === 0) {
    refuse(`${what}.minGateBytesPerSec`, 'maxPauseMs above 0, over which it is measured', given.maxPauseMs)
  }
  const gates = given.overflow === 'pause' || allow.includes('pause')
  const above = gates ? ` above the high mark (${given.highMark})` : ''
  const room = capacity.bytes - (gates ? highBytes : 0) - HEADER_BYTES
  if (room < 1) refuse(`${what}.capacity`, `more than ${HEADER_BYTES} bytes${above}`, capacity.bytes)
  const maxMessageBytes = given.maxMessageBytes ?? Math.min(MIB, room)
  if (maxMessageBytes > room) {
    refuse(`${what}.maxMessageBytes`, `at most what the capacity has room for${above} (${room} bytes)`, maxMessageBytes)
  }
  return {
    format: given.format,
    overflow: given.overflow,
    allow: [...new Set([given.overflow, ...allow])],
    capacity,
    lag: { max: maxLag, soft, softForMs: given.softForMs ?? 10_000 },
    highMark: given.highMark,
    lowMark: given.lowMark,
    highBytes,
    lowBytes,
    maxPauseMs: given.maxPauseMs,
    minGateBytesPerSec: given.minGateBytesPerSec,
    maxMessageBytes,
    minClients: given.minClients,
    epoch: given.epoch,
  }
}

/** Checks the options of a hub and fills in what was left out. @throws SpillwayError `bad_option` */
export function hubSettings(options: HubOptions): HubSettings {
  const given = parse(hubSchema, options, 'hub')
  const { maxClients } = given
  const maxWindowBytes = given.maxWindowBytes ?? Math.max(MIB, given.minWindowBytes ?? 0)
  const minWindowBytes = given.minWindowBytes ?? Math.min(4 * 1024, maxWindowBytes)
  if (maxWindowBytes < minWindowBytes) {
    refuse('hub.maxWindowBytes', `at least minWindowBytes (${minWindowBytes})`, maxWindowBytes)
  }
  const least = maxClients * minWindowBytes
  const maxInFlightBytes = given.maxInFlightBytes ?? Math.max(256 * MIB, least)
  if (maxInFlightBytes !== 0 && maxInFlightBytes < least) {
    const rule = `0, or at least maxClients × minWindowBytes (${maxClients} × ${minWindowBytes} = ${least})`
    refuse('hub.maxInFlightBytes', rule, maxInFlightBytes)
  }
  return { ...given, minWindowBytes, maxWindowBytes, maxInFlightBytes }
}

const NONE = Number.POSITIVE_INFINITY

function amountOf(given: Amount, otherwise: { bytes: number; messages: number; ms: number }) {
  const amount: Exclude<Amount, number> = typeof given === 'number' ? { bytes: given } : given
  const { bytes = otherwise.bytes, messages = otherwise.messages, ms = otherwise.ms } = amount
  return { bytes, messages, ms }
}

function isLogger(value: unknown): boolean {
  const logger = value as Partial<Logger> | null
  return [logger?.info, logger?.warn, logger?.error].every(method => typeof method === 'function')
}
