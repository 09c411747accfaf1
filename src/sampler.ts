/**
 * Readers that asked for a rate (`?maxRate=2`): on each turn of the wheel they get the newest messages that their rate
 * allows, and pass over those in between. They are outside the flush, so that they cost it nothing, and are not judged: they
 * fall behind on purpose. What they pass over is a gap like any other, with the reason `rate`.
 */
import type { Feed } from './feed.ts'
import type { Reader } from './reader.ts'

export class Sampler {
  readonly #readers = new Set<Reader>()
  #last = 0

  /** From now on this reader is served here, until it is closed. */
  add(reader: Reader): void {
    reader.state = 'sampled'
    this.#readers.add(reader)
  }

  tick(feed: Feed, now: number): void {
    const seconds = (now - this.#last) / 1_000
    this.#last = now
    for (const reader of this.#readers) {
      if (reader.state === 'closed') this.#readers.delete(reader)
      reader.credit = Math.min(Math.max(1, reader.maxRate), reader.credit + reader.maxRate * seconds)
      if (reader.state === 'sampled') serve(feed, reader)
    }
  }
}

function serve(feed: Feed, reader: Reader): void {
  const { log } = feed
  const { cursor } = reader
  const most = Math.floor(reader.credit)
  if (log.overran(cursor.at)) feed.skip(reader, log.tail, 'overflow')
  if (most > 0 && log.count - cursor.at.count > most) feed.skip(reader, log.seekCount(log.count - most), 'rate')
  while (reader.credit >= 1) {
    const run = log.run(cursor.at)
    if (run === undefined) break
    const { count } = cursor.at
    reader.sink.write(reader, run)
    reader.credit -= cursor.at.count - count
    if (reader.state !== 'sampled') return
  }
  if (feed.ending !== undefined && cursor.at.count === log.count) reader.sink.finish(reader)
}
