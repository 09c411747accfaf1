/**
 * The flush: once per event-loop turn, what was published goes to the sockets. One for a hub.
 *
 * Live readers first: all of a feed stand at the same place, so one run serves them and the loop below is all that a
 * delivery costs. A feed that has more than a slice for them goes on for `BUDGET_MS` and then lets the loop turn. Then those
 * that are catching up, in two rotations, each under a budget of its own: first those who have kept up before and are not far
 * from the head, such as one whose socket was full for a moment; then everybody else, such as a thundering resume, thousands who
 * have never answered, or a reader an hour behind. So these delay nobody.
 *
 * It runs in setImmediate, after the turn's I/O, and asks for the next turn only when work is left.
 */
import type { Carrier, Feed } from '../feed.ts'
import type { Position } from '../log/position.ts'
import type { Run } from '../log/segment.ts'
import { SLICE_BYTES } from '../log/sizes.ts'
import type { Reader } from '../reader.ts'
import { Rotation } from './rotation.ts'
import { Timing } from './timing.ts'

const BUDGET_MS = 2
/** What one may miss that was held up for a moment. */
const NEAR_BYTES = 8 * SLICE_BYTES

export class Flush implements Carrier {
  readonly timing = new Timing()

  readonly #run = (): void => this.#turn()
  #dirty: Feed[] = []
  readonly #near = new Rotation()
  readonly #far = new Rotation()
  readonly #slice = (reader: Reader, now: number): number => this.#serve(reader, now)
  #scheduled: NodeJS.Immediate | undefined

  dirty(feed: Feed): void {
    if (feed.listed) return
    feed.listed = true
    this.#dirty.push(feed)
    this.#schedule()
  }

  flushNow(feed: Feed): void {
    const { listed } = feed
    feed.listed = true
    while (pass(feed, performance.now(), this.timing)) {}
    this.timing.flushed(feed)
    feed.listed = listed
    feed.flushedInline(performance.now())
    if (!listed) this.dirty(feed)
  }

  catchUp(reader: Reader): void {
    this.#push(reader)
    this.#schedule()
  }

  /** Writes what can be written and asks for no further turn. */
  stop(): void {
    if (this.#scheduled !== undefined) clearImmediate(this.#scheduled)
    this.#scheduled = undefined
    this.#dirty = []
    this.#near.clear()
    this.#far.clear()
  }

  #schedule(): void {
    this.#scheduled ??= setImmediate(this.#run)
  }

  #turn(): void {
    this.#scheduled = undefined
    const started = performance.now()
    const feeds = this.#dirty
    this.#dirty = []
    for (const feed of feeds) this.#flush(feed, started)
    this.#near.turn(this.#slice)
    this.#far.turn(this.#slice)
    this.timing.turns.add((performance.now() - started) / 1_000)
    if (this.#dirty.length > 0 || !this.#near.empty || !this.#far.empty) this.#schedule()
  }

  #flush(feed: Feed, started: number): void {
    let now = started
    while (pass(feed, now, this.timing)) {
      now = performance.now()
      if (now - started < BUDGET_MS) continue
      this.#dirty.push(feed)
      return
    }
    feed.listed = false
    this.timing.flushed(feed)
    settle(feed, now)
  }

  #push(reader: Reader): void {
    const near = reader.proven && reader.feed.log.bytes - reader.cursor.at.bytes <= NEAR_BYTES
    const rotation = near ? this.#near : this.#far
    rotation.push(reader)
  }

  /** One slice for one reader that is catching up. */
  #serve(reader: Reader, now: number): number {
    if (reader.state !== 'catching') return 0
    const { feed, sink } = reader
    const run = feed.readers.next(reader, now)
    if (run !== undefined) {
      sink.write(reader, run)
      this.timing.wrote(run, 1)
    }
    // Read anew: writing or judging may have changed it.
    if ((reader.state as Reader['state']) !== 'catching') return run?.bytes.length ?? 0
    if (reader.cursor.at.count < feed.log.count) this.#push(reader)
    else if (feed.ending !== undefined) sink.finish(reader)
    else feed.readers.caughtUp(reader)
    return run?.bytes.length ?? 0
  }
}

/** One run for each live reader. Returns whether any of them is still behind. */
function pass(feed: Feed, now: number, timing: Timing): boolean {
  const { live } = feed.readers
  const { end } = feed.log
  let from: Position | undefined
  let run: Run | undefined
  let behind = false
  let kept = 0
  let written = 0
  for (let i = 0; i < live.length; i++) {
    const reader = live[i]!
    if (reader.state !== 'live') continue
    if (reader.cursor.at !== from) {
      if (run !== undefined) timing.wrote(run, written)
      written = 0
      run = feed.readers.next(reader, now)
      // One that was closed because the tail has passed it says nothing about the next one at its place.
      from = (reader.state as Reader['state']) === 'closed' ? undefined : reader.cursor.at
      if (run !== undefined && run.to.count < end.count) behind = true
    }
    if (run !== undefined) {
      reader.sink.write(reader, run)
      written++
    }
    if (reader.state === 'live') live[kept++] = reader
  }
  live.length = kept
  if (run !== undefined) timing.wrote(run, written)
  return behind && kept > 0
}

/** The live readers have everything: demand may open, and on a feed that has ended they are done. */
function settle(feed: Feed, now: number): void {
  feed.flushed(now)
  if (feed.ending === undefined) return
  for (const reader of feed.readers.live.splice(0)) reader.sink.finish(reader)
}
