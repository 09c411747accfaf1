/** What is written as JSON: every figure by the name that assertions use, null where it is unknown, and the verdicts. */
import type { Kind } from '../bench/peers/index.ts'
import type { Verdict } from './assert.ts'
import type { Seen } from './attack.ts'
import { HUB_FIGURES, POPULATION_FIGURES, SWARM_FIGURES } from './figures.ts'
import type { Scenario } from './scenario.ts'
import type { Target } from './socket.ts'

export function report(scenario: Scenario, where: Target | Kind, seen: Seen, verdicts: readonly Verdict[]) {
  const { name, about, seed, rampMs, warmupMs, durationMs } = scenario
  const populations = seen.populations.map(population => {
    const { plan, closes, refusals, errors } = population
    const figures = mapped(POPULATION_FIGURES, ({ of }) => of(population, seen) ?? null)
    const by = (counts: ReadonlyMap<string | number, number>) => Object.fromEntries(counts)
    return { ...plan, figures, closes: by(closes), refusals: by(refusals), errors: by(errors) }
  })
  return {
    scenario: { name, about, seed, rampMs, warmupMs, durationMs },
    server: typeof where === 'string' ? where : `ws://${where.host}:${where.port}${where.path}`,
    seconds: seen.seconds,
    populations,
    swarm: mapped(SWARM_FIGURES, ({ of }) => of(seen, seen) ?? null),
    hub: mapped(HUB_FIGURES, ({ of }) => of(seen, seen) ?? null),
    verdicts,
  }
}

function mapped<T, R>(table: Readonly<Record<string, T>>, of: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(table).map(([name, value]) => [name, of(value)]))
}
