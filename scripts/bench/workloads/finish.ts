/** What every run says at its end besides its measures: who is still there, and that the load was not what limited it. */
import type { Measure, Measured } from '../results.ts'
import type { Run } from '../run.ts'

export async function finish(run: Run, measures: readonly Measure[], later = 0): Promise<Measured> {
  return { measures, connected: run.connected, clients: run.clients + later, loadCpu: run.loadCpuMost }
}
