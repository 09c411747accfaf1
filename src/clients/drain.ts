/**
 * The end of a hub: clients are closed with 1012 one by one, spread over the deadline, so that ten thousand of them do not
 * come back in the same second. Each goes when its time has come and it has everything; who does not have it by the deadline
 * goes then, and who does not answer the close frame is terminated after the grace.
 */
import { CLOSE } from '../protocol.ts'
import type { Client } from './client.ts'

const STEP_MS = 20
/** The share of the deadline over which closes are spread; the rest is for those who still read. */
const SPREAD = 0.8
/** Clients are told to come back after 1 to so many seconds. */
const RETRY_SECONDS = 5

/** How a drain went. */
export interface Drained {
  readonly clients: number
  /** Those that had not taken everything when they were closed. */
  readonly owing: number
  readonly ms: number
}

/** Resolves when every client is gone; aborting `hurry` terminates those that are left. */
export async function drain(
  clients: ReadonlySet<Client>,
  drainMs: number,
  graceMs: number,
  hurry: AbortSignal,
): Promise<Drained> {
  const started = performance.now()
  let owing = 0
  const order = shuffled([...clients])
  let waiting = order.map((client, i) => ({ client, due: started + (i / order.length) * drainMs * SPREAD }))
  const deadline = started + drainMs
  const lastStand = deadline + graceMs + 1_000
  await new Promise<void>(resolve => {
    const step = () => {
      const now = performance.now()
      if (hurry.aborted || now > lastStand) for (const client of clients) client.terminate()
      waiting = waiting.filter(({ client, due }) => {
        const { served } = client
        if (now < deadline && (now < due || !served)) {
          if (now >= due) client.hurry() // it may have everything, and nobody asked
          return true
        }
        if (!served) owing++
        leave(client)
        return false
      })
      if (clients.size > 0) return
      clearInterval(timer)
      resolve()
    }
    const timer = setInterval(step, STEP_MS)
    step()
  })
  return { clients: order.length, owing, ms: performance.now() - started }
}

function leave(client: Client): void {
  client.close(CLOSE.restart, `restarting; retry=${1 + Math.floor(Math.random() * RETRY_SECONDS)}s`)
}

function shuffled<T>(items: T[]): T[] {
  for (let i = items.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1))
    const swap = items[i]!
    items[i] = items[j]!
    items[j] = swap
  }
  return items
}
