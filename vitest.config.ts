import { defineConfig } from 'vitest/config'

/** What drives a browser, a Prometheus or a proxy is run by `npm run test:tools`, and not beside everything else: it wants the cores for itself. */
const TOOLS = [
  'test/clients/browser.test.ts',
  'test/grafana/prometheus.test.ts',
  'test/proxies.test.ts',
  'test/server/page.test.ts',
  'test/server/page-admin.test.ts',
  'test/server/page-operators.test.ts',
]
const { TOOLS: which } = process.env
const withTools = which === 'only'

export default defineConfig({
  test: {
    include: withTools ? TOOLS : ['test/**/*.test.ts'],
    exclude: withTools ? [] : TOOLS,
    // Many tests wait for real sockets and clocks: one worker a core leaves most of it idle.
    maxWorkers: withTools ? 1 : 3,
    // What runs beside others of its file (test/support/together.ts) waits for the clock: that many may.
    maxConcurrency: 20,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      include: ['src/log/**', 'src/*.ts', 'src/clients/**', 'src/sources/**', 'src/server/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
})
