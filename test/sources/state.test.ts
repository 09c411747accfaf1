/** What a source does, told three ways that agree: `feed.source`, `/metrics` and `GET /feeds`; and what happens to it, by events. */
import { expect, test } from 'vitest'
import { type HubEvent, SOURCE_STATES } from '../../src/events.ts'
import { startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

test('the state of a source is the same in feed.source, /metrics and GET /feeds, and what happened is told', async () => {
  const { hub, url } = await startHub()
  const events: HubEvent[] = []
  hub.events$.subscribe(event => {
    // It is held for want of clients, which is no state of a source.
    if (event.type !== 'source-paused') events.push(event)
  })
  const flood = () => {
    throw new Error('the cellar is flooded')
  }
  const open = () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) })
  const none = async function* () {}
  hub.feed('waiting', { source: open(), minClients: 1 })
  hub.feed('running', { source: open() })
  hub.feed('restarting', { source: flood, restart: { minMs: 60_000, maxMs: 60_000 } })
  hub.feed('ended', { source: none() })
  hub.feed('failed', { source: flood, restart: false })
  hub.feed('published')
  const feeds = [...hub.feeds.values()]
  await until('each to be what it is called', () =>
    feeds.every(({ name, source }) => name === (source.state ?? 'published')),
  )
  expect(feeds.map(({ source }) => source.error)).toEqual(
    feeds.map(({ name }) => (name === 'restarting' || name === 'failed' ? 'the cellar is flooded' : undefined)),
  )

  const metrics = await (await fetch(`${url}metrics`)).text()
  for (const { name } of feeds) {
    for (const state of SOURCE_STATES) {
      expect(metrics).toContain(`spillway_source_state{feed="${name}",state="${state}"} ${name === state ? 1 : 0}\n`)
    }
    expect(metrics).toContain(`spillway_source_restarts_total{feed="${name}"} ${name === 'restarting' ? 1 : 0}\n`)
    expect(metrics).toContain(`spillway_source_failures_total{feed="${name}"} ${name === 'failed' ? 1 : 0}\n`)
  }

  const status = (await (await fetch(`${url}feeds`)).json()) as { feeds: { name: string; source: string | null }[] }
  for (const { name, source } of status.feeds) expect(source).toBe(name === 'published' ? null : name)

  await until('all to be told', () => events.length === 5)
  const told = events.map(event => `${event.type} ${(event as { feed: string }).feed}`)
  expect(told.sort()).toEqual([
    'source-ended ended',
    'source-failed failed',
    'source-restarting restarting',
    'source-running ended',
    'source-running running',
  ])
})
