/** A hub on a free port, with real sockets around it, that is gone when the test is over. */
import { Hub, type HubOptions, type Logger, type ServeOptions, type Serving, serve } from '../../src/index.ts'
import { RawClient, type RawOptions } from './raw-client.ts'
import { onTestFinished } from './together.ts'

export interface Served {
  readonly hub: Hub
  readonly serving: Serving
  readonly port: number
  readonly url: string
  /** What the hub logged. */
  readonly lines: string[]
  /** Connects to a path; the client is gone when the test is over. */
  client(path: string, options?: RawOptions): Promise<RawClient>
}

export async function startHub(options: HubOptions = {}, serving: ServeOptions = {}): Promise<Served> {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  const logger: Logger = { info: write, warn: write, error: write }
  const hub = new Hub({ logger, evictGraceMs: 200, ...options })
  const served = await serve(hub, { port: 0, ...serving })
  const { url } = served
  const clients: RawClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.destroy()
    await served.close({ drainMs: 0 })
  })
  const port = Number(new URL(url).port)
  return {
    hub,
    serving: served,
    port,
    url,
    lines,
    async client(path, rawOptions) {
      const client = await RawClient.open(port, path, rawOptions)
      clients.push(client)
      return client
    },
  }
}

/** Fails unless every reader's account adds up to what was published since it joined. */
export function balance(hub: Hub): void {
  for (const { client, account: a } of hub.readers()) {
    const sum = a.taken + a.inFlight + a.skipped + a.conflated + a.queued + a.unknown + a.undelivered
    if (sum !== a.published) throw new Error(`the account of client ${client.id} is off: ${JSON.stringify(a)}`)
  }
}
