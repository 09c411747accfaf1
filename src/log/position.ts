/**
 * A place in a log, between two messages: five plain numbers, never changed once made. All readers at the same place
 * share one Position, so that moving a reader is one store and "at the same place" is one comparison of references.
 *
 * A Position names its segment by number. Were it to hold the segment, or the next Position, every stalled reader would
 * keep alive all that was published since (measured: a chain that grows with every byte).
 */
export class Position {
  /** Number of the segment, counted from the beginning of the log's life. */
  readonly segment: number
  /** Byte within that segment. */
  readonly byte: number
  /** Bytes of all frames before this place, since the beginning of the log's life. */
  readonly bytes: number
  /** Offset of the message that begins here; at the head, the one the next message will get. */
  readonly offset: number
  /** Messages before this place, since the beginning. Differs from `offset` where the source left holes. */
  readonly count: number

  constructor(segment: number, byte: number, bytes: number, offset: number, count: number) {
    this.segment = segment
    this.byte = byte
    this.bytes = bytes
    this.offset = offset
    this.count = count
  }
}
