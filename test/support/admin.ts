/** A hub with its admin port, and requests exactly as they are written. */
import { once } from 'node:events'
import { type IncomingMessage, request, type Server } from 'node:http'
import { type AdminOptions, type HubOptions, serveAdmin } from '../../src/index.ts'
import { type Served, startHub } from './hub.ts'
import { onTestFinished } from './together.ts'

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

export interface Administered extends Served {
  readonly adminPort: number
  readonly adminServer: Server
  /** Asks the admin port. */
  admin(path: string, asking?: Asking): Promise<Answer>
}

export async function startAdmin(options: HubOptions = {}, adminOptions: AdminOptions = {}): Promise<Administered> {
  const served = await startHub(options)
  const { hub, serving } = served
  const admin = await serveAdmin(hub, { port: 0, serving, ...adminOptions })
  onTestFinished(() => admin.close())
  const adminPort = Number(new URL(admin.url).port)
  return { ...served, adminPort, adminServer: admin.server, admin: (path, asking) => ask(adminPort, path, asking) }
}
