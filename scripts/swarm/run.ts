/** One scenario against one server: starts it if it is to be started, attacks, judges, and leaves nothing behind. */
import type { Kind } from '../bench/peers/index.ts'
import { startServer } from './against.ts'
import { judge, type Verdict } from './assert.ts'
import { attack, type Seen } from './attack.ts'
import type { Scenario } from './scenario.ts'
import { Progress } from './screen.ts'
import type { Target } from './socket.ts'

/** A loop's queues grow without end; the machine's memory does not. */
const MOST_RSS = 4 * 2 ** 30

export interface Run {
  readonly seen: Seen
  readonly verdicts: readonly Verdict[]
}

export async function runOnce(scenario: Scenario, where: Target | Kind, signal: AbortSignal): Promise<Run> {
  const clients = scenario.populations.reduce((sum, { count }) => sum + count, 0)
  const started = typeof where === 'string' ? await startServer(where, scenario.server, clients) : undefined
  const progress = new Progress(typeof where === 'string' ? `${scenario.name} against ${where}` : scenario.name)
  const enough = new AbortController()
  try {
    const seen = await attack(scenario, started?.target ?? (where as Target), {
      pid: started?.pid,
      signal: AbortSignal.any([signal, enough.signal]),
      second: (seen, phase) => {
        progress.second(seen, phase)
        if ((started?.rss ?? 0) > MOST_RSS) enough.abort()
      },
    })
    return { seen, verdicts: scenario.assertions.map(assertion => judge(assertion, seen)) }
  } finally {
    progress.end()
    if (started?.ended !== undefined) console.error(`!!! the server did not survive: it ended with ${started.ended}`)
    await started?.close()
  }
}
