/**
 * The panels our dashboards are made of: a number at a glance, lines over time, states over time, a heat map; a table is in table.ts. Each takes
 * its question in PromQL and what to do with the answer; what looks the same everywhere is said here, once. Where a panel stands
 * is said in board.ts.
 */
import type { Drawing, FieldConfig, Mapping, Overrides, Query, Threshold } from './schema.ts'

export const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` } as const

/** A question, and how its answer is called in the legend: a label in double braces, or a word. */
export type Asked = readonly [expr: string, legend: string]

/** Colours by name, so that Grafana picks what suits a light and a dark theme. */
export const COLOUR = {
  good: 'green',
  fair: 'yellow',
  bad: 'orange',
  worst: 'red',
  dull: 'text',
  calm: 'blue',
} as const

/** From which value on a colour holds: `levels('good', [1, 'bad'])`. */
export function levels(
  first: keyof typeof COLOUR,
  ...rest: readonly (readonly [number, keyof typeof COLOUR])[]
): Levels {
  return [{ value: null, color: COLOUR[first] }, ...rest.map(([value, colour]) => ({ value, color: COLOUR[colour] }))]
}
export type Levels = Threshold[]

/** What every panel has to say. */
interface Common {
  readonly title: string
  /** What it shows, and what to do when it shows something bad. */
  readonly about: string
  readonly ask: readonly Asked[]
  readonly unit: string
  readonly decimals?: number
  readonly min?: number
  readonly max?: number
  readonly levels?: Levels
  /** The colour of a series, by its name in the legend. */
  readonly colours?: Readonly<Record<string, string>>
}

export function queries(ask: readonly Asked[], form: Pick<Query, 'instant' | 'range' | 'format'>): Query[] {
  return ask.map(([expr, legendFormat], i) => ({
    refId: String.fromCharCode('A'.charCodeAt(0) + i),
    datasource: DATASOURCE,
    editorMode: 'code',
    expr,
    legendFormat,
    ...form,
  }))
}

const OVER_TIME = { range: true, instant: false, format: 'time_series' } as const
const ONCE = { range: false, instant: true, format: 'time_series' } as const

export function field({ unit, decimals, min, max, levels: steps }: Omit<Common, 'title' | 'about' | 'ask'>) {
  return {
    unit,
    ...(decimals === undefined ? {} : { decimals }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
    thresholds: { mode: 'absolute', steps: steps ?? levels('good') },
  } as const satisfies FieldConfig<'stat'>
}

function coloured(colours: Readonly<Record<string, string>> = {}): Overrides {
  return Object.entries(colours).map(([name, fixedColor]) => ({
    matcher: { id: 'byName', options: name },
    properties: [{ id: 'color', value: { mode: 'fixed', fixedColor } }],
  }))
}

export interface Stat extends Common {
  /** Asked once, for what is about all the time that is shown. @default with a shadow of its past */
  readonly once?: boolean
}

/** One number. */
export function stat({ title, about, ask, once = false, ...rest }: Stat): Drawing<'stat'> {
  return {
    type: 'stat',
    title,
    description: about,
    datasource: DATASOURCE,
    targets: queries(ask, once ? ONCE : OVER_TIME),
    options: {
      graphMode: once ? 'none' : 'area',
      colorMode: 'value',
      justifyMode: 'auto',
      textMode: 'auto',
      wideLayout: true,
      showPercentChange: false,
      percentChangeColorMode: 'standard',
      orientation: 'auto',
      reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false },
    },
    fieldConfig: { defaults: { ...field(rest), color: { mode: 'thresholds' } }, overrides: coloured(rest.colours) },
  }
}

export interface Graph extends Common {
  /** On top of each other: absolute, or as shares of all. @default side by side */
  readonly stack?: 'normal' | 'percent'
  /** Bars for what is counted in steps. @default lines */
  readonly bars?: boolean
  /** For figures that are far apart. @default linear */
  readonly logarithmic?: boolean
  /** Whether the levels are drawn. @default those that are given are */
  readonly drawn?: boolean
}

/** Lines over time. A gap in the data is a gap in the line: a hub that was away did not stand still. */
export function graph({
  title,
  about,
  ask,
  stack,
  bars = false,
  logarithmic = false,
  ...rest
}: Graph): Drawing<'timeseries'> {
  return {
    type: 'timeseries',
    title,
    description: about,
    datasource: DATASOURCE,
    targets: queries(ask, OVER_TIME),
    options: {
      legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    fieldConfig: {
      defaults: {
        ...field({ min: logarithmic ? 0.001 : 0, ...rest }),
        color: { mode: 'palette-classic-by-name' },
        custom: {
          drawStyle: bars ? 'bars' : 'line',
          lineInterpolation: 'linear',
          lineWidth: bars ? 0 : 1,
          fillOpacity: bars ? 80 : stack === undefined ? 8 : 60,
          showPoints: 'never',
          spanNulls: false,
          stacking: { mode: stack ?? 'none', group: 'A' },
          scaleDistribution: logarithmic ? { type: 'log', log: 10 } : { type: 'linear' },
          thresholdsStyle: { mode: rest.levels === undefined ? 'off' : 'dashed' },
        },
      },
      overrides: coloured(rest.colours),
    },
  }
}

/** What state something was in, and when: a bar for each. */
export function timeline(
  { title, about, ask, ...rest }: Omit<Common, 'unit' | 'levels'>,
  states: Readonly<Record<string, readonly [text: string, colour: keyof typeof COLOUR]>>,
): Drawing<'state-timeline'> {
  const mapping: Mapping = {
    type: 'value',
    options: Object.fromEntries(
      Object.entries(states).map(([value, [text, colour]], index) => [value, { text, color: COLOUR[colour], index }]),
    ),
  }
  return {
    type: 'state-timeline',
    title,
    description: about,
    datasource: DATASOURCE,
    targets: queries(ask, OVER_TIME),
    options: {
      showValue: 'never',
      rowHeight: 0.8,
      mergeValues: true,
      alignValue: 'left',
      legend: { showLegend: true, displayMode: 'list', placement: 'bottom', calcs: [] },
      tooltip: { mode: 'single', sort: 'none' },
    },
    fieldConfig: {
      defaults: {
        ...field({ unit: 'short', ...rest }),
        mappings: [mapping],
        color: { mode: 'thresholds' },
        custom: { lineWidth: 0, fillOpacity: 80, spanNulls: false },
      },
      overrides: [],
    },
  }
}

/** How a histogram changes with time. The question gives its buckets by `le`. */
export function heatmap({ title, about, ask, unit }: Common): Drawing<'heatmap'> {
  return {
    type: 'heatmap',
    title,
    description: about,
    datasource: DATASOURCE,
    targets: queries(ask, { range: true, instant: false, format: 'heatmap' }),
    options: {
      calculate: false,
      color: { mode: 'scheme', scheme: 'Oranges', fill: 'dark-orange', exponent: 0.5, steps: 64, reverse: false },
      showValue: 'never',
      cellGap: 1,
      filterValues: { le: 1e-9 },
      rowsFrame: { layout: 'auto' },
      yAxis: { unit, axisPlacement: 'left', reverse: false },
      legend: { show: true },
      tooltip: { mode: 'single', yHistogram: true, showColorScale: true },
      exemplars: { color: 'rgba(255,0,255,0.7)' },
    },
    fieldConfig: { defaults: { custom: { scaleDistribution: { type: 'linear' } } }, overrides: [] },
  }
}
