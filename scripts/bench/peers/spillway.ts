/** The hub itself, as a program that embeds it would run it: `publish`, and nothing else. */
import { feedName, type Peer, PLAIN } from './peer.ts'

export const spillway: Peer = {
  title: 'Spillway',
  packages: ['ws'],
  wire: { ...PLAIN, path: (feed, from) => `/feeds/${feedName(feed)}${from === undefined ? '' : `?from=${from}`}` },
  async serve(server, options) {
    const { attach, Hub } = await import('../../../src/index.ts')
    const { Door } = await import('../../../src/server/admit.ts')
    const { metricsOf } = await import('../../../src/server/metrics.ts')
    const hub = new Hub(options.hub)
    const feeds = Array.from({ length: options.feeds }, (_, i) => hub.feed(feedName(i), options.feed))
    const first = feeds[0]!
    attach(hub, server)
    const metrics = metricsOf(hub, new Door(hub))
    server.on('request', (_, response) => void metrics.metrics().then(text => response.end(text)))
    return {
      publish: (payload, feed) => feeds[feed]!.publish({ payload }),
      clients: () => hub.clients.size,
      hub: {
        ready: () => first.ready(),
        imbalance: () =>
          hub
            .readers()
            .reduce(
              (sum, { account: a }) =>
                sum + Math.abs(a.published - a.taken - a.inFlight - a.skipped - a.conflated - a.queued),
              0,
            ),
        bound: () => hub.memoryBound().total,
        inFlightBytes: () => hub.readers().reduce((sum, { inFlightBytes }) => sum + inFlightBytes, 0),
        evicted: () => feeds.flatMap(({ evictions }) => [...evictions.values()]).reduce((sum, n) => sum + n, 0),
        confirmed: () => hub.readers().every(({ account }) => account.inFlight === 0 && account.queued === 0),
        position: () => first.position,
      },
    }
  },
}

/** The same without its window: what the window costs. */
export const off: Peer = {
  ...spillway,
  title: 'Spillway, window off',
  serve: (server, options) => spillway.serve(server, { ...options, hub: { targetDelayMs: 0, ...options.hub } }),
}
