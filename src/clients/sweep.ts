/**
 * The sweep comes once a second: logs let go of what is too old, silent clients are asked and, if they stay silent, found
 * to be gone; windows that are larger than needed decay. It does not keep the process alive.
 */
import type { Feed } from '../feed.ts'
import type { Client } from './client.ts'
import { latenessOf } from './late.ts'
import type { Windows } from './windows.ts'

const SWEEP_MS = 1_000

export interface SweepOptions {
  readonly feeds: Iterable<Feed>
  readonly clients: Iterable<Client>
  readonly windows: Windows | undefined
}

/** Starts the sweep; returns how to stop it. */
export function startSweep({ feeds, clients, windows }: SweepOptions): () => void {
  const lateness = latenessOf(SWEEP_MS)
  const timer = setInterval(() => {
    const now = performance.now()
    if (lateness(now)) return
    for (const feed of feeds) feed.log.trim(now)
    for (const client of clients) client.sweep(now)
    windows?.sweep(clients, now)
  }, SWEEP_MS)
  timer.unref()
  return () => clearInterval(timer)
}
