import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Many tests wait for real sockets and clocks: one worker a core leaves most of it idle.
    maxWorkers: 3,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    coverage: {
      include: ['src/log/**', 'src/*.ts', 'src/clients/**', 'src/sources/**', 'src/server/*.ts'],
      reporter: ['text', 'json-summary'],
    },
  },
})
