/**
 * One plain reader of one feed: a WebSocket to the address given, and what its close codes mean for coming back (PROTOCOL.md,
 * close codes). A close with `retry=` in its reason comes back then, a lost connection with growing patience, anything
 * else is the hub's last word. Waits carry jitter, so that a thousand pages do not return in the same millisecond.
 * Called by the live view, once per selection; the signal ends it.
 */
const FIRST_RETRY_MS = 500
const LAST_RETRY_MS = 15_000
const ENDED = 1000
const RESTARTING = 1012
/** Closes without a word from the hub: going away, no status, connection lost. */
const LOST: readonly number[] = [1001, 1005, 1006]

/** `kind` is for programs (`data-state`), `text` for people. */
export interface Connection {
  readonly kind: 'connecting' | 'live' | 'waiting' | 'ended' | 'closed'
  readonly text: string
}

export interface Listener {
  onPayload(payload: string | ArrayBuffer): void
  onState(connection: Connection): void
}

export function listen(address: string, { onPayload, onState }: Listener, signal: AbortSignal): void {
  let attempts = 0

  const connect = (): void => {
    if (signal.aborted) return
    if (attempts === 0) onState({ kind: 'connecting', text: 'connecting' })
    const stop = new AbortController() // of this one socket's listeners
    const socket = new WebSocket(address)
    socket.binaryType = 'arraybuffer'
    const on = { signal: stop.signal }
    const leave = (): void => {
      stop.abort()
      // closing a socket that is still connecting is an error in the browser's console: let it open first
      if (socket.readyState === WebSocket.CONNECTING) socket.addEventListener('open', () => socket.close())
      else socket.close()
    }
    signal.addEventListener('abort', leave, on)
    socket.addEventListener('open', () => onState({ kind: 'live', text: 'live' }), on)
    socket.addEventListener(
      'message',
      event => {
        attempts = 0 // a message proves more than a handshake
        onPayload(event.data as string | ArrayBuffer)
      },
      on,
    )
    socket.addEventListener(
      'close',
      ({ code, reason }) => {
        stop.abort()
        const waitMs = retryMs(code, reason, attempts++)
        onState(stateAfter(code, reason, waitMs))
        if (waitMs !== undefined) wait(waitMs)
      },
      on,
    )
  }

  const wait = (ms: number): void => {
    const done = new AbortController()
    const timer = setTimeout(() => {
      done.abort()
      connect()
    }, ms)
    signal.addEventListener('abort', () => clearTimeout(timer), { signal: done.signal })
  }

  connect()
}

/** When to come back, in milliseconds with jitter; undefined is never. */
export function retryMs(code: number, reason: string, attempts: number): number | undefined {
  const told = /\bretry=(\d+)(ms|s)\b/.exec(reason)
  if (told !== null) return Number(told[1]) * (told[2] === 's' ? 1_000 : 1) * (1 + Math.random() / 2)
  if (code !== RESTARTING && !LOST.includes(code)) return undefined
  return Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** attempts) * (0.5 + Math.random() / 2)
}

function stateAfter(code: number, reason: string, waitMs: number | undefined): Connection {
  const why = reason.replace(/[\s,;(]*\bretry=\S+/, '').trim()
  if (waitMs !== undefined) {
    const what = code === RESTARTING ? 'the hub is restarting' : LOST.includes(code) ? 'connection lost' : why
    return {
      kind: 'waiting',
      text: `${what || `closed (${code})`}; again in ${Math.max(1, Math.round(waitMs / 1_000))} s`,
    }
  }
  if (code === ENDED) return { kind: 'ended', text: why || 'feed ended' }
  return { kind: 'closed', text: `closed by the hub: ${why || 'no reason given'} (${code})` }
}
