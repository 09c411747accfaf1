/**
 * The frame of our dashboards: what can be chosen (data source, instance, feed), what is marked in every graph (evictions, a
 * source that waits, a hub that starts), the way to the other dashboard, and the grid: 24 columns, sections from top to bottom,
 * no overlap, an id for each panel that stays the same as long as the panels before it do.
 */
import { DATASOURCE } from './panel.ts'
import { hub, perFeed } from './queries.ts'
import type { Annotation, AnyDrawing, Dashboard, Panel, Row, Variable } from './schema.ts'

/** What belongs together, under one heading; its lines are of one height and at most 24 columns wide. */
export interface Section {
  readonly title: string
  readonly lines: readonly Line[]
}
export interface Line {
  readonly height: number
  readonly panels: readonly (readonly [columns: number, AnyDrawing])[]
}

export interface Board {
  readonly uid: string
  readonly title: string
  readonly about: string
  readonly sections: readonly Section[]
}

const COLUMNS = 24
/** What Grafana 12 writes; older ones that know 39 read it too. */
const SCHEMA_VERSION = 41
const TAG = 'spillway'

export function board({ uid, title, about, sections }: Board): Dashboard {
  return {
    uid,
    title,
    description: about,
    tags: [TAG],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    fiscalYearStartMonth: 0,
    liveNow: false,
    refresh: '10s',
    time: { from: 'now-30m', to: 'now' },
    timepicker: { refresh_intervals: ['5s', '10s', '30s', '1m', '5m'] },
    templating: { list: VARIABLES },
    annotations: { list: ANNOTATIONS },
    links: [
      {
        title: 'Spillway',
        type: 'dashboards',
        tags: [TAG],
        asDropdown: false,
        icon: 'external link',
        tooltip: 'The other dashboard, for the same time, instance and feed',
        targetBlank: false,
        includeVars: true,
        keepTime: true,
      },
    ],
    panels: placed(sections),
  }
}

function placed(sections: readonly Section[]): (Panel | Row)[] {
  const panels: (Panel | Row)[] = []
  let y = 0
  for (const { title, lines } of sections) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { x: 0, y, w: COLUMNS, h: 1 },
      panels: [],
    })
    y += 1
    for (const { height, panels: drawings } of lines) {
      let x = 0
      for (const [columns, drawing] of drawings) {
        panels.push({ ...drawing, id: panels.length + 1, gridPos: { x, y, w: columns, h: height } })
        x += columns
      }
      if (x !== COLUMNS) throw new Error(`${title}: expected a line of ${COLUMNS} columns, got ${x}`)
      y += height
    }
  }
  return panels
}

const VARIABLES: Variable[] = [
  {
    name: 'datasource',
    label: 'Data source',
    type: 'datasource',
    query: 'prometheus',
    regex: '',
    hide: 0,
    multi: false,
    includeAll: false,
    refresh: 1,
  },
  chosen('instance', 'Instance', `label_values(spillway_build_info, instance)`),
  chosen('feed', 'Feed', `label_values(spillway_published_messages_total{${hub('')}}, feed)`),
]

function chosen(name: string, label: string, query: string): Variable {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: `variable-${name}` },
    regex: '',
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { text: 'All', value: '$__all' },
    refresh: 2, // with the time range: feeds come and go
    sort: 7,
    hide: 0,
  }
}

function marked(name: string, about: string, iconColor: string, expr: string, tagKeys: string): Annotation {
  return {
    name,
    datasource: DATASOURCE,
    enable: true,
    hide: false,
    iconColor,
    // Both: the first is read by Grafana up to 11, the second since.
    expr,
    target: { refId: 'Anno', datasource: DATASOURCE, expr, range: true, instant: false },
    titleFormat: name,
    textFormat: about,
    tagKeys,
    useValueForTime: false,
  }
}

const ANNOTATIONS: Annotation[] = [
  {
    name: 'Annotations & Alerts',
    builtIn: 1,
    datasource: { type: 'grafana', uid: '-- Grafana --' },
    enable: true,
    hide: true,
    iconColor: 'rgba(0, 211, 255, 1)',
    type: 'dashboard',
  },
  marked(
    'Evictions',
    'clients of {{feed}} were closed: {{reason}}',
    'red',
    `sum by (feed, reason) (increase(spillway_evictions_total{${perFeed('')}}[$__rate_interval])) > 0`,
    'feed,reason',
  ),
  marked(
    'Source waits',
    'the source of {{feed}} had to wait',
    'orange',
    `max by (feed) (spillway_source_paused{${perFeed('')}}) > 0`,
    'feed',
  ),
  marked(
    'Hub started',
    '{{instance}} started',
    'blue',
    `changes(process_start_time_seconds{${hub('')}}[$__rate_interval]) > 0`,
    'instance',
  ),
]
