/**
 * A socket and a WebSocket that exist only here: the kernel takes so many bytes, the rest waits until somebody reads, and whoever
 * reads a ping answers it, unless it is one that never does. For property tests.
 */
import { EventEmitter } from 'node:events'
import type { Channel, Wire } from '../../src/clients/wire.ts'
import { frameEnd } from '../../src/log/frame.ts'

export class SimulatedSocket extends EventEmitter implements Wire, Channel {
  readyState = 1
  destroyed = false
  errored: Error | null = null
  bytesRead = 0
  pongs = 0
  /** Pings that were read. */
  pings = 0
  /** Payloads of pings read and not yet answered: `answer()` sends the pongs. */
  readonly asked: Buffer[] = []
  /** Whether a ping is answered as soon as it is read. */
  prompt = true
  closedWith: { readonly code: number; readonly reason: string } | undefined
  readonly #kernelBytes: number
  #kernel: Buffer[] = []
  #kernelLength = 0
  #received: Buffer[] = []
  /** What was received and is no whole frame yet. */
  #partial = Buffer.alloc(0)
  #payloads: string[] = []
  #waiting: { bytes: Buffer; readonly done: ((error?: Error | null) => void) | undefined }[] = []

  constructor(kernelBytes: number) {
    super()
    this.#kernelBytes = kernelBytes
  }

  get writableLength(): number {
    return this.#waiting.reduce((sum, { bytes }) => sum + bytes.length, 0)
  }

  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean {
    // Referred to and not copied, as a real socket does: a buffer used again too early shows as wrong bytes.
    this.#waiting.push({ bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length), done })
    this.#fill()
    return this.writableLength === 0
  }

  cork(): void {}
  uncork(): void {}

  /** Bytes the peer has. */
  get received(): Buffer {
    if (this.#received.length !== 1) this.#received = [Buffer.concat(this.#received)]
    return this.#received[0]!
  }

  /** The peer reads so many bytes, if there are as many. Returns how many it read. */
  read(bytes: number): number {
    let left = bytes
    const read: Buffer[] = []
    while (left > 0 && this.#kernelLength > 0) {
      const first = this.#kernel[0]!
      const taken = first.subarray(0, left)
      read.push(taken)
      left -= taken.length
      this.#kernelLength -= taken.length
      if (taken.length === first.length) this.#kernel.shift()
      else this.#kernel[0] = first.subarray(taken.length)
      this.#fill()
    }
    if (read.length === 0) return 0
    this.#received.push(...read)
    this.#parse(Buffer.concat([this.#partial, ...read]))
    if (this.prompt) this.answer()
    return read.reduce((sum, { length }) => sum + length, 0)
  }

  /** Answers the pings that were read. */
  answer(): void {
    for (const payload of this.asked.splice(0)) this.emitPong(payload)
  }

  emitPong(payload: Buffer): void {
    this.bytesRead += payload.length + 6
    this.emit('pong', payload)
  }

  /** The connection is lost. */
  lose(): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.destroyed = true
    for (const { done } of this.#waiting.splice(0)) done?.(new Error('destroyed'))
    this.emit('close', 1006, Buffer.alloc(0))
  }

  close(code: number, reason: string): void {
    this.closedWith ??= { code, reason }
    this.readyState = 2
  }

  terminate(): void {
    this.lose()
  }

  ping(): void {
    this.write(Buffer.from([0x89, 0]))
  }

  pong(_: Buffer, __: boolean, done: () => void): void {
    this.pongs++
    this.write(Buffer.from([0x8a, 0]), done)
  }

  /** Payloads of the whole data frames received, all of them text of less than 64 KiB. */
  payloads(): readonly string[] {
    return this.#payloads
  }

  /** Forgets what was received. */
  forget(): void {
    this.#received = []
    this.#payloads = []
  }

  #parse(bytes: Buffer): void {
    let at = 0
    while (at + 2 <= bytes.length) {
      const header = bytes[at + 1]! < 126 ? 2 : 4
      if (at + header > bytes.length) break
      const end = frameEnd(bytes, at)
      if (end > bytes.length) break
      const opcode = bytes[at]! & 0x0f
      const payload = bytes.subarray(at + header, end)
      if (opcode === 1) this.#payloads.push(payload.toString())
      else if (opcode === 9) {
        this.pings++
        this.asked.push(Buffer.from(payload))
      }
      at = end
    }
    this.#partial = Buffer.from(bytes.subarray(at))
  }

  #fill(): void {
    while (this.#waiting.length > 0) {
      const next = this.#waiting[0]!
      const room = this.#kernelBytes - this.#kernelLength
      const taken = Buffer.from(next.bytes.subarray(0, room)) // the kernel copies
      if (taken.length > 0) this.#kernel.push(taken)
      this.#kernelLength += taken.length
      next.bytes = next.bytes.subarray(room)
      if (next.bytes.length > 0) return
      this.#waiting.shift()
      next.done?.()
    }
  }
}
