/** Where clients connect: at the hub the page came from, or on the admin port at the feed port beside it. */
import type { FeedReport, HubReport } from './report.ts'

/** The address a plain client of any kind would use for this feed; undefined where the hub does not know it. */
export function addressOf(feed: string, clientsUrl: HubReport['clientsUrl']): string | undefined {
  if (clientsUrl === null) return undefined
  const own = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}`
  return `${(clientsUrl ?? own).replace(/\/+$/, '')}/feeds/${encodeURIComponent(feed)}`
}

/** What the page's own readers that are not slow ask for: under `pause` a page whose laptop sleeps would hold the source for everybody. */
export function queryOf({ overflow, policies }: FeedReport, name: string): string {
  return new URLSearchParams({
    name,
    ...(overflow === 'pause' && policies.includes('skip') ? { overflow: 'skip' } : {}),
  }).toString()
}
