/** Waiting without sleeping: for a condition, with a deadline that fails with what was waited for. */

const STEP_MS = 5
/** For a machine that does other things, too: less than a test has, so that it is told what was waited for. */
const PATIENCE_MS = 20_000

/** Resolves when the condition holds; rejects after `within` milliseconds, naming what did not happen. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  within = PATIENCE_MS,
  everyMs = STEP_MS,
): Promise<void> {
  const deadline = performance.now() + within
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, everyMs))
  }
}
