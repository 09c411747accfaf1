/**
 * What a newcomer asks for, read from path and query and checked against the feed [PROTOCOL.md 2]: which feed, from where,
 * under which policy, at which rate, under which name. What breaks a rule is a Refusal: a close code, and a sentence with the
 * rule and the value.
 */
import type { IncomingMessage } from 'node:http'
import { expected } from '../errors.ts'
import type { ResumeOutcome } from '../events.ts'
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'
import { OVERFLOWS, type Overflow } from '../log/overflow.ts'
import type { Position } from '../log/position.ts'
import { CLOSE, type CloseCode, FROM_RULE, type From, formatPosition, LABEL_LENGTH, parseFrom } from '../protocol.ts'
import type { Joining } from '../reader.ts'

/** Why newcomers are not let in, and the close code that says so. */
export const REFUSALS = {
  closing: CLOSE.restart,
  'max-clients': CLOSE.overloaded,
  'no-feed': CLOSE.noSuchFeed,
  origin: CLOSE.notAllowed,
  policy: CLOSE.notAllowed,
  query: CLOSE.badRequest,
  ahead: CLOSE.badRequest,
  trimmed: CLOSE.positionGone,
  'other-epoch': CLOSE.positionGone,
} as const satisfies Readonly<Record<string, CloseCode>>
export type RefusalReason = keyof typeof REFUSALS

/** A newcomer that is not let in, and why. */
export class Refusal {
  readonly reason: RefusalReason
  readonly message: string

  constructor(reason: RefusalReason, message: string) {
    this.reason = reason
    this.message = message
  }

  get code(): CloseCode {
    return REFUSALS[this.reason]
  }
}

/** A newcomer that may listen. */
export interface Listening {
  readonly feed: Feed
  readonly joining: Joining
  readonly name: string
  /** It came back with a position, and goes on from there. */
  readonly resumes: boolean
}

const PATH = /^\/feeds\/([^/]*)$/
const PARAMETERS = ['from', 'overflow', 'maxRate', 'name']
const MAX_RATE = 1_000_000

export function readRequest(hub: Hub, request: IncomingMessage): Listening | Refusal {
  const url = request.url ?? ''
  const mark = url.indexOf('?')
  const [path, query] = mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)]
  const feed = feedAt(hub, path)
  if (feed instanceof Refusal) return feed
  const parameters = new URLSearchParams(query)
  for (const key of parameters.keys()) {
    if (parameters.getAll(key).length > 1) return badRequest(key, 'to be given once', parameters.getAll(key).join(', '))
    if (!PARAMETERS.includes(key)) return badRequest('query', `no parameters but ${PARAMETERS.join(', ')}`, key)
  }
  const from = parseFrom(parameters.get('from') ?? 'latest')
  if (from === undefined) return badRequest('from', FROM_RULE, parameters.get('from') ?? '')
  const at = start(feed, from)
  if (at instanceof Refusal) return at
  const overflow = policy(feed, parameters.get('overflow') ?? feed.settings.overflow)
  if (overflow instanceof Refusal) return overflow
  const maxRate = rate(overflow, parameters.get('maxRate'))
  if (maxRate instanceof Refusal) return maxRate
  const name = label(parameters.get('name') ?? '')
  return { feed, joining: { at, overflow, maxRate }, name, resumes: from.at === 'position' }
}

/** The feed that a path names. */
export function feedAt(hub: Hub, path: string): Feed | Refusal {
  const name = decode(PATH.exec(path)?.[1])
  const feed = name === undefined ? undefined : hub.feeds.get(name)
  if (feed !== undefined) return feed
  const known = [...hub.feeds.keys()].join(', ') || 'no feeds'
  return new Refusal('no-feed', expected('path', `/feeds/NAME with one of ${known}`, path.slice(0, 80)))
}

function start(feed: Feed, from: From): Position | Refusal {
  const { log } = feed
  switch (from.at) {
    case 'latest':
      return log.end
    case 'earliest':
      return log.tail
    case 'messages':
      return log.seekCount(log.count - from.back)
    case 'age':
      return log.seekTime(performance.now() - from.ms)
    case 'position':
      return resume(feed, from.epoch, from.offset)
  }
}

/** From where a client left off, if all that it has not had is still there. */
function resume({ log, resumes }: Feed, epoch: string, offset: number): Position | Refusal {
  const { head, tail } = log
  const refused = (reason: Exclude<ResumeOutcome, 'resumed'>, rule: string) => {
    resumes[reason]++
    return new Refusal(reason, expected('from', rule, formatPosition(epoch, offset)))
  }
  if (epoch !== log.epoch) return refused('other-epoch', `a position of epoch ${log.epoch}, now at ${head}`)
  if (offset < tail.offset) return refused('trimmed', `${tail.offset} (the tail) or later`)
  if (offset > head) return refused('ahead', `at most ${head} (the head)`)
  return log.seekOffset(offset)
}

function policy(feed: Feed, text: string): Overflow | Refusal {
  const overflow = OVERFLOWS.find(name => name === text)
  if (overflow === undefined) return badRequest('overflow', OVERFLOWS.join(', '), text)
  if (feed.settings.allow.includes(overflow)) return overflow
  const rule = `one of those feed ${feed.name} allows (${feed.settings.allow.join(', ')})`
  return new Refusal('policy', expected('overflow', rule, text))
}

function rate(overflow: Overflow, text: string | null): number | Refusal {
  if (text === null) return 0
  const value = text === '' ? Number.NaN : Number(text)
  if (!(value > 0 && value <= MAX_RATE))
    return badRequest('maxRate', `messages per second, more than 0 up to ${MAX_RATE}`, text)
  if (overflow === 'skip') return value
  return badRequest('maxRate', 'overflow=skip beside it, because what the rate leaves out is skipped', overflow)
}

/** Printable, and short enough for a table. */
function label(text: string): string {
  return [...text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '')].slice(0, LABEL_LENGTH).join('')
}

function decode(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text)
  } catch {
    return undefined
  }
}

function badRequest(what: string, rule: string, got: unknown): Refusal {
  return new Refusal('query', expected(what, rule, got))
}
