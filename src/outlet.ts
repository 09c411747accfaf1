/**
 * Where log lines go: standard error, without ever waiting for it. Its reader may be slow, stopped or gone; then lines are held up to
 * a bound, and beyond it dropped and counted, and the count is told when there is room again. Nothing here blocks the event loop or throws.
 *
 *     write(line) ──▶ held (at most HELD_BYTES) ──▶ one write at a time ──▶ pipe, file or terminal
 *                └──▶ dropped: counted, told
 *
 * A pipe or socket (a service manager, a container, `| grep`) is written to through Node's stream on it, which does not block; a write to
 * one by way of the thread pool would, and a thread that is stuck there keeps even `process.exit()` from ending the process (tried). Files and
 * terminals go the other way round: Node's streams on them write synchronously, so a slow disk would stop the hub.
 */
import { fstatSync, write as writeFile } from 'node:fs'

/** Some thousands of lines. */
const HELD_BYTES = 1024 * 1024
/** How long a file is left alone that said it could not take more now, and a disk that is full. */
const AGAIN_MS = 100
const FULL_MS = 1_000

const FULL = ['ENOSPC', 'EDQUOT', 'EIO']

type Done = (error?: Error | null) => void

export class Outlet {
  readonly #send: (bytes: Buffer, done: Done) => void
  readonly #tellDropped: (count: number) => string
  #waiting: string[] = []
  #heldBytes = 0
  #busy = false
  #gone = false
  #dropped = 0
  #idle: (() => void)[] = []

  /** `tellDropped` makes the line that says how many were. */
  constructor(send: (bytes: Buffer, done: Done) => void, tellDropped: (count: number) => string) {
    this.#send = send
    this.#tellDropped = tellDropped
  }

  write(line: string): void {
    if (this.#gone) return
    const bytes = Buffer.byteLength(line)
    if (this.#heldBytes + bytes > HELD_BYTES) {
      this.#dropped++
      return
    }
    this.#heldBytes += bytes
    this.#waiting.push(line)
    if (!this.#busy) this.#next()
  }

  /** Resolves when everything is written, with true; or after so long, with false. */
  async flush(withinMs: number): Promise<boolean> {
    if (!this.#busy) return true
    let patience: NodeJS.Timeout | undefined
    await new Promise<void>(resolve => {
      this.#idle.push(resolve)
      patience = setTimeout(resolve, withinMs)
    })
    clearTimeout(patience)
    return !this.#busy
  }

  #next(): void {
    const dropped = this.#dropped
    if (dropped > 0) {
      this.#waiting.push(this.#tellDropped(dropped))
      this.#dropped = 0
    }
    if (this.#waiting.length === 0 || this.#gone) {
      this.#busy = false
      for (const resolve of this.#idle.splice(0)) resolve()
      return
    }
    const lines = this.#waiting
    this.#waiting = []
    this.#busy = true
    this.#send(Buffer.from(lines.join('')), error => {
      this.#heldBytes = 0
      for (const line of this.#waiting) this.#heldBytes += Buffer.byteLength(line)
      if (error) this.#failed(error, dropped > 0 ? lines.length - 1 + dropped : lines.length)
      else this.#next()
    })
  }

  /** A disk that is full may have room later; a reader that is gone does not come back. */
  #failed({ code = '' }: NodeJS.ErrnoException, lost: number): void {
    if (FULL.includes(code)) {
      this.#dropped += lost
      setTimeout(() => this.#next(), FULL_MS).unref()
    } else {
      this.#gone = true
      this.#next()
    }
  }
}

/** How standard error is written to, whatever it is. */
export function standardError(): (bytes: Buffer, done: Done) => void {
  const stat = fstatSync(2)
  if (!stat.isFIFO() && !stat.isSocket()) return (bytes, done) => writeAll(2, bytes, done)
  process.stderr.on('error', () => {}) // told to the callback too
  return (bytes, done) => void process.stderr.write(bytes, done)
}

function writeAll(fd: number, bytes: Buffer, done: Done): void {
  writeFile(fd, bytes, (error, written) => {
    if (error?.code === 'EAGAIN') setTimeout(writeAll, AGAIN_MS, fd, bytes, done)
    else if (error !== null || written === bytes.length) done(error)
    else writeAll(fd, bytes.subarray(written), done)
  })
}
