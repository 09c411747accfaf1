/**
 * A clock that knows when it was late. Timers run before sockets report, so the first turn after the event loop was blocked, or
 * the machine asleep, sees readers as they were before: whoever judges by it would punish them for our pause. So that turn is
 * left out, and the next one sees what they did meanwhile.
 */

const MANY_MS = 200

/** Asked at each turn of a clock with that period: whether this turn comes so late that nothing may be judged by it. */
export function latenessOf(periodMs: number): (now: number) => boolean {
  let last = performance.now()
  return now => {
    const late = now - last > periodMs + MANY_MS
    last = now
    return late
  }
}
