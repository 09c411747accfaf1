/**
 * Tests that wait most of their time, beside each other: `const { describe, test } = together()` at the top of a file. What a helper
 * cleans up must then belong to the test that called it, and Vitest's own `onTestFinished` only knows the one that began last; so
 * helpers take the one of this file. Only a file that asks for it pays: telling tests apart makes every await dearer. What needs the
 * event loop for itself is a plain `test` of Vitest's at the top level of its file, and runs alone.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import { afterAll, aroundEach, describe, type TestContext, test, onTestFinished as whenLastFinished } from 'vitest'

const current = new AsyncLocalStorage<TestContext>()

export function together() {
  aroundEach((run, context) => current.run(context, run))
  afterAll(() => current.disable())
  return { describe: describe.concurrent, test: test.concurrent }
}

/** Does it when the test that calls this is over. */
export function onTestFinished(act: () => void | Promise<void>): void {
  const context = current.getStore()
  if (context === undefined) whenLastFinished(act)
  else context.onTestFinished(act)
}
