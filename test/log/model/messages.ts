/** What was published, as an array: the truth about a log that keeps everything and is never wrong. Not a test. */

export interface Told {
  readonly offset: number
  readonly time: number
  readonly payload: Buffer
}

export class Messages {
  readonly #messages: Told[] = []
  /** Bytes of all frames before each message, and before the one to come. */
  readonly #bytesBefore = [0]
  head = 0
  holes = 0
  missing = 0
  /** Bytes of the largest frame so far. */
  largest = 0

  get count(): number {
    return this.#messages.length
  }

  get bytes(): number {
    return this.bytesBefore(this.count)
  }

  add(message: Told, bytes: number): void {
    const hole = message.offset - this.head
    if (hole > 0 && this.count > 0) {
      this.holes++
      this.missing += hole
    }
    this.#messages.push(message)
    this.#bytesBefore.push(this.#bytesBefore.at(-1)! + bytes)
    this.head = message.offset + 1
    this.largest = Math.max(this.largest, bytes)
  }

  at(count: number): Told | undefined {
    return this.#messages[count]
  }

  bytesBefore(count: number): number {
    return this.#bytesBefore[count]!
  }

  /** The number of the first message from `from` on that has this offset or a higher one. */
  firstFromOffset(offset: number, from: number): number {
    const index = this.#messages.findIndex((message, n) => n >= from && message.offset >= offset)
    return index < 0 ? this.count : index
  }

  /** The number of the first message of that time or later. */
  firstSince(time: number): number {
    let count = this.count
    while (count > 0 && this.#messages[count - 1]!.time >= time) count--
    return count
  }
}
