/**
 * What the hub says about itself: `GET /feeds`, once a second, one request at a time, and none while nobody looks. The
 * next poll is timed from the end of the last, so a slow hub is asked less often. Called once, by page.ts.
 */
const EVERY_MS = 1_000
const PATIENCE_MS = 5_000

/** A feed as `GET /feeds` tells it. */
export interface FeedReport {
  readonly name: string
  readonly format: 'text' | 'binary'
  readonly overflow: string
  readonly epoch: string
  readonly head: number
  readonly tail: number
  readonly published: number
  readonly readers: number
  /** Queued messages of the slowest reader. */
  readonly queuedMessages: number
  /** Why the source waits; null while it runs. */
  readonly paused: string | null
  /** Why the feed takes no more messages; null while it does. */
  readonly ending: string | null
  readonly logBytes: number
  readonly capacityBytes: number
}

/** A hub as `GET /feeds` tells it; what the page does not show is left out. */
export interface HubReport {
  readonly feeds: readonly FeedReport[]
  readonly clients: number
  readonly maxClients: number
  readonly memory: { readonly rssBytes: number; readonly boundBytes: number }
  readonly uptimeSeconds: number
}

/** Polls for as long as the page lives. `onReport` gets undefined when the hub does not answer. */
export async function poll(onReport: (report: HubReport | undefined) => void): Promise<never> {
  for (;;) {
    await visible()
    onReport(await ask())
    await new Promise(resolve => setTimeout(resolve, EVERY_MS))
  }
}

async function ask(): Promise<HubReport | undefined> {
  try {
    const response = await fetch('/feeds', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) })
    return response.ok ? ((await response.json()) as HubReport) : undefined
  } catch {
    return undefined // a hub that is restarting; the next poll tells
  }
}

async function visible(): Promise<void> {
  while (document.hidden) {
    await new Promise(resolve => document.addEventListener('visibilitychange', resolve, { once: true }))
  }
}
