/** The body of a request as JSON: small, and there in time (the server's `requestTimeout` ends what is not). */
import type { IncomingMessage } from 'node:http'
import { expected, reasonOf } from '../../errors.ts'
import { badRequest, Refused } from './refused.ts'

export const MAX_BODY_BYTES = 64 * 1024

/** Undefined if there is none. @throws Refused */
export async function readBody(request: IncomingMessage): Promise<unknown> {
  const { 'content-type': type, 'content-length': length, 'transfer-encoding': encoding } = request.headers
  if (encoding === undefined && (length === undefined || length === '0')) return undefined
  // Which a form of another site cannot send.
  if (type?.split(';', 1)[0]?.trim().toLowerCase() !== 'application/json') {
    throw new Refused('unsupported_type', expected('Content-Type', 'application/json', type))
  }
  if (Number(length) > MAX_BODY_BYTES) throw tooLarge(Number(length))
  const chunks: Buffer[] = []
  let bytes = 0
  // What is too large is refused, and for that the socket is still needed.
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw tooLarge(bytes)
    chunks.push(chunk)
  }
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw badRequest('body', `JSON (${reasonOf(error)})`, Buffer.concat(chunks).toString('utf8'))
  }
}

/** An object with no other keys than these; nothing is an object without any. @throws Refused */
export function asObject(body: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (body === undefined) return {}
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw badRequest('body', `an object of ${keys.join(', ')}`, body)
  }
  const unknown = Object.keys(body).find(key => !keys.includes(key))
  if (unknown !== undefined) throw badRequest('body', `no key but ${keys.join(', ')}`, unknown)
  return body as Readonly<Record<string, unknown>>
}

function tooLarge(bytes: number): Refused {
  return new Refused('too_large', expected('body', `at most ${MAX_BODY_BYTES} bytes`, bytes))
}
