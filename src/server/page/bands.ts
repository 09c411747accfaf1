/**
 * The readers of a feed as one bar, by how old the data is that they wait for: the parts add up to all of them. Colours go
 * from calm to alarming in hue *and* in lightness, so they can be told apart without seeing hues, and the legend under
 * the bar says the same in words. Called by cards (the bar alone) and panel.
 */
import { part, setText } from './draw.ts'
import { count, percent } from './format.ts'

/** The bands of the hub, the youngest first, and their names for people. */
export const BANDS = [
  ['0.1s', 'up to 0.1 s'],
  ['1s', 'to 1 s'],
  ['5s', 'to 5 s'],
  ['30s', 'to 30 s'],
  ['more', 'over 30 s'],
] as const

/** A band with anybody in it is seen, be it one of ten thousand. */
const LEAST_PERCENT = 1.2

/** Sets the parts of a bar: `<svg viewBox="0 0 100 1">` with a `rect` for each band. */
export function drawBands(bar: Element, bands: Readonly<Record<string, number>>): void {
  const counts = BANDS.map(([band]) => bands[band] ?? 0)
  const sum = counts.reduce((sum, value) => sum + value, 0)
  const wanted = counts.map(value => (value === 0 ? 0 : Math.max(LEAST_PERCENT, (value / sum) * 100)))
  const total = wanted.reduce((sum, width) => sum + width, 0)
  let x = 0
  BANDS.forEach(([band], i) => {
    const width = total === 0 ? 0 : ((wanted[i] ?? 0) / total) * 100
    const rect = bar.querySelector(`[data-band="${band}"]`)
    rect?.setAttribute('x', x.toFixed(2))
    rect?.setAttribute('width', width.toFixed(2))
    x += width
  })
}

/** The same in words: a count and a share for each band. */
export function tellBands(legend: Element, bands: Readonly<Record<string, number>>): void {
  const sum = BANDS.reduce((sum, [band]) => sum + (bands[band] ?? 0), 0)
  for (const [band] of BANDS) {
    const value = bands[band] ?? 0
    const entry = part(legend, `band-${band}`)
    entry.setAttribute('data-none', String(value === 0))
    setText(part(entry, 'count'), count(value))
    setText(part(entry, 'share'), sum === 0 ? '' : percent(value / sum))
  }
}
