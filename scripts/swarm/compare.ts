/**
 * Several scenarios, against several servers: one table of verdicts. What a server is expected to do is in the scenario: the hub
 * keeps every assertion, and the loop fails exactly those in `loopFails`, of which it can be said (what only the hub's metrics
 * tell is unknown of the loop, and counts neither way). Of other servers nothing is expected.
 */
import { writeFileSync } from 'node:fs'
import type { Kind } from '../bench/peers/index.ts'
import type { Verdict } from './assert.ts'
import { report } from './report.ts'
import { runOnce } from './run.ts'
import type { Scenario } from './scenario.ts'
import { aligned, paint, warnings } from './screen.ts'
import type { Target } from './socket.ts'
import { show } from './units.ts'

/** Returns the exit code. */
export async function compare(
  scenarios: readonly Scenario[],
  where: Target | readonly Kind[],
  json: string | undefined,
  signal: AbortSignal,
): Promise<number> {
  const servers: readonly (Target | Kind)[] = 'host' in where ? [where] : where
  const reports: unknown[] = []
  let right = true
  for (const scenario of scenarios) {
    const columns: (readonly Verdict[])[] = []
    const notes: string[] = []
    for (const server of servers) {
      if (signal.aborted) return 1
      const { seen, verdicts } = await runOnce(scenario, server, signal)
      columns.push(verdicts)
      reports.push(report(scenario, server, seen, verdicts))
      notes.push(`${nameOf(server)}: ${show('share', seen.cpu)}`, ...warnings(seen))
    }
    const rows = scenario.assertions.map(({ text }, i) => [
      `  ${text}`,
      ...columns.map((verdicts, column) => {
        const asExpected = expected(scenario, servers[column]!, verdicts[i]!)
        right &&= asExpected
        return `${cell(verdicts[i]!)}${asExpected ? '' : ' !!! not as expected'}`
      }),
    ])
    const [head = '', ...body] = aligned([['  assertion', ...servers.map(nameOf)], ...rows], 'left')
    console.log(`${scenario.name}: ${scenario.about}`)
    console.log([paint('dim', head), ...body].join('\n'))
    console.log(paint('dim', `  CPU of the swarm: ${notes.join('; ')}\n`))
  }
  if (json === '-') console.log(JSON.stringify(reports, null, 2))
  else if (json !== undefined) writeFileSync(json, `${JSON.stringify(reports, null, 2)}\n`)
  console.log(right ? paint('green', 'everything as expected') : paint('red', 'not everything as expected (!!!)'))
  return right ? 0 : 1
}

/** Whether the verdict is the one that this server should get. */
export function expected({ loopFails }: Scenario, server: Target | Kind, { text, holds, known }: Verdict): boolean {
  if (server === 'guarded' || (server === 'loop' && loopFails === undefined)) return true
  if (server === 'loop') return !known || holds !== loopFails!.includes(text)
  return holds
}

function cell({ holds, known, measured }: Verdict): string {
  return known ? `${holds ? '✓' : '✗'} ${measured}` : '· unknown'
}

function nameOf(server: Target | Kind): string {
  return typeof server === 'string' ? server : `${server.host}:${server.port}`
}
