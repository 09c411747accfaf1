/**
 * What an operator needs to judge an eviction: how far behind the reader was, where the rest of it lay, and which limit it had passed.
 * Taken by the client that is evicted, before its close frame changes any of it; asked for nowhere else.
 */
import type { Distance, EvictCause, Figures, Limit } from '../events.ts'
import { POLICIES } from '../log/overflow.ts'
import type { Position } from '../log/position.ts'
import type { Reader } from '../reader.ts'
import type { Client } from './client.ts'

export function figuresOf(client: Client, reader: Reader, cause: EvictCause, stallTimeoutMs: number): Figures {
  const now = performance.now()
  const { askedSince } = client
  return {
    overflow: reader.overflow,
    state: reader.state,
    limit: limitOf(client, reader, cause, stallTimeoutMs, now),
    lag: behind(reader, reader.confirmed, now),
    queued: behind(reader, reader.cursor.at, now),
    inFlightBytes: reader.cursor.inFlightBytes,
    windowBytes: client.window?.limit,
    oldestPingMs: askedSince === undefined ? undefined : now - askedSince,
    bufferedBytes: client.bufferedBytes,
    connectedMs: Date.now() - client.info.since,
  }
}

/** How far the head is ahead of a place; its age as far as the log still knows it. */
function behind({ feed: { log } }: Reader, place: Position, now: number): Distance {
  const messages = log.count - place.count
  const seconds = messages > 0 ? (now - (log.timeAt(place) ?? now)) / 1_000 : 0
  return { messages, bytes: log.bytes - place.bytes, seconds }
}

/** Which limit a reader had passed. Found out afterwards: those who judge ask only whether one is, for every reader. */
function limitOf(
  client: Client,
  reader: Reader,
  cause: EvictCause,
  stallTimeoutMs: number,
  now: number,
): Limit | undefined {
  const { lag, capacity, maxPauseMs, minGateBytesPerSec } = reader.feed.settings
  switch (cause) {
    case 'lag':
      return firstPassed('maxLag', lag.max, judgedBy(reader, now))
    case 'soft-lag':
      return firstPassed('softLag', lag.soft, judgedBy(reader, now))
    case 'overrun':
      return { option: 'capacity.bytes', value: capacity.bytes, measured: behind(reader, reader.cursor.at, now).bytes }
    case 'pause':
      return { option: 'maxPauseMs', value: maxPauseMs, measured: now - reader.progressedAt }
    case 'gate-rate':
      return { option: 'minGateBytesPerSec', value: minGateBytesPerSec, measured: undefined }
    case 'stall':
      return { option: 'stallTimeoutMs', value: stallTimeoutMs, measured: client.silentMs(now) }
    default:
      return undefined
  }
}

function judgedBy(reader: Reader, now: number): Distance {
  return behind(reader, POLICIES[reader.overflow].measured(reader.cursor), now)
}

function firstPassed(
  option: string,
  limits: { readonly bytes: number; readonly messages: number; readonly ms: number },
  { messages, bytes, seconds }: Distance,
): Limit | undefined {
  if (messages > limits.messages) return { option: `${option}.messages`, value: limits.messages, measured: messages }
  if (seconds * 1_000 > limits.ms) return { option: `${option}.ms`, value: limits.ms, measured: seconds * 1_000 }
  return bytes > limits.bytes ? { option: `${option}.bytes`, value: limits.bytes, measured: bytes } : undefined
}
