/** `GET /feeds`: the hub at a glance, as JSON, for the page and for scripts. Measured when asked. */
import type { Feed } from '../feed.ts'
import type { Hub } from '../hub.ts'

export function statusOfHub(hub: Hub) {
  return {
    feeds: [...hub.feeds.values()].map(feedStatus),
    clients: hub.clients.size,
    maxClients: hub.settings.maxClients,
    memory: { usedBytes: process.memoryUsage.rss(), boundBytes: hub.memoryBound().total },
    uptimeSeconds: process.uptime(),
  }
}

function feedStatus(feed: Feed) {
  const { log, settings, demand } = feed
  let queuedMessages = 0
  for (const { cursor } of feed.readers) queuedMessages = Math.max(queuedMessages, log.count - cursor.at.count)
  return {
    name: feed.name,
    format: settings.format,
    overflow: settings.overflow,
    epoch: log.epoch,
    head: log.head,
    tail: log.tail.offset,
    published: log.count,
    publishedBytes: log.bytes,
    delivered: feed.totals().delivered,
    readers: feed.readers.size,
    queuedMessages,
    source: feed.source.state ?? null,
    restarts: feed.source.restarts,
    filtered: feed.source.filtered,
    paused: demand.cause ?? null,
    ending: feed.ending?.reason ?? null,
    logBytes: log.held,
    capacityBytes: settings.capacity.bytes,
  }
}
