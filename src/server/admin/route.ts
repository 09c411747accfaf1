/**
 * What a path of the admin API is, for whoever answers one: a row of the table in routes.ts, and what its handler is given. Parameters
 * are read by rules, so that an unknown or malformed one is told and never passed over.
 */
import type { Feed } from '../../feed.ts'
import type { Hub } from '../../hub.ts'
import type { Watch } from '../watch/watch.ts'
import type { Configuration } from './configuration.ts'
import { badRequest, Refused } from './refused.ts'

/** What the handlers share. */
export interface Office {
  readonly hub: Hub
  readonly watch: Watch
  readonly configuration: Configuration
  /** `GET /feeds` as text, for whoever came by this name. */
  status(host: string | undefined): Promise<string>
}

/** A request, as far as a handler needs it. */
export interface Asked {
  /** What stands in place of the words in capitals. */
  readonly words: readonly string[]
  readonly query: URLSearchParams
  readonly body: unknown
  /** From which address. */
  readonly by: string
  readonly host: string | undefined
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  /** Words in capitals stand for any. */
  readonly path: string
  /** Parameters of the query, and what each takes. */
  readonly query: Readonly<Record<string, string>>
  /** What the body is; empty if it takes none. */
  readonly body: string
  readonly help: string
  /** Answers with what becomes JSON, or a promise of it; a text is JSON already. @throws Refused, SpillwayError `bad_option` */
  readonly answer: (office: Office, asked: Asked) => unknown
}

/** A parameter that is one of these words. */
export function oneOf<W extends string>(query: URLSearchParams, name: string, words: readonly W[]): W | undefined {
  const given = query.get(name)
  const word = words.find(word => word === given)
  if (given !== null && word === undefined)
    throw badRequest(name, words.join(', ').replace(/, ([^,]*)$/, ' or $1'), given)
  return word
}

/** A parameter that is a whole number. */
export function whole(query: URLSearchParams, name: string, least: number, most: number): number | undefined {
  const given = query.get(name)
  if (given === null) return undefined
  const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
  if (value >= least && value <= most) return value
  throw badRequest(name, `a whole number from ${least} to ${most}`, given)
}

/** The feed that a parameter names. */
export function feedIn({ feeds }: Hub, query: URLSearchParams): string | undefined {
  return oneOf(query, 'feed', [...feeds.keys()])
}

/** The feed that a path names. */
export function feedOf({ feeds }: Hub, { words }: Asked): Feed {
  const feed = feeds.get(words[0]!)
  if (feed !== undefined) return feed
  throw new Refused(
    'not_found',
    `feed: expected ${[...feeds.keys()].join(', ') || 'none, because there are none'}, got ${JSON.stringify(words[0])}`,
  )
}
