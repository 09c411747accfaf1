/**
 * The wheel turns every 50 ms: pings that are due, each feed's limits, the clock of its gate, its demand; and the ceiling over
 * pinned bytes.
 * Where nobody is over a limit a turn costs a comparison or two a feed. It does not keep the process alive.
 */
import type { Feed } from '../feed.ts'
import type { Client } from './client.ts'
import { latenessOf } from './late.ts'
import type { Windows } from './windows.ts'

const WHEEL_MS = 50

export interface WheelOptions {
  readonly feeds: Iterable<Feed>
  readonly clients: Iterable<Client>
  readonly windows: Windows | undefined
  /** What unfinished writes may keep alive outside the logs, in bytes, beyond each feed's own allowance. */
  readonly pinnedBytesMost: () => number
}

/** Starts the wheel; returns how to stop it. */
export function startWheel(options: WheelOptions): () => void {
  const lateness = latenessOf(WHEEL_MS)
  const timer = setInterval(() => {
    const now = performance.now()
    options.windows?.pings.ask(now)
    if (lateness(now)) return
    options.windows?.turn(now)
    for (const feed of options.feeds) feed.tick(now)
    unpin(options)
  }, WHEEL_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/**
 * A slice in a stuck socket pins its bytes; with messages larger than a slice that could be more than the printed bound. Past
 * the ceiling the largest holders are closed, at once and not after the grace: their bytes are what we need back.
 */
function unpin({ feeds, clients, pinnedBytesMost }: WheelOptions): void {
  let pinned = 0
  for (const feed of feeds) pinned += feed.log.pinned
  const most = pinnedBytesMost()
  if (pinned <= most) return
  const holders = [...clients].filter(({ reader }) => reader.cursor.unfinished?.block.detached === true)
  holders.sort((a, b) => b.reader.cursor.unfinished!.block.size - a.reader.cursor.unfinished!.block.size)
  for (const { reader } of holders) {
    if (pinned <= most) return
    const { size } = reader.cursor.unfinished!.block
    reader.feed.evict(reader, 'pinned', `an unfinished write keeps ${size} bytes alive`)
    pinned -= size
  }
}
