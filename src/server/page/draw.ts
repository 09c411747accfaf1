/**
 * The few strokes the page is drawn with: find an element, copy a template, set a text, draw a sparkline. Everything that
 * comes from a feed passes through `setText`, so nothing in a payload can become markup. Called by every module that
 * draws; knows nothing of feeds.
 */

/** The element with this id; index.html and the code disagree if there is none. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id)
  if (element === null) throw new Error(`index.html has no #${id}`)
  return element
}

/** A copy of the one element in the template with this id. */
export function copyOf(id: string): HTMLElement {
  const content = (byId(id) as HTMLTemplateElement).content.firstElementChild
  if (content === null) throw new Error(`the template #${id} is empty`)
  return content.cloneNode(true) as HTMLElement
}

/** The element marked `data-part="name"` within a copy. */
export function part(root: Element, name: string): HTMLElement {
  const element = root.querySelector<HTMLElement>(`[data-part="${name}"]`)
  if (element === null)
    throw new Error(`index.html has no part ${name} in <${root.localName} class="${root.className}">`)
  return element
}

/** Sets a text if it differs: most figures stay the same from one poll to the next, and a write costs a layout. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/** What an element has grown to, it keeps as far as the style sheet lets it: what stands below does not jump with each client that comes and goes. */
export function keepHeight(element: HTMLElement): void {
  const height = element.offsetHeight
  const kept = Number.parseFloat(element.style.getPropertyValue('--kept')) || 0
  if (height > kept) element.style.setProperty('--kept', `${height}px`)
}

/** A point of a sparkline: `x` from 0 (left) to 1 (right), `y` in whatever unit. */
export interface Point {
  readonly x: number
  readonly y: number
}

const WIDTH = 100
const HEIGHT = 32
const MARGIN = 2 // so that the line is not cut in half at the top and the bottom

/** Draws a line with the area below it. `floor` and `ceiling` widen the scale to hold these values. */
export function sparkline(svg: Element, points: readonly Point[], floor = Infinity, ceiling = -Infinity): void {
  let low = floor
  let high = ceiling
  for (const { y } of points) {
    if (y < low) low = y
    if (y > high) high = y
  }
  const across = (x: number): string => (x * WIDTH).toFixed(2)
  const flat = high === floor ? HEIGHT - MARGIN : HEIGHT / 2 // all at the floor lies on it; any other constant in the middle
  const up = (y: number): string =>
    (high > low ? HEIGHT - MARGIN - ((y - low) / (high - low)) * (HEIGHT - 2 * MARGIN) : flat).toFixed(2)

  const first = points[0]
  const last = points.at(-1)
  if (first === undefined || last === undefined) return
  const line = points.map(({ x, y }) => `${across(x)} ${up(y)}`).join('L')
  shape(svg, `M${line}`, `M${across(first.x)} ${HEIGHT}L${line}L${across(last.x)} ${HEIGHT}Z`)
}

const BARS = 128 // more would be thinner than a pixel

/** Draws the first values side by side as bars, on a scale from 0 to at least `ceiling`. */
export function bars(svg: Element, all: readonly number[], ceiling: number): void {
  const values = all.slice(0, BARS)
  const high = Math.max(ceiling, ...values)
  const step = WIDTH / values.length
  const d = values.map((value, i) => {
    const top = HEIGHT - Math.max(0.04, high > 0 ? value / high : 0) * HEIGHT
    return `M${(i * step).toFixed(2)} ${HEIGHT}V${top.toFixed(2)}h${(step * 0.8).toFixed(2)}V${HEIGHT}Z`
  })
  svg.classList.add('bars')
  shape(svg, '', d.join(''))
}

function shape(svg: Element, line: string, area: string): void {
  svg.querySelector('.line')?.setAttribute('d', line)
  svg.querySelector('.area')?.setAttribute('d', area)
}
