/**
 * `spillway tail URL`: prints a feed's messages. It reads no faster than its output is read, so that `| less` makes it the
 * slow client it is, instead of filling its own memory.
 */
import type { IncomingMessage } from 'node:http'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { expected, reasonOf, SpillwayError } from './errors.ts'
import { CLOSE } from './protocol.ts'

/** What the flags are for stands in help.ts; a test holds the two together. */
export const FLAGS = {
  count: { type: 'string' },
  stats: { type: 'boolean' },
  from: { type: 'string' },
  overflow: { type: 'string' },
  'max-rate': { type: 'string' },
  name: { type: 'string' },
} as const

/** Flags that go into the query as they are: the hub knows the rules. */
const QUERY = { from: 'from', overflow: 'overflow', 'max-rate': 'maxRate', name: 'name' } as const

/** Closed for what was asked, not for how it went. */
const WRONG_INPUT: readonly number[] = [CLOSE.badRequest, CLOSE.notAllowed, CLOSE.noSuchFeed, CLOSE.positionGone]

const STATS_MS = 1_000
const REFUSAL_BYTES = 4 * 1024

interface Asked {
  readonly url: URL
  readonly count: number
  readonly stats: boolean
}

/** Prints until the count is reached, the feed ends, or the connection does. Returns the exit code. */
export async function tailCommand(args: readonly string[]): Promise<number> {
  const { url, count, stats } = readTail(args)
  const socket = new WebSocket(url, { perMessageDeflate: false, handshakeTimeout: 10_000 })
  const received = { messages: 0, bytes: 0 }
  const stopStats = stats ? startStats(received) : () => {}
  process.stdout.on('error', () => process.exit(0)) // the reader of our output has gone: `| head`
  process.once('SIGINT', () => socket.close(1000))
  socket.on('message', (data: Buffer, binary: boolean) => {
    if (received.messages >= count) return
    received.messages++
    received.bytes += data.length
    const more = process.stdout.write(binary ? data : Buffer.concat([data, NEWLINE]))
    if (received.messages === count) socket.close(1000)
    else if (!more && !socket.isPaused) {
      socket.pause()
      process.stdout.once('drain', () => socket.resume())
    }
  })
  const code = await Promise.race([closed(socket), refused(socket)])
  stopStats()
  return received.messages >= count ? 0 : code
}

const NEWLINE = Buffer.from('\n')

function readTail(args: readonly string[]): Asked {
  const { tokens } = parseArgs({ args: [...args], options: FLAGS, strict: false, allowPositionals: true, tokens: true })
  let address: string | undefined
  const given = new Map<string, string>()
  for (const token of tokens) {
    if (token.kind === 'positional') {
      if (address !== undefined) refuse('argument', 'one URL', token.value)
      address = token.value
    } else if (token.kind === 'option') {
      const known = Object.hasOwn(FLAGS, token.name)
      if (!known) refuse('flag', `one of --${Object.keys(FLAGS).join(', --')}`, token.rawName)
      const flag = FLAGS[token.name as keyof typeof FLAGS]
      if ((flag.type === 'string') !== (token.value !== undefined)) {
        refuse(token.rawName, flag.type === 'string' ? 'a value' : 'no value', token.value)
      }
      given.set(token.name, token.value ?? '')
    }
  }
  const url = readUrl(address)
  for (const [flag, parameter] of Object.entries(QUERY)) {
    const value = given.get(flag)
    if (value !== undefined) url.searchParams.set(parameter, value)
  }
  const count = given.get('count') ?? 'Infinity'
  if (count !== 'Infinity' && !/^[1-9]\d{0,14}$/.test(count)) refuse('--count', 'a whole number from 1 up', count)
  return { url, count: Number(count), stats: given.has('stats') }
}

function readUrl(address: string | undefined): URL {
  const rule = 'ws://HOST:PORT/feeds/NAME'
  if (address === undefined || !URL.canParse(address)) return refuse('URL', rule, address)
  const url = new URL(address)
  if (url.protocol === 'http:') url.protocol = 'ws:'
  if (url.protocol === 'https:') url.protocol = 'wss:'
  if ((url.protocol !== 'ws:' && url.protocol !== 'wss:') || url.pathname === '/') return refuse('URL', rule, address)
  url.hash = ''
  return url
}

async function closed(socket: WebSocket): Promise<number> {
  let lost: NodeJS.ErrnoException | undefined
  socket.on('error', error => {
    lost ??= error
  })
  // Not events.once(): that rejects at an error, and the close that follows it is what counts.
  const { code, reason } = await new Promise<{ readonly code: number; readonly reason: string }>(resolve => {
    socket.once('close', (code, reason) => resolve({ code, reason: reason.toString() }))
  })
  if (code === 1000) return 0
  // Where all addresses of a name refuse, Node's error has a code and no message.
  const text = lost === undefined ? `closed with ${code} ${reason}` : `lost: ${reasonOf(lost) || lost.code}`
  process.stderr.write(`${text.trimEnd()}\n`)
  return WRONG_INPUT.includes(code) ? 2 : 1
}

/** The hub did not let us in: it says why in the body. */
async function refused(socket: WebSocket): Promise<number> {
  const response = await new Promise<IncomingMessage>(resolve => {
    socket.once('unexpected-response', (_, response) => resolve(response))
  })
  let body = ''
  response.setEncoding('utf8')
  for await (const text of response) {
    body += text
    if (body.length > REFUSAL_BYTES) break
  }
  const { statusCode = 0 } = response
  process.stderr.write(`refused with ${statusCode}: ${body.trim()}\n`)
  return statusCode >= 400 && statusCode < 500 ? 2 : 1
}

function startStats(received: { readonly messages: number; readonly bytes: number }): () => void {
  const started = performance.now()
  let last = { messages: 0, bytes: 0, at: started }
  const tell = (messages: number, bytes: number, ms: number, title: string) => {
    const seconds = Math.max(ms, 1) / 1_000
    const rates = `${Math.round(messages / seconds)} messages/s, ${Math.round(bytes / seconds)} B/s`
    process.stderr.write(`${title}${received.messages} messages, ${received.bytes} bytes; ${rates}\n`)
  }
  const timer = setInterval(() => {
    const now = performance.now()
    tell(received.messages - last.messages, received.bytes - last.bytes, now - last.at, '')
    last = { ...received, at: now }
  }, STATS_MS)
  return () => {
    clearInterval(timer)
    tell(received.messages, received.bytes, performance.now() - started, 'in all: ')
  }
}

function refuse(what: string, rule: string, got: unknown): never {
  throw new SpillwayError('bad_option', expected(what, rule, got))
}
