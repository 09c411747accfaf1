/**
 * Who may ask the admin port. With a token: who has it. Without one the port is on loopback, where everybody on the machine may ask;
 * but a web page that somebody there has open may not, or any site could evict clients from an operator's browser. A page is
 * known by its Origin, which browsers send with whatever changes something; and one that has its own name resolve to loopback (DNS
 * rebinding), by the Host that it asks for.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isIPv4 } from 'node:net'
import { expected, SpillwayError } from '../../errors.ts'
import { addressOf } from '../admit.ts'
import { Refused } from './refused.ts'

const LEAST_TOKEN = 16
const TOLD_MS = 1_000
export const TOKEN_RULE = `at least ${LEAST_TOKEN} characters, none of them a space`

export interface Access {
  readonly host: string
  readonly token: string | undefined
}

/** Whether an address or name is one of this machine's own. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase()
  return name === 'localhost' || name === '::1' || name === '[::1]' || (isIPv4(name) && name.startsWith('127.'))
}

/** @throws SpillwayError `bad_option` for an address that needs a token and has none, and for a token that is none */
export function checkAccess({ host, token }: Access): void {
  // Its length and no more: what is refused here may be a token with a blank too many.
  if (token !== undefined && !isToken(token)) {
    throw new SpillwayError('bad_option', expected('adminToken', TOKEN_RULE, `${token.length} characters`))
  }
  if (token === undefined && !isLoopback(host)) {
    throw new SpillwayError('bad_option', expected('adminHost', 'a loopback address, or adminToken beside it', host))
  }
}

/** Whether it can be one, and can stand in a header. */
export function isToken(text: string): boolean {
  return text.length >= LEAST_TOKEN && /^[\x21-\x7e]+$/.test(text)
}

export class Guard {
  readonly #secret: Buffer | undefined
  readonly #tell: (line: string) => void
  #toldAt = Number.NEGATIVE_INFINITY

  /** `tell` is told of wrong tokens, once a second at the most: whoever tries them must not fill the log. */
  constructor(token: string | undefined, tell: (line: string) => void) {
    this.#tell = tell
    this.#secret = token === undefined ? undefined : digest(token)
  }

  /** Of every request. @throws Refused */
  checkPlace({ headers, method }: IncomingMessage): void {
    const { origin, host } = headers
    // Without a token it listens on loopback.
    if (this.#secret === undefined && !isLoopback(hostName(host) ?? '')) {
      throw new Refused('forbidden', expected('Host', 'localhost, 127.0.0.1 or [::1], as there is no token', host))
    }
    if (origin !== undefined && !isSame(origin, host)) {
      throw new Refused('forbidden', expected('Origin', `none, or the page of this port (http://${host})`, origin))
    }
    const site = headers['sec-fetch-site']
    const fromElsewhere = site === 'cross-site' || site === 'same-site'
    // A link may lead here. A form may not.
    const link = headers['sec-fetch-mode'] === 'navigate' && (method === 'GET' || method === 'HEAD')
    if (fromElsewhere && !link) {
      throw new Refused('forbidden', expected('Sec-Fetch-Site', 'same-origin or none', site))
    }
  }

  /** Of what tells who clients are, or changes something. @throws Refused */
  checkToken({ headers, socket }: IncomingMessage): void {
    if (this.#secret === undefined) return
    const [, given = ''] = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '') ?? []
    // Hashes are of one length, and comparing them takes as long wherever they differ.
    if (timingSafeEqual(digest(given), this.#secret)) return
    const got = given === '' ? 'none' : 'another'
    const now = performance.now()
    if (given !== '' && now - this.#toldAt >= TOLD_MS) {
      this.#toldAt = now
      this.#tell(`${addressOf(socket)} gave a wrong token`)
    }
    throw new Refused('unauthorized', `Authorization: expected Bearer and the admin token, got ${got}`)
  }
}

const digest = (text: string) => createHash('sha256').update(text).digest()

/** The Host header without its port: behind `ssh -L` it is another one than ours. */
function hostName(host: string | undefined): string | undefined {
  return host !== undefined && URL.canParse(`http://${host}`) ? new URL(`http://${host}`).hostname : undefined
}

function isSame(origin: string, host: string | undefined): boolean {
  return URL.canParse(origin) && host !== undefined && new URL(origin).host === host.toLowerCase()
}
