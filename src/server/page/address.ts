/** Where clients connect: at the hub the page came from, or on the admin port at the feed port beside it. */

/** The address a plain client of any kind would use for this feed. */
export function addressOf(feed: string, clientsUrl?: string): string {
  const own = `${location.protocol === 'https:' ? 'wss:' : 'ws:'}//${location.host}`
  return `${(clientsUrl ?? own).replace(/\/+$/, '')}/feeds/${encodeURIComponent(feed)}`
}
