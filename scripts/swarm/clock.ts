/**
 * The time that messages carry and readers compare with, the same in every process of a machine. `performance.timeOrigin` is read
 * once when a process starts, and is not always that: one run in some forty measured a p99 of 0.1 ms of messages that wait a
 * millisecond to be published. (Why was not found; a clock that is set, or slewed, between two starts would do it.) So the wall
 * clock is watched until it ticks, which tells it to the microsecond, and again every ten seconds.
 */
const AGAIN_MS = 10_000
/** Being interrupted can only make the origin look earlier, so the latest of a few is the best. */
const ROUNDS = 4

function origin(): number {
  let latest = Number.NEGATIVE_INFINITY
  for (let round = 0; round < ROUNDS; round++) {
    const before = Date.now()
    let now = Date.now()
    while (now === before) now = Date.now()
    latest = Math.max(latest, now - performance.now())
  }
  return latest
}

let since = origin()
setInterval(() => {
  since = origin()
}, AGAIN_MS).unref()

/** Milliseconds since 1970, and fractions of them. */
export function wallClock(): number {
  return since + performance.now()
}
