/** What the admin API says no with: a status, a code for programs, and a sentence with the rule and the value for people. */
import { expected } from '../../errors.ts'

/** Every code with its status and what it means; docs/admin.md lists them. */
export const REFUSALS = {
  bad_request: [400, 'A path, a parameter or a body breaks a rule: the sentence names it.'],
  bad_option: [400, 'A limit breaks a rule, as at the start: the sentence names it, and nothing was changed.'],
  unauthorized: [401, 'The token is missing or wrong.'],
  forbidden: [403, 'The request comes from a page of somewhere else, or was sent to a name that is not ours.'],
  not_found: [404, 'There is no such path, feed, client or dry run.'],
  method_not_allowed: [405, 'The path takes other methods: they are in `Allow`.'],
  too_slow: [408, 'The request was not there within 10 s.'],
  conflict: [409, 'The client is closing already.'],
  too_large: [413, 'The body is larger than 64 KiB.'],
  unsupported_type: [415, 'The body is not `application/json`.'],
  internal: [500, 'Something is wrong in the hub; its log has more.'],
} as const satisfies Record<string, readonly [number, string]>

export type RefusalCode = keyof typeof REFUSALS

/** A request that is refused. */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly code: RefusalCode

  constructor(code: RefusalCode, message: string) {
    super(message)
    this.code = code
  }
}

export function badRequest(what: string, rule: string, got: unknown): Refused {
  return new Refused('bad_request', expected(what, rule, got))
}
