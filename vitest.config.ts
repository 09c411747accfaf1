import { defineConfig } from 'vitest/config'

/** What drives a browser, a Prometheus or a proxy is run by `npm run test:tools`, and not beside everything else: it wants the cores for itself. */
const TOOLS = [
  'test/clients/browser.test.ts',
  'test/grafana/prometheus.test.ts',
  'test/proxies.test.ts',
  'test/server/page.test.ts',
  'test/server/page-admin.test.ts',
  'test/server/page-operators.test.ts',
  'test/server/page-room.test.ts',
]
/** What looks at values, at text, or at a hub for a moment: many small files, which take longer to begin than to run. They share their workers. */
const SMALL = [
  'test/{config,docs,floors,journal,library,operations,options,outlet,protocol}.test.ts',
  'test/{bench,config}/*.test.ts',
  'test/grafana/{compose,dashboards}.test.ts',
  'test/log/{cursor,frame,gate,log,overflow,pins,run,segment,trim}.test.ts',
  'test/server/{admin,admit,http,metrics,metrics-clients,headroom,stats,page-source,rules}.test.ts',
  'test/swarm/{assert,frames,hub,scenario}.test.ts',
]
const { TOOLS: which } = process.env
const withTools = which === 'only'

/** Some of the tests, each file in a process of its own unless told. */
const project = (name: string, include: string[], exclude: string[] = [], isolate = true) => ({
  extends: true as const,
  test: { name, include, exclude, isolate },
})

export default defineConfig({
  test: {
    projects: withTools
      ? [project('tools', TOOLS)]
      : [project('small', SMALL, [], false), project('large', ['test/**/*.test.ts'], [...TOOLS, ...SMALL])],
    // Many tests wait for real sockets, clocks and processes: one worker a core leaves most of it idle.
    maxWorkers: withTools ? 1 : 4,
    // What runs beside others of its file (test/support/together.ts) waits for the clock: that many may.
    maxConcurrency: 10,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      include: ['src/log/**', 'src/*.ts', 'src/clients/**', 'src/sources/**', 'src/server/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
})
