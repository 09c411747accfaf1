/**
 * A client and its reader as operators see them: where it is, what became of its messages, and what holds it up. Derived when
 * somebody asks: by `hub.readers()` in a program, and behind that by the status, which says the same in JSON.
 */
import type { ClientInfo } from '../events.ts'
import type { Account } from '../log/cursor.ts'
import type { Overflow } from '../log/overflow.ts'
import { formatPosition } from '../protocol.ts'
import type { ReaderState } from '../reader.ts'
import type { Client } from './client.ts'

/** A reader as operators see it. */
export interface ReaderInfo {
  readonly client: ClientInfo
  readonly feed: string
  readonly overflow: Overflow
  readonly state: ReaderState
  /** Where it would resume: everything before is confirmed. */
  readonly position: string
  readonly account: Account
  /** Lag of what is not yet written. */
  readonly queued: { readonly messages: number; readonly bytes: number; readonly seconds: number }
  readonly inFlightBytes: number
  /** What may be in flight to its client; Infinity if the window is off. */
  readonly windowBytes: number
  /** Bytes in user space that the kernel has not taken (`bufferedAmount`). */
  readonly bufferedBytes: number
  /** How old the oldest message is that it is waiting for: asked about and not answered, or queued. */
  readonly dataAgeSeconds: number
  /** Its client has never answered a ping: nothing is known to be taken. */
  readonly unconfirmed: boolean
}

export function readerInfo(client: Client, now: number): ReaderInfo {
  const { reader } = client
  const { feed, cursor } = reader
  return {
    client: client.info,
    feed: feed.name,
    overflow: reader.overflow,
    state: reader.state,
    position: formatPosition(feed.log.epoch, cursor.confirmed.offset),
    account: reader.account(),
    queued: reader.queued(now),
    inFlightBytes: cursor.inFlightBytes,
    windowBytes: client.window?.limit ?? Number.POSITIVE_INFINITY,
    bufferedBytes: client.bufferedBytes,
    dataAgeSeconds: client.dataAgeMs(now) / 1_000,
    unconfirmed: client.unconfirmed,
  }
}
