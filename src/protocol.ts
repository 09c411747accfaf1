/**
 * The wire, transcribed from PROTOCOL.md: paths, the query of a plain listener, close codes and reasons. Runs anywhere:
 * no Node, no package. The numbers in brackets are PROTOCOL.md's.
 */

/** Close codes [4.1] and, for those who are refused before the upgrade, the HTTP status that says the same [4.2]. */
export const CLOSE = {
  ended: 1000,
  restart: 1012,
  badRequest: 4400,
  noSuchFeed: 4404,
  notAllowed: 4403,
  tooSlow: 4408,
  stalled: 4409,
  positionGone: 4410,
  internal: 4500,
  overloaded: 4503,
} as const

export type CloseCode = (typeof CLOSE)[keyof typeof CLOSE]

/** HTTP status for a refusal [4.2]. */
export function statusOf(code: CloseCode): number {
  return code >= 4400 && code < 4600 ? code - 4000 : code === CLOSE.restart ? 503 : 500
}

const REASON_BYTES = 123

/** A close reason that fits its frame: at most 123 bytes of UTF-8 (RFC 6455 §5.5), cut between characters. */
export function closeReason(text: string): string {
  const encoder = new TextEncoder()
  if (encoder.encode(text).length <= REASON_BYTES) return text
  let cut = ''
  let bytes = 2 // room for the ellipsis, three bytes, and none over
  for (const character of text) {
    bytes += encoder.encode(character).length
    if (bytes >= REASON_BYTES) break
    cut += character
  }
  return `${cut}…`
}

/** Where a reader begins [2.2]. */
export type From =
  | { readonly at: 'latest' }
  | { readonly at: 'earliest' }
  | { readonly at: 'messages'; readonly back: number }
  | { readonly at: 'age'; readonly ms: number }
  | { readonly at: 'position'; readonly epoch: string; readonly offset: number }

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

export const FROM_RULE = 'latest, earliest, -MESSAGES (-100), -AGE (-5m; ms, s, m, h or d) or EPOCH:OFFSET'

/** Reads `?from=` [2.2]; undefined if it is none of the forms. */
export function parseFrom(text: string): From | undefined {
  if (text === 'latest' || text === 'earliest') return { at: text }
  const back = /^-(\d{1,15})(ms|s|m|h|d)?$/.exec(text)
  if (back !== null) {
    const amount = Number(back[1])
    return back[2] === undefined ? { at: 'messages', back: amount } : { at: 'age', ms: amount * UNITS[back[2]]! }
  }
  const position = /^([A-Za-z0-9_.~-]{1,64}):(\d{1,16})$/.exec(text)
  const offset = Number(position?.[2])
  if (position === null || !Number.isSafeInteger(offset)) return undefined
  return { at: 'position', epoch: position[1]!, offset }
}

/** A position as clients see it [2.3]. */
export function formatPosition(epoch: string, offset: number): string {
  return `${epoch}:${offset}`
}

/** Names of feeds [1.1]: what needs no escaping in a path. */
export const FEED_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/
export const FEED_NAME_RULE = '1 to 64 of A–Z a–z 0–9 _ . - beginning with a letter or digit'

/** Longest `?name=` [2.4], in characters. */
export const LABEL_LENGTH = 64
