/**
 * The page of a hub: polls it, keeps the cards, and shows the feed that the address names (`#NAME`; without one, the
 * first). This module only connects the others: poll.ts asks, cards.ts and live.ts draw, listen.ts is the reader. Runs in
 * the browser as it is compiled, a native module without a bundler or a package.
 */
import { Cards } from './cards.ts'
import { byId, setText } from './draw.ts'
import { bytes, count, duration } from './format.ts'
import { Live } from './live.ts'
import { type HubReport, poll } from './poll.ts'

const cards = new Cards(byId('cards'))
const live = new Live()
let last: HubReport | undefined

/** Shows the feed in the address; called when it changes and at each poll, since the first feed may appear later. */
function select(): void {
  const feed = location.hash.slice(1) || last?.feeds[0]?.name
  if (feed === undefined) return
  document.title = `${feed} · Spillway`
  cards.select(feed)
  live.show(feed)
  live.report(last?.feeds.find(({ name }) => name === feed))
}

function show(report: HubReport | undefined): void {
  const state = byId('hub-state')
  state.setAttribute('data-state', report === undefined ? 'away' : 'here')
  setText(
    state,
    report === undefined ? 'The hub does not answer. The figures are the last it gave; asking again every second.' : '',
  )
  if (report === undefined) return
  last = report
  const { memory, clients, maxClients, uptimeSeconds, feeds } = report
  const share = memory.boundBytes > 0 ? memory.rssBytes / memory.boundBytes : 0
  setText(byId('clients'), count(clients))
  setText(byId('max-clients'), `of ${count(maxClients)}`)
  setText(byId('uptime'), duration(uptimeSeconds))
  setText(byId('memory-used'), bytes(memory.rssBytes))
  setText(byId('memory-bound'), `of ${bytes(memory.boundBytes)}`)
  byId('memory').setAttribute('width', (Math.min(1, share) * 100).toFixed(1)) // beside the same as text
  setText(byId('feed-count'), count(feeds.length))
  byId('no-feeds').hidden = feeds.length > 0
  cards.update(feeds, performance.now())
  select()
}

// the skip link moves the focus itself: its fragment would be taken for the name of a feed
byId('skip').addEventListener('click', event => {
  event.preventDefault()
  byId('live').focus()
})
addEventListener('hashchange', select)
select()
await poll(show)
