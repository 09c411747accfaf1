/**
 * Measurements as tiles: the numbers in a JSON object, however deep, each with its value and its last minute or so. Only
 * the newest message is drawn. Names and shapes tell the unit, by a few rules that are all below: beside a `total`, a
 * number is a share of it; `used` between 0 and 1 is a percentage; anything under `memory` or `network` is in bytes.
 */
import { bars, copyOf, part, setText, sparkline } from './draw.ts'
import { bytes, percent, plain } from './format.ts'
import { type Message, objectIn } from './newest.ts'
import { Trend } from './trend.ts'
import type { View } from './views.ts'

const TILES = 12
const TREND_EVERY_MS = 500
const DEPTH = 4
/** More numbers than this in an array are drawn as bars; fewer are written out. */
const WRITTEN = 4

const TIME = /^(time|timestamp|ts|at|date|uptime)$/i
const SHARE = /(used|usage|ratio|share|busy|idle|cores)$/i
const BYTES = /bytes|memory|network|disk|heap|rss/i
const PER_SECOND = / per s(ec(ond)?)?$| rate$/i
/** What a name says of its unit, which the value says again. */
const UNIT = /( bytes)?( per s(ec(ond)?)?)?$/i

interface Figure {
  readonly name: string
  readonly values: readonly number[]
  /** What the value is a share of, where a `total` stands beside it. */
  readonly total: number | undefined
}

/** The figures in a message; none if it is no JSON object, or one made of words with a number here and there. */
export function figuresIn(message: Message): readonly Figure[] {
  const figures: Figure[] = []
  const texts = collect(objectIn(message) ?? {}, [], figures)
  return figures.length > texts ? figures.slice(0, TILES) : []
}

/** Adds the figures of an object, and returns how many texts it holds. */
function collect(object: Readonly<Record<string, unknown>>, path: readonly string[], into: Figure[]): number {
  const { total: whole } = object as { total?: unknown }
  const total = typeof whole === 'number' && whole > 0 ? whole : undefined
  let texts = 0
  for (const [key, value] of Object.entries(object)) {
    const name = [...path, key].map(words).join(' ')
    if (typeof value === 'string') texts++
    else if (typeof value === 'number') {
      if (key !== 'total' && !TIME.test(key))
        into.push({ name, values: [value], total: total && value <= total ? total : undefined })
    } else if (Array.isArray(value)) {
      if (value.length > 0 && value.every(item => typeof item === 'number'))
        into.push({ name, values: value, total: undefined })
    } else if (typeof value === 'object' && value !== null && path.length < DEPTH) {
      texts += collect(value as Readonly<Record<string, unknown>>, [...path, key], into)
    }
  }
  return texts
}

/** `rxBytesPerSec` and `rx_bytes_per_sec` as `rx bytes per sec`. */
function words(key: string): string {
  return key
    .replaceAll('_', ' ')
    .replace(/([a-z])([A-Z])/g, (_, end: string, start: string) => `${end} ${start.toLowerCase()}`)
}

export function figuresView(): View {
  const element = copyOf('figures')
  const tiles = new Map<string, { readonly element: HTMLElement; readonly trend: Trend }>()

  const draw = (messages: readonly Message[]): void => {
    const message = messages.at(-1)
    if (message === undefined) return
    for (const figure of figuresIn(message)) {
      let tile = tiles.get(figure.name)
      if (tile === undefined) {
        if (tiles.size >= TILES) continue
        tile = { element: copyOf('figure'), trend: new Trend(TREND_EVERY_MS) }
        tile.element.setAttribute('data-figure', figure.name)
        setText(part(tile.element, 'name'), figure.name.replace(UNIT, '') || figure.name)
        tiles.set(figure.name, tile)
        element.append(tile.element)
      }
      fill(tile.element, tile.trend, figure)
    }
  }

  return { element, draw }
}

function fill(tile: HTMLElement, trend: Trend, { name, values, total }: Figure): void {
  const share = SHARE.test(name) && values.every(value => value >= 0 && value <= 1)
  const write = share ? percent : BYTES.test(name) ? bytes : plain
  const unit = PER_SECOND.test(name) ? '/s' : ''
  const spark = part(tile, 'spark')
  if (values.length > WRITTEN) {
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length
    setText(part(tile, 'value'), write(mean) + unit)
    setText(part(tile, 'of'), `mean of ${values.length}`)
    bars(spark, values, share ? 1 : 0)
    return
  }
  const first = values[0] ?? 0
  setText(part(tile, 'value'), values.map(value => write(value) + unit).join(' '))
  setText(part(tile, 'of'), total === undefined ? '' : `of ${write(total)}`)
  if (trend.add(first, performance.now())) sparkline(spark, trend.points(), 0, share ? 1 : total)
}
