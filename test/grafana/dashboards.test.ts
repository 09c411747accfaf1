/** The dashboards as files: what Grafana, and somebody at three in the morning, may rely on. That they show data is in prometheus.test.ts. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { BANDS as COLOURS_OF_BANDS, EVICTIONS, STATES } from '../../scripts/dashboards/palette.ts'
import type { Dashboard, Panel, Row } from '../../scripts/dashboards/schema.ts'
import { DASHBOARDS, FOLDER, written } from '../../scripts/dashboards.ts'
import { EVICT_CAUSES } from '../../src/events.ts'
import { READER_STATES } from '../../src/reader.ts'
import { BANDS } from '../../src/server/watch/bands.ts'
import { asked, compiled, panelsOf } from './queries.ts'

const METRICS = join(import.meta.dirname, '../../docs/metrics.md')
const COLUMNS = 24
/** A graph lower than this has no room for its lines; a number needs less. */
const LEAST_HEIGHT = { stat: 3, row: 1 } as const

test('the files are what their descriptions say (npm run dashboards)', () => {
  expect(readdirSync(FOLDER).sort()).toEqual(Object.keys(DASHBOARDS).sort())
  for (const [name, dashboard] of Object.entries(DASHBOARDS))
    expect(readFileSync(join(FOLDER, name), 'utf8'), name).toBe(written(dashboard))
})

test('a file that says something Grafana does not know is told by the compiler', () => {
  const [name, dashboard] = Object.entries(DASHBOARDS)[0]!
  const [row, first, ...rest] = dashboard.panels
  const wrong = { ...dashboard, panels: [row, { ...first, options: { colourMode: 'value' } }, ...rest] }
  expect(compiled(name, JSON.stringify(wrong))).toContain('colourMode')
})

describe.each(Object.entries(DASHBOARDS))('%s', (name, dashboard) => {
  const drawn = panelsOf(dashboard)

  test("holds to Grafana's schema, as far as its types say it", () => {
    expect(compiled(name, readFileSync(join(FOLDER, name), 'utf8'))).toBe('')
  })

  test('no two panels have the same id or the same title', () => {
    const ids = dashboard.panels.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    const titles = drawn.map(({ title }) => title)
    expect(new Set(titles).size).toBe(titles.length)
  })

  test('panels fill the grid from the top, without holes or overlaps, and are high enough to be read', () => {
    const taken = new Map<string, number>()
    let bottom = 0
    for (const { id, gridPos, type } of dashboard.panels) {
      const { x, y, w, h } = gridPos!
      expect(h, `height of ${id}`).toBeGreaterThanOrEqual(LEAST_HEIGHT[type as 'row'] ?? 5)
      for (let column = x; column < x + w; column++) {
        for (let line = y; line < y + h; line++) {
          const cell = `${column}/${line}`
          expect(taken.get(cell), `${id} at ${cell}`).toBeUndefined()
          taken.set(cell, id)
        }
      }
      expect(x + w, `right edge of ${id}`).toBeLessThanOrEqual(COLUMNS)
      bottom = Math.max(bottom, y + h)
    }
    expect(taken.size).toBe(COLUMNS * bottom)
  })

  test('every panel says what it shows, in which unit, and asks something', () => {
    for (const { title, description, fieldConfig, targets, type } of drawn) {
      expect(description, title).toMatch(/^[A-Za-z].{20,}[.)]$/s)
      expect(targets.length, title).toBeGreaterThan(0)
      if (type !== 'heatmap') {
        expect(fieldConfig.defaults.unit, title).toMatch(/./)
        expect(fieldConfig.defaults.thresholds?.steps[0]?.value, title).toBeNull()
      }
      expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length)
    }
  })

  test('every question goes to the chosen data source, and looks at the chosen instances and feeds', () => {
    for (const { from, expr } of asked(dashboard)) {
      expect(expr, from).toMatch(/instance=~"\$instance"|^count \(ALERTS/)
      // What is of a feed is asked of the chosen feeds.
      for (const [, by = ''] of expr.matchAll(/ by \(([^)]*)\)/g))
        if (by.split(', ').includes('feed')) expect(expr, from).toContain('feed=~"$feed"')
    }
    for (const { title, datasource } of drawn) expect(datasource, title).toEqual(DATASOURCE)
    for (const target of drawn.flatMap(({ targets }) => targets)) expect(target.datasource).toEqual(DATASOURCE)
  })

  test('every variable that is used can be chosen, and every one that can be chosen is used', () => {
    const own = dashboard.templating.list!.map(variable => variable.name)
    const text = JSON.stringify([dashboard.panels, dashboard.annotations, dashboard.templating])
    const used = [...text.matchAll(/\$\{?([a-z]\w*)/g)].map(([, variable]) => variable!)
    expect([...new Set(used)].sort()).toEqual([...own].sort())
  })

  test('what counts is asked for its rate, over a window that suits the interval of the scrapes', () => {
    for (const { from, expr } of asked(dashboard)) {
      for (const [, call, window] of expr.matchAll(/(rate|increase|changes)\([^[]*\[([^\]]*)\]/g))
        expect(['$__rate_interval', '$__range'], `${from}: ${call}`).toContain(window)
      const counters = [...expr.matchAll(/(\w+)? ?\(spillway_\w+_total\{/g)].filter(([, call]) => call !== undefined)
      // The account is of totals, and asks for no rate.
      if (!from.includes('The account'))
        for (const [, call] of counters) expect(['rate', 'increase'], from).toContain(call)
    }
  })

  test('the way to the other dashboard keeps time and choice', () => {
    expect(dashboard.links).toMatchObject([
      { type: 'dashboards', tags: ['spillway'], includeVars: true, keepTime: true },
    ])
    expect(dashboard.tags).toContain('spillway')
    const uids = Object.values(DASHBOARDS).map(({ uid }) => uid!)
    for (const [, uid] of JSON.stringify(dashboard).matchAll(/"\/d\/([\w-]+)/g)) expect(uids).toContain(uid)
  })

  test('evictions, a source that waits and a start of the hub are marked in every graph', () => {
    expect(dashboard.annotations.list.map(annotation => annotation.name)).toEqual([
      'Annotations & Alerts',
      'Evictions',
      'Source waits',
      'Hub started',
    ])
  })
})

const DATASOURCE = { type: 'prometheus', uid: `\${datasource}` }

test('every reason, every state and every band has a colour of its own', () => {
  expect(Object.keys(EVICTIONS).sort()).toEqual([...EVICT_CAUSES].sort())
  expect(Object.keys(COLOURS_OF_BANDS)).toEqual(BANDS.map(([band]) => band))
  expect(Object.keys(STATES).sort()).toEqual([...READER_STATES].sort())
  for (const colours of [EVICTIONS, STATES, COLOURS_OF_BANDS])
    expect(new Set(Object.values(colours)).size).toBe(Object.keys(colours).length)
})

describe('what is measured', () => {
  // The page of metrics is what the code says, which test/docs.test.ts holds.
  const documented = [...readFileSync(METRICS, 'utf8').matchAll(/^\| `(spillway_\w+)` \| (\w+) /gm)].map(
    ([, name, type]) => ({ name: name!, type: type! }),
  )
  const said = Object.values(DASHBOARDS)
    .flatMap(asked)
    .flatMap(({ expr }) => [...expr.matchAll(/spillway_\w+/g)].map(([name]) => name))

  test('is all that is asked for', () => {
    const names = documented.flatMap(({ name, type }) =>
      type === 'histogram' ? ['bucket', 'sum', 'count'].map(part => `${name}_${part}`) : [name],
    )
    expect(names.length).toBeGreaterThan(40)
    expect(said.filter(name => !names.includes(name))).toEqual([])
  })

  test('can be seen, besides what is named here', () => {
    const unseen = documented.map(({ name }) => name).filter(name => !said.some(one => one.startsWith(name)))
    expect(unseen.sort()).toEqual(UNSEEN)
  })
})

/** What variables are made of; figures of which another unit, or a rate, is shown; what is for a day of searching. */
const UNSEEN = [
  'spillway_build_info',
  'spillway_filtered_messages_total',
  'spillway_published_bytes_total',
  'spillway_reader_queued_messages',
  'spillway_reader_queued_seconds',
  'spillway_scrapes_total',
]

test('a row heads each section, and nothing is hidden in it', () => {
  for (const { panels } of Object.values<Dashboard>(DASHBOARDS)) {
    const rows = panels.filter((panel: Panel | Row): panel is Row => panel.type === 'row')
    expect(panels[0]).toBe(rows[0])
    for (const row of rows) expect(row).toMatchObject({ collapsed: false, panels: [] })
  }
})
