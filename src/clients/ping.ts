/** One ping: what it stands behind, and what its pong will tell. Made by `pings`, kept by the client's window until it is answered. */
import type { Cursor, Mark } from '../log/cursor.ts'
import type { Position } from '../log/position.ts'

/** A ping on its way. A class, and whole numbers where there can be: a silent client keeps a few of them. */
export class Ping implements Mark {
  readonly counter: number
  readonly random: number
  readonly place: Position
  readonly messages: number
  readonly bytes: number
  /** In flight when it was sent, in bytes: all of that is taken when it is answered. */
  readonly inFlight: number
  /** Whether more waited than there was room for: a large message may not have fit into what was left of the window. */
  full: boolean
  readonly sentAt: number
  /** When what it stands behind was published. */
  readonly publishedAt: number

  constructor(counter: number, random: number, cursor: Cursor, full: boolean, sentAt: number, publishedAt: number) {
    this.counter = counter
    this.random = random
    this.place = cursor.at
    this.messages = cursor.written
    this.bytes = cursor.writtenBytes
    this.inFlight = cursor.inFlightBytes
    this.full = full
    this.sentAt = sentAt
    this.publishedAt = publishedAt
  }
}
