/**
 * Quotes as a table: a row for each symbol, in alphabetical order, with price, change and a short trend. Of all quotes of
 * a symbol since the last frame only the newest is drawn. At most ROWS symbols have a row; the rest are passed over. A
 * row flashes and its trend moves a few times a second at most, whatever the rate: more would be noise.
 */
import { copyOf, part, setText, sparkline } from './draw.ts'
import { change, price } from './format.ts'
import { type Message, objectIn } from './newest.ts'
import { Trend } from './trend.ts'
import type { View } from './views.ts'

const ROWS = 200
const TREND_EVERY_MS = 250
const FLASH_EVERY_MS = 600

interface Quote {
  readonly symbol: string
  readonly price: number
  /** Relative to some close before; undefined if the source does not say. */
  readonly change: number | undefined
}

interface Row {
  readonly element: HTMLElement
  readonly price: HTMLElement
  readonly change: HTMLElement
  readonly spark: Element
  readonly trend: Trend
  readonly first: number
  last: number
  flashAt: number
}

export function quoteIn(message: Message): Quote | undefined {
  const object = objectIn(message)
  const { symbol, price, change } = (object ?? {}) as { symbol?: unknown; price?: unknown; change?: unknown }
  if (typeof symbol !== 'string' || typeof price !== 'number') return undefined
  return { symbol, price, change: typeof change === 'number' ? change : undefined }
}

export function tableView(): View {
  const element = copyOf('table')
  const body = part(element, 'rows')
  const rows = new Map<string, Row>()

  const add = (quote: Quote): Row => {
    const row = rowFor(quote)
    const after = [...rows.keys()].filter(symbol => symbol > quote.symbol).sort()[0]
    body.insertBefore(row.element, after === undefined ? null : (rows.get(after)?.element ?? null))
    rows.set(quote.symbol, row)
    return row
  }

  const draw = (messages: readonly Message[]): void => {
    const newest = new Map<string, Quote>()
    for (const message of messages) {
      const quote = quoteIn(message)
      if (quote !== undefined) newest.set(quote.symbol, quote)
    }
    const now = performance.now()
    for (const quote of newest.values()) {
      const row = rows.get(quote.symbol) ?? (rows.size < ROWS ? add(quote) : undefined)
      if (row !== undefined) fill(row, quote, now)
    }
  }

  return { element, draw }
}

function rowFor(quote: Quote): Row {
  const element = copyOf('row')
  element.setAttribute('data-symbol', quote.symbol)
  setText(part(element, 'symbol'), quote.symbol)
  return {
    element,
    price: part(element, 'price'),
    change: part(element, 'change'),
    spark: part(element, 'spark'),
    trend: new Trend(TREND_EVERY_MS),
    first: quote.price,
    last: quote.price,
    flashAt: -Infinity,
  }
}

function fill(row: Row, quote: Quote, now: number): void {
  const moved = Math.sign(quote.price - row.last)
  row.last = quote.price
  setText(row.price, price(quote.price))
  if (moved !== 0) flash(row, moved > 0 ? 'up' : 'down', now)

  const since = quote.change ?? (row.first === 0 ? 0 : quote.price / row.first - 1)
  setText(row.change, change(since))
  row.element.setAttribute('data-change', since > 0 ? 'up' : since < 0 ? 'down' : 'none')

  if (row.trend.add(quote.price, now)) sparkline(row.spark, row.trend.points())
}

/** Two names for the same animation, in turn: setting the same one again would not start it again. */
function flash(row: Row, move: 'up' | 'down', now: number): void {
  row.price.setAttribute('data-move', move)
  if (now - row.flashAt < FLASH_EVERY_MS) return
  row.flashAt = now
  row.price.setAttribute('data-flash', row.price.getAttribute('data-flash') === 'a' ? 'b' : 'a')
}
