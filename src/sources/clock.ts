/**
 * Waiting, for the sources that follow a clock (ticker, host). Two things must stay true: whoever stops one is not kept
 * waiting for its timer, and no timer or listener outlives its wait. Plain `setTimeout` rather than `node:timers/promises`:
 * stopping is no error here, and tests can put the clock forward.
 */

/** Waits `ms` milliseconds, or until stopped if that comes first. The caller looks at what stops it to know which. */
export function wait(ms: number, ...stops: readonly AbortSignal[]): Promise<void> {
  return new Promise(resolve => {
    if (stops.some(stop => stop.aborted)) return resolve()
    const end = () => {
      clearTimeout(timer)
      for (const stop of stops) stop.removeEventListener('abort', end)
      resolve()
    }
    // Up to the next whole millisecond: Node cuts fractions off, and the caller would wake just before its time.
    const timer = setTimeout(end, Math.ceil(ms))
    for (const stop of stops) stop.addEventListener('abort', end)
  })
}

/**
 * The iterator of a generator that waits. A generator's own `return()` queues behind the `next()` under way, which may be
 * seconds long; here it stops that wait first. Ends quietly when `signal` aborts.
 */
export function interruptible<T>(
  run: (stop: AbortSignal) => AsyncGenerator<T, void>,
  signal: AbortSignal | undefined,
): AsyncIterator<T, void> {
  const returned = new AbortController()
  const items = run(signal ? AbortSignal.any([signal, returned.signal]) : returned.signal)
  return {
    next: () => items.next(),
    return: () => {
      returned.abort()
      return items.return()
    },
  }
}

/**
 * Resolves when one of the signals aborts, or has; `release` leaves no listener behind. (A promise for the life of the signal would
 * keep everybody that ever raced against it.)
 */
export function whenAborted(...signals: readonly AbortSignal[]): {
  readonly promise: Promise<void>
  readonly release: () => void
} {
  let release = () => {}
  const promise = new Promise<void>(resolve => {
    const listener = () => resolve()
    if (signals.some(signal => signal.aborted)) return resolve()
    for (const signal of signals) signal.addEventListener('abort', listener, { once: true })
    release = () => {
      for (const signal of signals) signal.removeEventListener('abort', listener)
    }
  })
  return { promise, release }
}
