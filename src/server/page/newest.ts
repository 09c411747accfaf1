/**
 * The newest messages since the last frame. A page that queued what it cannot draw would be the slow consumer that no
 * pong can show (DESIGN.md §5): so this is a ring, bounded in messages and bytes, and what comes too fast is overwritten.
 * Never holds more than MESSAGES messages or BYTES bytes (one message may be larger). Filled by the live view, which
 * takes all of it once per frame.
 */

/** As many as the list of messages shows; more per frame could not be seen. */
export const MESSAGES = 200
const BYTES = 1 << 20

export interface Message {
  readonly payload: string | ArrayBuffer
  /** When it came, in milliseconds since 1970. */
  readonly at: number
}

export class Newest {
  readonly #ring: (Message | undefined)[] = new Array<Message | undefined>(MESSAGES)
  #tail = 0
  #head = 0
  #bytes = 0

  add(message: Message): void {
    if (this.#head - this.#tail === MESSAGES) this.#drop()
    this.#ring[this.#head++ % MESSAGES] = message
    this.#bytes += weight(message)
    while (this.#bytes > BYTES && this.#head - this.#tail > 1) this.#drop()
  }

  /** All of them, oldest first; leaves nothing behind. */
  take(): Message[] {
    const messages: Message[] = []
    while (this.#tail < this.#head) messages.push(this.#drop())
    return messages
  }

  #drop(): Message {
    const at = this.#tail++ % MESSAGES
    const message = this.#ring[at]!
    this.#ring[at] = undefined
    this.#bytes -= weight(message)
    return message
  }
}

function weight({ payload }: Message): number {
  return typeof payload === 'string' ? payload.length * 2 : payload.byteLength
}

/** The JSON object in a payload; undefined if it holds anything else. */
export function objectIn({ payload }: Message): Readonly<Record<string, unknown>> | undefined {
  if (typeof payload !== 'string' || !/^\s*\{/.test(payload)) return undefined
  try {
    return JSON.parse(payload) as Readonly<Record<string, unknown>>
  } catch {
    return undefined
  }
}
