/** A hub with its admin port, and requests exactly as they are written. */
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { onTestFinished } from 'vitest'
import { type AdminOptions, Hub, type HubOptions, type Logger, serve, serveAdmin } from '../../src/index.ts'
import { RawClient, type RawOptions } from './raw-client.ts'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  // biome-ignore lint/suspicious/noExplicitAny: what JSON is
  readonly json: any
}

export interface Asking {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

/** A body that is no text is sent as JSON. */
export async function ask(
  port: number,
  path: string,
  { method = 'GET', headers = {}, body }: Asking = {},
): Promise<Answer> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body)
  const type = text === undefined ? {} : { 'Content-Type': 'application/json' }
  const sent = request({ port, path, method, headers: { ...type, ...headers }, agent: false }).end(text)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  response.setEncoding('utf8')
  let answered = ''
  for await (const part of response) answered += part
  const isJson = response.headers['content-type'] === 'application/json' && answered !== ''
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    body: answered,
    json: isJson ? JSON.parse(answered) : undefined,
  }
}

export interface Administered {
  readonly hub: Hub
  /** Of the clients. */
  readonly port: number
  readonly adminPort: number
  readonly lines: string[]
  client(path: string, options?: RawOptions): Promise<RawClient>
  /** Asks the admin port. */
  admin(path: string, asking?: Asking): Promise<Answer>
}

export async function startAdmin(options: HubOptions = {}, adminOptions: AdminOptions = {}): Promise<Administered> {
  const lines: string[] = []
  const write = (line: string) => void lines.push(line)
  const logger: Logger = { info: write, warn: write, error: write }
  const hub = new Hub({ logger, evictGraceMs: 200, ...options })
  const serving = await serve(hub, { port: 0 })
  const admin = await serveAdmin(hub, { port: 0, serving, ...adminOptions })
  const clients: RawClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.destroy()
    await serving.close({ drainMs: 0 })
    await admin.close()
  })
  const port = Number(new URL(serving.url).port)
  const adminPort = Number(new URL(admin.url).port)
  return {
    hub,
    port,
    adminPort,
    lines,
    async client(path, rawOptions) {
      const client = await RawClient.open(port, path, rawOptions)
      clients.push(client)
      return client
    },
    admin: (path, asking) => ask(adminPort, path, asking),
  }
}
