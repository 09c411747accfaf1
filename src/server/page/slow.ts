/**
 * A slow reader in this page: a real WebSocket that takes so many bytes a second and no more, or sleeps and takes none. A plain
 * `WebSocket` cannot be slow: browsers read on while the page is busy. `WebSocketStream` has back-pressure: what is not read
 * from it is not read from the socket, once the browser's own 128 KiB are full (measured: Chromium confirms 136 KB and then
 * nothing more), and that costs no thread and no CPU. A reader that is evicted comes back when the hub said it may, as a
 * good client does. Used by the demonstration, which bounds how many there are.
 */
import { timeIn } from './behind.ts'
import { retryMs } from './listen.ts'

/** What a browser takes by itself from a WebSocketStream that nobody reads. */
export const BROWSER_BYTES = 128 * 1024

/** As Chromium has it; not in TypeScript's library. */
interface WebSocketStream {
  readonly opened: Promise<{ readonly readable: ReadableStream<string | Uint8Array> }>
  readonly closed: Promise<{ readonly closeCode: number; readonly reason: string }>
  close(): void
}
type Constructor = new (address: string, options?: { readonly signal?: AbortSignal }) => WebSocketStream

/** Undefined in browsers that cannot be slow. */
function constructorHere(): Constructor | undefined {
  return (globalThis as { readonly WebSocketStream?: Constructor }).WebSocketStream
}

export function canBeSlow(): boolean {
  return constructorHere() !== undefined
}

const TURN_MS = 100
const SLEEPS_MS = 15_000
/** How long it is awake, and how much it takes then. */
const AWAKE_MS = 1_000
const AWAKE_BYTES = 64 << 20
/** Who comes back at once would be a nuisance; who waits for minutes, no demonstration. */
const WAIT_MS = { least: 1_000, most: 10_000 } as const
/** The connection was lost, and nobody said why. */
export const LOST = 1006

export class SlowReader {
  readonly overflow: string
  /**
   * What it takes, as a share of what the feed publishes. 0 = it sleeps for SLEEPS_MS at a time, like a laptop, and then takes all
   * there is: a close stands behind what was not read, so one that never reads would never learn of it.
   */
  readonly share: number
  state: 'connecting' | 'reading' | 'away' = 'connecting'
  messages = 0
  /** The time in the message it handled last. */
  time: number | undefined
  /** By how much it was moved on, in milliseconds, the last time the hub did. */
  skippedMs = 0
  skips = 0
  closes = 0
  /** What the hub said when it closed it last. */
  last: { readonly code: number; readonly reason: string } | undefined

  constructor(overflow: string, share: number) {
    this.overflow = overflow
    this.share = share
  }

  /** Reads until the signal ends it. `addressOf` is asked at each connection: where to begin depends on the feed. */
  async run(addressOf: () => string, bytesPerSecond: () => number, signal: AbortSignal): Promise<void> {
    for (let attempts = 0; !signal.aborted; attempts++) {
      this.state = 'connecting'
      this.time = undefined
      const closed = await this.#connect(addressOf(), bytesPerSecond, signal)
      if (signal.aborted) return
      this.closes++
      this.last = closed
      this.state = 'away'
      const told = retryMs(closed.code, closed.reason, attempts) ?? WAIT_MS.most
      await pause(Math.min(WAIT_MS.most, Math.max(WAIT_MS.least, told)), signal)
    }
  }

  async #connect(
    address: string,
    bytesPerSecond: () => number,
    signal: AbortSignal,
  ): Promise<{ readonly code: number; readonly reason: string }> {
    const Stream = constructorHere()
    if (Stream === undefined) throw new Error('expected a browser with WebSocketStream, got one without')
    const stream = new Stream(address)
    const closed = stream.closed.then(
      ({ closeCode, reason }) => ({ code: closeCode, reason }),
      () => ({ code: LOST, reason: '' }),
    )
    try {
      const reader = (await stream.opened).readable.getReader()
      this.state = 'reading'
      signal.addEventListener('abort', () => stream.close()) // at once, also where it waits for a message that does not come
      await this.#read(reader, bytesPerSecond, AbortSignal.any([signal, ended(closed)]))
      stream.close()
      await drain(reader) // the answer to our close stands behind what was not read
    } catch {
      // lost, or refused: `closed` tells
    }
    return closed
  }

  /** Takes what it may and leaves the rest in the socket. Returns when the signal says so, or at the end. */
  async #read(
    reader: ReadableStreamDefaultReader<string | Uint8Array>,
    bytesPerSecond: () => number,
    signal: AbortSignal,
  ): Promise<void> {
    let credit = 1 // one message, and then it is slow
    while (!signal.aborted) {
      for (const until = performance.now() + AWAKE_MS; credit > 0 && !signal.aborted && performance.now() < until; ) {
        const { value, done } = await reader.read()
        if (done) return
        this.#take(value)
        credit -= value.length
      }
      await pause(this.share === 0 ? SLEEPS_MS : TURN_MS, signal)
      credit = this.share === 0 ? AWAKE_BYTES : credit + (this.share * bytesPerSecond() * TURN_MS) / 1_000
    }
  }

  #take(payload: string | Uint8Array): void {
    this.messages++
    const time = timeIn(payload)
    if (time === undefined) return
    if (this.time !== undefined && time - this.time > SKIP_MS) {
      this.skips++
      this.skippedMs = time - this.time
    }
    this.time = time
  }
}

/** Two messages that follow each other and lie further apart than this: the hub has moved the reader on. */
const SKIP_MS = 1_500

function ended(closed: Promise<unknown>): AbortSignal {
  const stop = new AbortController()
  void closed.then(() => stop.abort())
  return stop.signal
}

async function drain(reader: ReadableStreamDefaultReader<unknown>): Promise<void> {
  while (!(await reader.read()).done);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    if (signal.aborted) return resolve()
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
