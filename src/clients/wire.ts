/** What a client is made on: a socket, and the WebSocket on it, as far as the hub needs to know them. */

/** What a client needs of the socket under the WebSocket: Node's net.Socket or tls.TLSSocket. */
export interface Wire {
  readonly bytesRead: number
  readonly writableLength: number
  /** A destroyed socket swallows what is written to it and says nothing: it must not count as taken. */
  readonly destroyed: boolean
  /** The error it failed with, set before it counts as destroyed. */
  readonly errored: Error | null
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean
  /** Holds back what is written until `uncork`, and then writes it as one. */
  cork(): void
  uncork(): void
}

/** What a client needs of the WebSocket on it: ws's `WebSocket`, with `autoPong` off. */
export interface Channel {
  readonly readyState: number
  close(code: number, reason: string): void
  terminate(): void
  ping(): void
  pong(data: Buffer, mask: boolean, done: () => void): void
  on(event: 'close', listener: (code: number, reason: Buffer) => void): unknown
  on(event: 'ping' | 'pong', listener: (data: Buffer) => void): unknown
  on(event: 'error', listener: (error: Error) => void): unknown
}

/** The `readyState` in which a close frame has neither been sent nor received: nothing may follow one (RFC 6455 §5.5.1). */
export const OPEN = 1
