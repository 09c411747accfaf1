/** Lag bands: readers by how old the data is that they wait for. The same on the page, in `/feeds` and in the metrics. */

/** Each up to so many seconds. */
export const BANDS = [
  ['0.1s', 0.1],
  ['1s', 1],
  ['5s', 5],
  ['30s', 30],
  ['more', Number.POSITIVE_INFINITY],
] as const
export type Band = (typeof BANDS)[number][0]

export function noBands(): Record<Band, number> {
  return { '0.1s': 0, '1s': 0, '5s': 0, '30s': 0, more: 0 }
}

export function bandOf(seconds: number): Band {
  for (const [band, most] of BANDS) if (seconds <= most) return band
  return 'more'
}
