/**
 * What a newcomer asks for, read from path and query and checked against the feed [PROTOCOL.md 2]: which feed, from where,
 * under which policy, at which rate, under which name. What breaks a rule is a Refusal: a close code, and a sentence with the
 * rule and the value.
 */
import type { IncomingMessage } from 'node:http'
import { expected } from '../errors.ts'
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'
import { OVERFLOWS, type Overflow } from '../log/overflow.ts'
import type { Position } from '../log/position.ts'
import { CLOSE, type CloseCode, FROM_RULE, formatPosition, LABEL_LENGTH, parseFrom } from '../protocol.ts'
import type { Joining } from '../reader.ts'

/** A newcomer that is not let in, and why. */
export class Refusal {
  readonly code: CloseCode
  readonly message: string

  constructor(code: CloseCode, message: string) {
    this.code = code
    this.message = message
  }
}

/** A newcomer that may listen. */
export interface Listening {
  readonly feed: Feed
  readonly joining: Joining
  readonly name: string
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
  const at = start(feed, parameters.get('from') ?? 'latest')
  if (at instanceof Refusal) return at
  const overflow = policy(feed, parameters.get('overflow') ?? feed.settings.overflow)
  if (overflow instanceof Refusal) return overflow
  const maxRate = rate(overflow, parameters.get('maxRate'))
  if (maxRate instanceof Refusal) return maxRate
  return { feed, joining: { at, overflow, maxRate }, name: label(parameters.get('name') ?? '') }
}

/** The feed that a path names. */
export function feedAt(hub: Hub, path: string): Feed | Refusal {
  const name = decode(PATH.exec(path)?.[1])
  const feed = name === undefined ? undefined : hub.feeds.get(name)
  if (feed !== undefined) return feed
  const known = [...hub.feeds.keys()].join(', ') || 'no feeds'
  return new Refusal(CLOSE.noSuchFeed, expected('path', `/feeds/NAME with one of ${known}`, path.slice(0, 80)))
}

function start(feed: Feed, text: string): Position | Refusal {
  const { log } = feed
  const from = parseFrom(text)
  if (from === undefined) return badRequest('from', FROM_RULE, text)
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
function resume({ log }: Feed, epoch: string, offset: number): Position | Refusal {
  const asked = formatPosition(epoch, offset)
  if (epoch !== log.epoch) {
    return new Refusal(
      CLOSE.positionGone,
      expected('from', `a position of epoch ${log.epoch}, now at ${log.head}`, asked),
    )
  }
  const { tail } = log
  if (offset < tail.offset) {
    return new Refusal(CLOSE.positionGone, expected('from', `${tail.offset} (the tail) or later`, asked))
  }
  if (offset > log.head) return badRequest('from', `at most ${log.head} (the head)`, asked)
  return log.seekOffset(offset)
}

function policy(feed: Feed, text: string): Overflow | Refusal {
  const overflow = OVERFLOWS.find(name => name === text)
  if (overflow === undefined) return badRequest('overflow', OVERFLOWS.join(', '), text)
  if (feed.settings.allow.includes(overflow)) return overflow
  const rule = `one of those feed ${feed.name} allows (${feed.settings.allow.join(', ')})`
  return new Refusal(CLOSE.notAllowed, expected('overflow', rule, text))
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
  return new Refusal(CLOSE.badRequest, expected(what, rule, got))
}
