/** `/feeds/NAME` of the admin port: a feed with its limits, how to change them, and dry runs of others. */
import { DryRun, type DryRunOptions } from '../../dry-run.ts'
import type { Feed } from '../../feed.ts'
import { LIMITS, type LimitChanges, lagLimitsOf, limitsOf } from '../../limits.ts'
import { feedStatus, who } from '../status.ts'
import { survey } from '../watch/survey.ts'
import { asObject } from './body.ts'
import { Refused } from './refused.ts'
import { type Asked, feedOf, type Office } from './route.ts'

export const DRY_RUN_OPTIONS = ['overflow', 'maxLag', 'softLag', 'softForMs', 'stallTimeoutMs'] as const

export async function tellFeed({ hub, watch }: Office, asked: Asked) {
  const feed = feedOf(hub, asked)
  // One opened since the last look is in none.
  const look = await watch.look()
  const { feeds } = look.feeds.has(feed) ? look : await survey(hub)
  return {
    ...feedStatus(feed, feeds.get(feed)!, watch.rates(feed), performance.now()),
    limits: limitsOf(feed.settings),
    dryRun: feed.dryRun === undefined ? null : dryRunStatus(feed.dryRun),
  }
}

/** All that is asked is changed, or nothing. */
export function changeLimits({ hub, configuration }: Office, asked: Asked) {
  const feed = feedOf(hub, asked)
  const changes = asObject(asked.body, LIMITS) as LimitChanges
  const before = limitsOf(feed.settings)
  feed.limit(changes)
  const limits = limitsOf(feed.settings)
  const changed = configuration.changed(feed, before, limits, asked.by)
  const told = Object.entries(changed).map(([option, [old, now]]) => `${option} ${written(old)} → ${written(now)}`)
  if (told.length > 0) {
    const fields = { event: 'limits-changed', feed: feed.name, by: asked.by, changed }
    hub.settings.logger.info(`feed ${feed.name}: limits are changed by ${asked.by}: ${told.join(', ')}`, fields)
  }
  return {
    feed: feed.name,
    changed: Object.fromEntries(Object.entries(changed).map(([option, [old, now]]) => [option, { before: old, now }])),
    limits,
  }
}

const written = (value: unknown) => (value === null ? 'none' : String(value))

export function beginDryRun({ hub }: Office, asked: Asked) {
  const feed = feedOf(hub, asked)
  feed.dryRun = new DryRun(feed, asObject(asked.body, DRY_RUN_OPTIONS) as DryRunOptions)
  const fields = { event: 'dry-run-begun', feed: feed.name, by: asked.by }
  hub.settings.logger.info(`feed ${feed.name}: a dry run is begun by ${asked.by}`, fields)
  return { feed: feed.name, ...dryRunStatus(feed.dryRun) }
}

export function tellDryRun({ hub }: Office, asked: Asked) {
  const feed = feedOf(hub, asked)
  return { feed: feed.name, ...dryRunStatus(runOf(feed)) }
}

/** Its last word. */
export function endDryRun({ hub }: Office, asked: Asked) {
  const feed = feedOf(hub, asked)
  const run = runOf(feed)
  feed.dryRun = undefined
  const fields = { event: 'dry-run-ended', feed: feed.name, by: asked.by }
  hub.settings.logger.info(`feed ${feed.name}: the dry run is ended by ${asked.by}`, fields)
  return { feed: feed.name, ...dryRunStatus(run) }
}

function runOf({ dryRun, name }: Feed): DryRun {
  if (dryRun !== undefined) return dryRun
  throw new Refused('not_found', `feed ${name}: expected a dry run, begun with PUT /feeds/${name}/dry-run, got none`)
}

function dryRunStatus(run: DryRun) {
  const { since, overflow, limits, stallTimeoutMs, evictions, skipped, worst } = run
  return {
    since,
    imagined: { overflow, ...lagLimitsOf(limits), stallTimeoutMs: stallTimeoutMs === 0 ? null : stallTimeoutMs },
    evicted: { total: Object.values(evictions).reduce((sum, n) => sum + n, 0), ...evictions },
    skipped,
    worst: worst.map(({ client, ...found }) => ({ id: client.id, ...who(client), ...found })),
  }
}
