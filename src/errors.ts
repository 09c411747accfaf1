/**
 * What can go wrong, said once. Every error Spillway throws on purpose is a SpillwayError: a stable code for
 * programs, a sentence with the rule and the value for people. docs/errors.md lists the codes; a test holds the two
 * together. Ground floor: imports nothing.
 */

/** Every error code and the rule behind it. The keys are the public, stable codes. */
export const ERRORS = {
  bad_option: 'An option, flag or environment variable is unknown, has the wrong type or breaks a rule.',
  bad_message: 'A message has no payload of the kind its feed carries, or a number that does not fit.',
  bad_utf8: 'A payload on a text feed is not valid UTF-8 (RFC 6455 §5.6).',
  message_too_large: 'A payload is larger than `maxMessageBytes`.',
  offset_backwards: 'A source gave an offset below the head of its feed.',
  feed_full: 'A `pause` feed is at capacity: its source did not stop when `publish()` said so.',
  feed_ended: 'The feed has ended and takes no more messages.',
  feed_exists: 'The hub has a feed of this name already.',
  hub_closed: 'The hub is closing and takes no new feeds.',
  cannot_wait: 'A source that cannot wait was given to a feed whose policy is `pause`.',
  bad_source:
    'What was given as a source is none, breaks the rules of an iterator, or can be read only once and has been.',
  source_failed: 'A source of ours cannot go on: a command exited with an error, a recording has no times.',
  stage_failed: 'A stage between source and feed failed, or broke the contract of a pipeline: the sentence names it.',
  feed_taken: 'A feed has one producer: it has a source already, or a writable that is not done.',
  port_in_use: 'The address to listen on is taken, or may not be used.',
} as const satisfies Record<string, string>

export type ErrorCode = keyof typeof ERRORS

/** An error with a stable `code` and a sentence that names the rule and the value. */
export class SpillwayError extends Error {
  override readonly name = 'SpillwayError'
  readonly code: ErrorCode

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The sentence every refused value gets: what it was, what was expected, what came. */
export function expected(what: string, rule: string, got: unknown): string {
  return `${what}: expected ${rule}, got ${show(got)}`
}

/** Told of each rule that is broken, where more than the first is wanted: of what, the rule, the value. */
export type Report = (what: string, rule: string, got: unknown) => void

/** A value as a person would write it, short enough for a log line. */
export function show(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'function') return 'a function'
  if (typeof value === 'number') return String(value)
  const text = typeof value === 'object' && value !== null ? safeJson(value) : JSON.stringify(value)
  const shown = text ?? String(value)
  return shown.length > 80 ? `${shown.slice(0, 77)}…` : shown
}

function safeJson(value: object): string {
  try {
    return JSON.stringify(value) ?? Object.prototype.toString.call(value)
  } catch {
    return 'an object that cannot be shown'
  }
}

/**
 * The message of anything thrown, for a log line or a close reason. Never throws itself: what comes from a stranger may have no
 * message (Node's own AggregateError of a refused connection has none), or one that is no text, or throws when it is asked.
 */
export function reasonOf(error: unknown): string {
  try {
    if (!(error instanceof Error)) return typeof error === 'object' && error !== null ? show(error) : String(error)
    const { message, code, name } = error as NodeJS.ErrnoException
    return [message, code, name].find(text => typeof text === 'string' && text !== '') ?? 'an error without a message'
  } catch {
    return 'an error that cannot be shown'
  }
}
