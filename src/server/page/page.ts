/**
 * The page of a hub: polls it, and gives what comes to those who draw: the head, the cards, the panel of the feed that the
 * address names (`#NAME`; without one, the first), the slowest, the log of those who left, the live view, the demonstration.
 * This module only connects them. Runs in the browser as it is compiled, native modules without a bundler or a package.
 */
import { Cards } from './cards.ts'
import { ClosedLog } from './closed.ts'
import { Demonstration } from './demonstration.ts'
import { Door } from './door.ts'
import { byId } from './draw.ts'
import { Evictor } from './evict.ts'
import { FeedPanel } from './feed.ts'
import { Head } from './head.ts'
import { Live } from './live.ts'
import { Minutes } from './minute.ts'
import { Poll } from './poll.ts'
import type { HubReport } from './report.ts'
import { Slowest } from './slowest.ts'

const door = new Door()
const poll = new Poll(door, show)
const minutes = new Minutes()
const head = new Head()
const cards = new Cards(byId('cards'), minutes)
const panel = new FeedPanel()
const evictor = new Evictor(door, () => poll.soon())
const slowest = new Slowest(client => evictor.ask(client))
const closed = new ClosedLog()
const live = new Live()
const demonstration = new Demonstration(minutes, running => poll.watchClosely(running))
let last: HubReport | undefined

/** Shows the feed in the address; called when it changes and at each poll, since the first feed may appear later. */
function select(): void {
  const name = nameInAddress() || last?.feeds[0]?.name
  if (name === undefined || last === undefined) return
  const feed = last.feeds.find(feed => feed.name === name)
  document.title = `${name} · Spillway`
  cards.select(name)
  live.show(name, feed, last.clientsUrl)
  byId('feed').hidden = feed === undefined
  if (feed !== undefined) panel.update(feed, minutes.of(name))
}

function nameInAddress(): string {
  try {
    return decodeURIComponent(location.hash.slice(1))
  } catch {
    return location.hash.slice(1)
  }
}

function show(report: HubReport | undefined): void {
  head.update(report)
  if (report === undefined) return
  last = report
  document.body.setAttribute('data-admin', String(report.admin))
  minutes.add(report.feeds, performance.now())
  cards.update(report.feeds)
  slowest.update(report)
  closed.update(report)
  demonstration.update(report.feeds, report.clientsUrl)
  select()
}

// the skip link moves the focus itself: its fragment would be taken for the name of a feed
byId('skip').addEventListener('click', event => {
  event.preventDefault()
  byId('feed').focus()
})
// what scrolls, the keyboard must reach
for (const scroll of document.querySelectorAll<HTMLElement>('.scroll')) scroll.tabIndex = 0
addEventListener('hashchange', select)
await poll.run()
