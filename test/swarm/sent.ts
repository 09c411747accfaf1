/** A swarm sent against a server of the test's, in this process; it ends when the test says so, or is over. */
import { onTestFinished } from 'vitest'
import { attack, type Seen } from '../../scripts/swarm/attack.ts'
import type { Population } from '../../scripts/swarm/population.ts'
import { scenarioOf } from '../../scripts/swarm/scenario.ts'

export interface Swarm {
  /** What has been seen, once there is something. */
  readonly populations: readonly Population[]
  /** Ends it, and tells what was seen. */
  end(): Promise<Seen>
}

/** `clients` as in a scenario file. Figures count from the moment that everybody is there. */
export function send(port: number, clients: readonly object[], more: object = {}): Swarm {
  const plan = scenarioOf({ about: 'a test', clients, ramp: '0s', duration: '60s', ...more }, 'test')
  const stop = new AbortController()
  const populations: Population[] = []
  const target = { host: '127.0.0.1', port, path: '/feeds/f' }
  const met = (those: readonly Population[]) => void populations.push(...those)
  const seen = attack(plan, target, { signal: stop.signal, met })
  const end = () => {
    stop.abort()
    return seen
  }
  onTestFinished(async () => void (await end()))
  return { populations, end }
}
