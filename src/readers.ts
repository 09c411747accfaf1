/**
 * The readers of a feed: who is there, what state each is in, and who has to know when that changes: the flush, which carries runs to
 * them; the judge, who watches those that are behind; the gate and the pace, for which a source waits. `feed.source` is where messages
 * come from, `feed.readers` where they go. Told by clients and the flush.
 *
 * What must stay true:
 * - A live reader is never judged: it had everything at the last flush, and what came since is not its fault.
 * - A reader holds the gate only after it has been below the low mark, and lets go of it before it is closed.
 */
import type { Carrier, Feed } from './feed.ts'
import { Judge } from './judge.ts'
import { POLICIES } from './log/overflow.ts'
import type { Run } from './log/segment.ts'
import { type Joining, Reader, type Sink } from './reader.ts'
import { Sampler } from './sampler.ts'

export class Readers implements Iterable<Reader> {
  /** The live readers, and among them some that are so no longer: the flush sorts those out as it goes. */
  readonly live: Reader[] = []

  readonly #feed: Feed
  readonly #carrier: Carrier
  readonly #judge: Judge
  readonly #sampler = new Sampler()
  readonly #all = new Set<Reader>()
  #stale = 0

  constructor(feed: Feed, carrier: Carrier) {
    this.#feed = feed
    this.#carrier = carrier
    this.#judge = new Judge(feed.log, feed.settings.lag, {
      skip: reader => feed.skip(reader, feed.log.newest, 'overflow'),
      evict: (reader, cause, detail) => feed.evict(reader, cause, detail),
    })
  }

  get size(): number {
    return this.#all.size
  }

  [Symbol.iterator](): Iterator<Reader> {
    return this.#all.values()
  }

  join(sink: Sink, joining: Joining): Reader {
    const now = performance.now()
    const { log, demand, accounts, ending } = this.#feed
    const reader = new Reader(this.#feed, sink, joining, now)
    this.#all.add(reader)
    accounts.joined(reader)
    if (reader.maxRate > 0) this.#sampler.add(reader)
    else if (joining.at.count === log.count) this.caughtUp(reader)
    else {
      this.#admitToGate(reader)
      this.#judge.watch(reader)
      this.#carrier.catchUp(reader)
    }
    demand.joined(this.#all.size, now)
    if (ending !== undefined) this.#carrier.dirty(this.#feed)
    return reader
  }

  /** Sends no more to a reader whose client is closing, and lets go of the gate. It still leaves when the socket is gone. */
  close(reader: Reader): void {
    if (reader.state === 'closed') return
    if (reader.state === 'live') this.#forgetLive()
    const { log, demand, accounts } = this.#feed
    reader.state = 'closed'
    reader.until = log.end
    accounts.stopped()
    if (reader.gating) demand.gate.release(reader)
    demand.evaluate(performance.now())
  }

  /** The client's socket is gone. */
  leave(reader: Reader): void {
    this.close(reader)
    if (this.#all.delete(reader)) this.#feed.accounts.leave(reader)
  }

  /** What a reader is sent next, undefined if it is at the head. One that is too far behind is judged first. */
  next(reader: Reader, now: number): Run | undefined {
    const { log } = this.#feed
    if (reader.state !== 'live' || log.overran(reader.cursor.at)) this.#judge.judge(reader, now)
    return reader.state === 'closed' ? undefined : log.run(reader.cursor.at)
  }

  /** The reader gets nothing more until it is told to go on: what is in flight fills its window, or, with `waits`, others come first. */
  full(reader: Reader, waits = false): void {
    reader.state = 'full'
    reader.waits = waits
    this.#judge.watch(reader)
  }

  /** Its answer is late: from now on it is judged, even while there is room in its window. */
  late(reader: Reader): void {
    reader.proven = false
    reader.late = true
    this.#judge.watch(reader)
  }

  /** A pong came: more of what was written is taken; `room` says whether there is room in the window. */
  confirmed(reader: Reader, room: boolean, now: number): void {
    reader.late = false
    if (reader.state === 'live') {
      reader.proven = true
      reader.softSince = 0
    }
    reader.progressedAt = now
    if (room) this.goOn(reader)
    this.#admitToGate(reader)
    const { demand } = this.#feed
    if (demand.cause !== undefined) demand.evaluate(now)
  }

  /**
   * What counts as confirmed has changed, because the client never answers or has answered at last: it has to earn its place at the
   * gate again, and cannot while it is only held back.
   */
  letGo(reader: Reader): void {
    if (reader.gating) this.#feed.demand.gate.release(reader)
    reader.gating = false
  }

  /** There is room in the window though nothing was confirmed: the client is one that never answers. */
  roomFor(reader: Reader, now: number): void {
    reader.progressedAt = now
    this.goOn(reader)
  }

  /** A live reader that others come before: it takes its turn with those that catch up. */
  fallBack(reader: Reader): void {
    reader.waits = true
    reader.state = 'catching'
    this.#judge.watch(reader)
    this.#carrier.catchUp(reader)
  }

  /** A reader that waits for an answer gets what there is room for. */
  goOn(reader: Reader): void {
    if (reader.state === 'full') this.#goOn(reader)
  }

  /** The socket did not take this run whole: it pins its bytes. */
  blocked(reader: Reader, run: Run): void {
    this.#feed.log.pin(run)
    reader.cursor.unfinished = run
    if (reader.state !== 'closed') reader.state = 'blocked'
    reader.waits = false
    this.#judge.watch(reader)
  }

  /** The unfinished write is over; `taken` says whether the socket has it, or was destroyed. */
  unblocked(reader: Reader, taken: boolean, now: number): void {
    const run = reader.cursor.unfinished
    if (run === undefined) return
    const { log, demand } = this.#feed
    log.unpin(run)
    if (!taken) return
    reader.cursor.unfinished = undefined
    reader.progressedAt = now
    if (reader.state === 'closed') return
    this.#goOn(reader)
    this.#admitToGate(reader)
    demand.progressed(reader)
    if (demand.cause !== undefined) demand.evaluate(now)
  }

  /** A reader has reached the head: from now on it gets what is published as it comes. */
  caughtUp(reader: Reader): void {
    reader.state = 'live'
    reader.settled = true
    reader.arrived = true
    reader.waits = false
    reader.softSince = 0 // live readers are not judged, so the judge would not notice
    if (reader.cursor.witness === 'socket') reader.proven = true
    this.live.push(reader)
    this.#admitToGate(reader)
    this.#feed.demand.progressed(reader)
  }

  /** Every live reader has been sent everything, or is not live any more. */
  flushed(now: number): void {
    const first = this.live[0]
    if (first !== undefined) this.#feed.demand.progressed(first)
    this.enforce(now)
  }

  /** Judges those that are behind, if one is over a limit. */
  enforce(now: number): void {
    this.#judge.enforce(this.#all, now)
  }

  /** Every 50 ms: those that asked for a rate, and those that are over a limit for a while. */
  tick(now: number): void {
    this.#sampler.tick(this.#feed, now)
    this.#judge.tick(this.#all, now)
  }

  /** The feed has other limits now. */
  limit(now: number): void {
    this.#judge.limit(this.#feed.settings.lag)
    this.#judge.tick(this.#all, now)
    for (const reader of this.#all) this.#admitToGate(reader)
  }

  #goOn(reader: Reader): void {
    if (reader.maxRate > 0) this.#sampler.add(reader)
    else {
      reader.state = 'catching'
      this.#carrier.catchUp(reader)
    }
  }

  #admitToGate(reader: Reader): void {
    if (
      reader.gating ||
      reader.state === 'closed' ||
      (reader.held && reader.cursor.mute) ||
      !POLICIES[reader.overflow].gates
    )
      return
    const { log, settings, demand } = this.#feed
    if (log.bytes - reader.confirmed.bytes > settings.lowBytes || log.overran(reader.cursor.at)) return
    reader.gating = true
    demand.gate.hold(reader)
  }

  /** A live reader closed outside the flush stays on the list; the list is cleaned when half of it is so. */
  #forgetLive(): void {
    if (this.#feed.listed || ++this.#stale < 64 || this.#stale < this.live.length / 2) return
    this.#stale = 0
    let kept = 0
    for (const reader of this.live) if (reader.state === 'live') this.live[kept++] = reader
    this.live.length = kept
  }
}
