/**
 * What may stand beside a feed's own options when a source is attached to it: meanings, units, defaults, and what goes with what.
 * Checked at once, so that what means nothing is refused and not ignored. Called by the hub.
 */
import { expected, SpillwayError } from '../errors.ts'
import { OVERFLOWS, POLICIES } from '../log/overflow.ts'
import type { FeedSettings } from '../options.ts'
import { type RestartOptions, type RestartSettings, restartSettings } from './restart.ts'
import { canWait, checkSource, isFunction, isPush, type SourceLike } from './source.ts'
import {
  isDuplex,
  type NamedOperator,
  type NamedStage,
  namedOperators,
  namedStages,
  type Operator,
  type Stage,
} from './stages.ts'

export interface SourceOptions {
  /** Where its messages come from; a function is asked for one, and again if it fails. Left out: whoever calls `publish()`. */
  readonly source?: SourceLike
  /** Messages per second at the most; 0 = as fast as demand allows. @default 0 */
  readonly rate?: number
  /** Bytes of a message where a Readable is cut into chunks, on a binary feed. @default 16 KiB, or `maxMessageBytes` */
  readonly chunkBytes?: number
  /**
   * Asynchronous stages between source and pump, with back-pressure: `AsyncIterable → AsyncIterable`, or a Duplex. A stream of bytes
   * is given bytes, a function messages. @default none
   */
  readonly through?: readonly (Stage | NamedStage)[]
  /**
   * RxJS operators between pump and log: synchronous, at most one message out for one in; what they emit when they complete, and
   * when they are subscribed to, is besides. One that does otherwise fails the feed. @default none
   */
  readonly pipeline?: readonly (Operator | NamedOperator)[]
  /** When a source that is a function is asked again; false = never. @default after failures, unless the source says otherwise */
  readonly restart?: RestartOptions | false
}

/** The same with nothing left open. */
export interface SourceSettings {
  readonly source: SourceLike
  readonly rate: number
  readonly chunkBytes: number
  readonly through: readonly NamedStage[]
  readonly pipeline: readonly NamedOperator[]
  readonly restart: RestartSettings | undefined
}

const DEFAULT_CHUNK_BYTES = 16 * 1024
const MIN_RATE = 0.001
const MAX_RATE = 1e9

/** Undefined where there is no source. @throws SpillwayError `bad_option`, `bad_source`, `cannot_wait` */
export function sourceSettings(options: SourceOptions, name: string, feed: FeedSettings): SourceSettings | undefined {
  const { source, rate = 0, through = [], pipeline = [], restart } = options
  if (rate !== 0 && !(rate >= MIN_RATE && rate <= MAX_RATE)) {
    refuse(`${name}.rate`, `0 or messages per second from ${MIN_RATE} to ${MAX_RATE}`, rate)
  }
  const chunkBytes = options.chunkBytes ?? Math.min(DEFAULT_CHUNK_BYTES, feed.maxMessageBytes)
  if (!(Number.isInteger(chunkBytes) && chunkBytes > 0 && chunkBytes <= feed.maxMessageBytes)) {
    refuse(`${name}.chunkBytes`, `a whole number from 1 to ${feed.maxMessageBytes} (maxMessageBytes)`, chunkBytes)
  }
  if (options.chunkBytes !== undefined && feed.format !== 'binary') {
    refuse(`${name}.chunkBytes`, 'format binary beside it', feed.format)
  }
  const settings = {
    rate,
    chunkBytes,
    through: namedStages(through, `${name}.through`),
    pipeline: namedOperators(pipeline, `${name}.pipeline`),
    restart: undefined,
  }
  if (source === undefined) {
    if (rate > 0 || options.chunkBytes !== undefined)
      refuse(`${name}.source`, 'one beside rate or chunkBytes', undefined)
    for (const key of ['through', 'pipeline', 'restart'] as const) {
      if (options[key] !== undefined) refuse(`${name}.source`, `one beside ${key}`, undefined)
    }
    return undefined
  }
  checkSource(source)
  checkWaiting(source, name, feed, settings)
  return { ...settings, source, restart: restartOf(source, restart, settings.through, name) }
}

function restartOf(
  source: SourceLike,
  given: SourceOptions['restart'],
  through: readonly NamedStage[],
  name: string,
): RestartSettings | undefined {
  if (!isFunction(source)) {
    if (given === undefined || given === false) return undefined
    return refuse(`${name}.source`, 'a function beside restart, which can be asked again', source)
  }
  const options = given ?? source.restart ?? {}
  if (options === false) return undefined
  const spent = through.findIndex(({ stage }) => isDuplex(stage))
  if (spent >= 0) {
    const rule = 'a function that makes the Duplex, because it serves one run and the source may be restarted'
    refuse(`${name}.through[${spent}]`, rule, through[spent]!.name)
  }
  return restartSettings(options, `${name}.restart`)
}

/**
 * A source that cannot wait makes every option that holds it meaningless: better refused than ignored. Asked when the source is
 * attached, and of what a function gives when it gives it. @throws SpillwayError `cannot_wait`, `bad_option`
 */
export function checkWaiting(
  source: SourceLike,
  name: string,
  { overflow, allow, minClients }: FeedSettings,
  { rate, through }: Pick<SourceSettings, 'rate' | 'through'>,
): void {
  if (!canWait(source)) {
    const cannot = (what: string, rule: string, got: unknown): never => {
      const whole = `${rule}, because this source cannot wait`
      throw new SpillwayError('cannot_wait', expected(`${name}.${what}`, whole, got))
    }
    const others = OVERFLOWS.filter(policy => !POLICIES[policy].gates).join(' or ')
    if (POLICIES[overflow].gates) cannot('overflow', others, overflow)
    const gating = allow.filter(policy => POLICIES[policy].gates)
    if (gating.length > 0) cannot('allow', others, gating)
    if (minClients > 0) cannot('minClients', '0', minClients)
    if (rate > 0) cannot('rate', '0', rate)
  }
  if (isPush(source) && through.length > 0) {
    const rule = 'none on an Observable, which cannot wait for a stage: use pipeline, or an AsyncIterable'
    refuse(
      `${name}.through`,
      rule,
      through.map(stage => stage.name),
    )
  }
}

function refuse(what: string, rule: string, got: unknown): never {
  throw new SpillwayError('bad_option', expected(what, rule, got))
}
