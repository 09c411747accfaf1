/** The admin API, path by path. What answers, what docs/admin.md says of it and what `Allow` names are this table. */

import { IMAGINED } from '../../dry-run.ts'
import { LIMITS } from '../../limits.ts'
import { READER_STATES } from '../../reader.ts'
import { CLOSED } from '../watch/watch.ts'
import { evictClient, listClients, listClosed, MOST_CLIENTS, SORTS, tellClient } from './clients.ts'
import { beginDryRun, changeLimits, DRY_RUN_OPTIONS, endDryRun, tellDryRun, tellFeed } from './feeds.ts'
import { badRequest, Refused } from './refused.ts'
import type { Asked, Office, Route } from './route.ts'

const FEED = 'the name of a feed'

export const ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/clients',
    query: {
      sort: `${Object.keys(SORTS).join(', ')}; lag without`,
      order: 'desc or asc; desc without',
      feed: FEED,
      state: READER_STATES.join(', '),
      limit: `1 to ${MOST_CLIENTS}; 100 without`,
    },
    body: '',
    help: 'Clients, the worst first: who they are, position, lag, queued, in flight, window, headroom, account, and of the slowest 50 a minute of data ages. `total` is how many there are of them.',
    answer: listClients,
  },
  {
    method: 'GET',
    path: '/clients/ID',
    query: {},
    body: '',
    help: 'One of them.',
    answer: tellClient,
  },
  {
    method: 'POST',
    path: '/clients/ID/evict',
    query: {},
    body: '`reason`: what the client is told, at most 123 bytes; may be left out, and so may the body',
    help: 'Closes it with 4408, and answers with the client as it was. Counted as `operator`, logged with who asked.',
    answer: evictClient,
  },
  {
    method: 'GET',
    path: '/closed',
    query: { feed: FEED, code: 'a close code', limit: `1 to ${CLOSED}; 100 without` },
    body: '',
    help: `The last ${CLOSED} clients that have left, the newest first: code, reason, who closed (hub, client, network), outcome, cause, final account.`,
    answer: listClosed,
  },
  {
    method: 'GET',
    path: '/feeds',
    query: {},
    body: '',
    help: 'The document of the feed port, with who clients are, 50 of the slowest and 100 that have left; what the page shows.',
    answer: ({ status }, { host }) => status(host),
  },
  {
    method: 'GET',
    path: '/feeds/NAME',
    query: {},
    body: '',
    help: 'One feed, with its limits and its dry run.',
    answer: tellFeed,
  },
  {
    method: 'PATCH',
    path: '/feeds/NAME/limits',
    query: {},
    body: `any of ${LIMITS.map(name => `\`${name}\``).join(', ')}, in the units of the library; null is the default again`,
    help: 'Changes limits at once, also for those that are there: by the rules of the start, all of it or nothing. Logged with who asked.',
    answer: changeLimits,
  },
  {
    method: 'GET',
    path: '/feeds/NAME/dry-run',
    query: {},
    body: '',
    help: 'What the dry run has found: how many different readers would have been evicted since it began, by reason, how many moved on by `skip`, and the 20 with the largest lag.',
    answer: tellDryRun,
  },
  {
    method: 'PUT',
    path: '/feeds/NAME/dry-run',
    query: {},
    body: `any of ${DRY_RUN_OPTIONS.map(name => `\`${name}\``).join(', ')}; \`overflow\` is ${IMAGINED.join(' or ')}; the rest is as the feed has it`,
    help: 'Begins a dry run, instead of the one there may be. Nobody is touched.',
    answer: beginDryRun,
  },
  {
    method: 'DELETE',
    path: '/feeds/NAME/dry-run',
    query: {},
    body: '',
    help: 'Ends it, and answers with what it has found.',
    answer: endDryRun,
  },
  {
    method: 'GET',
    path: '/config',
    query: {},
    body: '',
    help: 'The effective configuration: every option, its value, where that came from, and what was changed since, when and by whom. Secrets are hidden.',
    answer: ({ configuration }) => configuration.told(),
  },
]

/** The methods that a path takes; none if there is no such path. */
export function methodsOf(path: string): readonly Route['method'][] {
  return ROUTES.filter(route => wordsIn(route, path) !== undefined).map(({ method }) => method)
}

/** @throws Refused, SpillwayError `bad_option` */
export function answerTo(office: Office, method: string, path: string, asked: Omit<Asked, 'words'>): unknown {
  for (const route of ROUTES) {
    const words = route.method === method ? wordsIn(route, path) : undefined
    if (words === undefined) continue
    checkQuery(route, asked.query)
    if (route.body === '' && asked.body !== undefined) throw badRequest('body', 'none', asked.body)
    return route.answer(office, { ...asked, words })
  }
  throw new Refused('internal', `${method} ${path} has no answer`)
}

/** What stands in the path where the route has words in capitals; undefined if it is another path. */
function wordsIn({ path }: Route, asked: string): readonly string[] | undefined {
  const [own, given] = [path.split('/'), asked.split('/')]
  if (own.length !== given.length) return undefined
  const words: string[] = []
  for (const [i, part] of own.entries()) {
    const word = decoded(given[i]!)
    if (/^[A-Z]+$/.test(part)) words.push(word)
    else if (part !== word) return undefined
  }
  return words
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function checkQuery({ query }: Route, given: URLSearchParams): void {
  const known = Object.keys(query)
  for (const name of given.keys()) {
    if (!known.includes(name))
      throw badRequest('query', known.length === 0 ? 'none' : `no parameters but ${known.join(', ')}`, name)
    if (given.getAll(name).length > 1) throw badRequest(name, 'to be given once', given.getAll(name).join(', '))
  }
}
