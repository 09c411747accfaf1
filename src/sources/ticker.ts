/**
 * A made-up stock market as a source: something believable to broadcast in demos, benches and tests. The same seed gives
 * the same symbols, prices and sizes for ever; only the time stamps differ. It follows the clock and cannot wait: what a
 * late consumer missed is made up for to the extent of one second, and forgotten beyond it. The CLI calls it (`ticker`),
 * and so does whoever wants a feed to play with.
 */
import { z } from 'zod'
import type { Message } from '../message.ts'
import { parse } from '../parse.ts'
import { interruptible, wait } from './clock.ts'
import type { Source } from './source.ts'

export interface TickerOptions {
  /** How many symbols are traded, 1 to 500. The first are traded most. @default 20 */
  readonly symbols?: number
  /** Ticks per second, over all symbols, 1 to 1,000,000. @default 50 */
  readonly perSecond?: number
  /** Which market: a whole number. @default 1 */
  readonly seed?: number
  /** Levels of the order book told with each tick, on either side, 0 to 200: some 28 bytes each. @default 0 */
  readonly depth?: number
  /** Ends the source. @default none */
  readonly signal?: AbortSignal
}

/**
 * One trade. A message's payload is this as JSON, behind the `time` at which it was due (ms since 1970), and with a `depth`
 * the order book after it: `bids` and `asks`, the best first, as `[price, shares]`.
 */
export interface Tick {
  readonly symbol: string
  /** What was paid: the bid or the ask. In whole cents, like them; never below one. */
  readonly price: number
  readonly bid: number
  readonly ask: number
  /** Shares, in lots of 100. */
  readonly size: number
  /** Since the open, as a share of it: 0.0132 is 1.32 % up. */
  readonly change: number
}

/** A timer for each tick would cost more than the tick; a batch every 10 ms still looks continuous. */
const TURN_MS = 10
/** No more than this in one turn of the event loop: a few milliseconds of work, then others have theirs. */
const TICKS_PER_TURN = 5_000
/** How much of what a late consumer missed is made up for. */
const MAX_DEBT_MS = 1_000

/** Halves of made-up names, 25 × 20: they go together in any order, and spell nothing that hurts. */
const BEGINNINGS = 'AL BE CO DA EL FE GO HE IN JU KE LU MO NE OR PE QU RE SO TA UR VE WI XE ZE'.split(' ')
const ENDINGS = 'VA RO MI NU TU LO XI DA NE VO ZA RI LU MA NO SA VI ZO RA MU'.split(' ')

const schema = z.strictObject({
  symbols: z
    .int()
    .min(1)
    .max(BEGINNINGS.length * ENDINGS.length)
    .default(20),
  perSecond: z.number().min(1).max(1_000_000).default(50),
  seed: z.int().default(1),
  depth: z.int().min(0).max(200).default(0),
  signal: z.custom<AbortSignal>(value => value instanceof AbortSignal, 'an AbortSignal').optional(),
})

/** A simulated market. @throws SpillwayError `bad_option` */
export function ticker(options: TickerOptions = {}): Source {
  const { symbols, perSecond, seed, depth, signal } = parse(schema, options, 'ticker')
  return {
    canWait: false,
    [Symbol.asyncIterator]: () =>
      interruptible(stop => inTime(simulate(symbols, seed), perSecond, depth, stop), signal),
  }
}

/**
 * Hands out ticks when they are due, by the clock on the wall and not by the monotonic one: the same clock then stamps
 * them, and a machine that slept, or whose clock was set, is neither flooded nor left waiting.
 */
async function* inTime(
  ticks: Iterator<Tick, never>,
  perSecond: number,
  depth: number,
  stop: AbortSignal,
): AsyncGenerator<Message, void> {
  const msPerTick = 1000 / perSecond
  // Counted from here and not from 1970: next to 1.8e12 a fraction of a millisecond is rounded off (measured: 2.5 % slow).
  const start = Date.now()
  let due = 0
  let inTurn = 0
  while (!stop.aborted) {
    const now = Date.now() - start
    due = Math.min(Math.max(due, now - MAX_DEBT_MS), now + msPerTick)
    if (due > now || inTurn === TICKS_PER_TURN) {
      await wait(due > now ? Math.max(TURN_MS, due - now) : 0, stop)
      inTurn = 0
      continue
    }
    const tick = ticks.next().value
    yield { key: tick.symbol, payload: toJson(Math.floor(start + due), tick, depth) }
    due += msPerTick
    inTurn++
  }
}

/** By hand, and not with JSON.stringify, which takes three times as long (measured: 1.5 µs, 0.5 µs). */
function toJson(time: number, { symbol, price, bid, ask, size, change }: Tick, depth: number): string {
  const tick = `{"time":${time},"symbol":"${symbol}","price":${price},"bid":${bid},"ask":${ask},"size":${size},"change":${change}`
  return depth === 0 ? `${tick}}` : `${tick},"bids":[${side(bid, -1, depth)}],"asks":[${side(ask, 1, depth)}]}`
}

/**
 * One side of the book, a cent a level from the best on. Sizes follow from the price alone: a level that nobody traded at
 * is the same in the next message, as on an exchange, and no random number is taken from the market's own.
 */
function side(best: number, step: 1 | -1, depth: number): string {
  const levels: string[] = []
  const first = Math.round(best * 100)
  for (let level = 0; level < depth; level++) {
    const cents = first + step * level
    if (cents < 1) break
    levels.push(`[${cents / 100},${100 * (1 + level + ((cents * 7919) % 13))}]`)
  }
  return levels.join()
}

interface Stock {
  readonly symbol: string
  readonly openCents: number
  /** Standard deviation of one step, as a share of the price. */
  readonly volatility: number
  /** Ask − bid, as a share of the price. */
  readonly spread: number
  /** ln(price / open). */
  drift: number
}

/** How much of its way from the open a price gives back at each step: over a day it strays by a few per cent, not for ever. */
const REVERSION = 0.0005

/** The market itself, with no clock: every tick of a seed, in order, without end. */
export function* simulate(symbols: number, seed: number): Generator<Tick, never> {
  const random = sfc32(seed)
  const stocks = Array.from({ length: symbols }, (_, i) => list(i, random))
  for (;;) {
    // Squared, so that some are traded far more than others, as on any market: of 20, the first has 22 % and the last 3 %.
    const stock = stocks[Math.floor(symbols * random() ** 2)]!
    yield trade(stock, random)
  }
}

function list(index: number, random: () => number): Stock {
  const first = index % BEGINNINGS.length
  const second = (first + Math.floor(index / BEGINNINGS.length)) % ENDINGS.length
  return {
    symbol: BEGINNINGS[first]! + ENDINGS[second]!,
    openCents: Math.round(500 * 100 ** random()),
    volatility: 0.0002 + 0.0008 * random(),
    spread: 0.0001 + 0.0005 * random(),
    drift: 0,
  }
}

function trade(stock: Stock, random: () => number): Tick {
  // Three uniform numbers are normal enough (mean 0, deviation 1), and bounded: |drift| ≤ 3 × volatility / REVERSION.
  const normal = 2 * (random() + random() + random()) - 3
  stock.drift += stock.volatility * normal - REVERSION * stock.drift
  // From two cents up, so that a bid of one cent fits below.
  const cents = Math.max(2, Math.round(stock.openCents * Math.exp(stock.drift)))
  const spread = Math.max(1, Math.round(cents * stock.spread))
  const bought = random() < 0.5
  return {
    symbol: stock.symbol,
    price: cents / 100,
    bid: (bought ? cents - spread : cents) / 100,
    ask: (bought ? cents : cents + spread) / 100,
    size: 100 * (1 + Math.floor(-3 * Math.log(1 - random()))),
    change: Math.round((cents / stock.openCents - 1) * 10_000) / 10_000,
  }
}

/**
 * Numbers in [0, 1) from a seed: Chris Doty-Humphrey's sfc32. Not mulberry32, which is shorter: its period of 2³² would
 * come round within 15 minutes at a million ticks per second, and it would take only half of the seed.
 */
function sfc32(seed: number): () => number {
  let a = 0
  let b = Math.floor(seed / 2 ** 32) | 0
  let c = seed | 0
  let counter = 1
  const next = () => {
    const sum = (a + b + counter++) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  // Seeds that lie close together start alike; after a dozen rounds they have nothing in common.
  for (let i = 0; i < 12; i++) next()
  return next
}
