/** Colours that mean something, the same on both dashboards: by the values of a label. */

/** How far readers are behind: from green, up to 0.1 s, to red, more than 30 s. */
export const BANDS = {
  '0.1s': 'green',
  '1s': 'semi-dark-green',
  '5s': 'yellow',
  '30s': 'orange',
  more: 'red',
} as const

/** Why clients were closed: too slow in warm colours, gone in grey, who held up others in purple. */
export const EVICTIONS = {
  lag: 'orange',
  'soft-lag': 'yellow',
  overrun: 'red',
  pause: 'purple',
  'gate-rate': 'light-purple',
  stall: 'text',
  pinned: 'blue',
  operator: 'green',
} as const

/** What readers do: keeping up in green, catching up in yellow, waiting for the client in orange. */
export const STATES = {
  live: 'green',
  sampled: 'blue',
  catching: 'yellow',
  full: 'orange',
  blocked: 'red',
  closed: 'text',
} as const

/** Quantiles: the median in green, the worst in red. */
export const SPREAD = { p50: 'green', p90: 'yellow', p99: 'orange', max: 'red' } as const
