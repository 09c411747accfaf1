/** All workloads: those that make up the benchmark, and those that answer a question of their own. */
import type { Workload } from '../workload.ts'
import { fastThenSlow, trickle } from './age.ts'
import { churn, resume } from './churn.ts'
import { far } from './far.ts'
import { firehose } from './firehose.ts'
import { growth } from './growth.ts'
import { idle } from './idle.ts'
import { log } from './log.ts'
import { pause, quiet } from './quiet.ts'
import { slowSwarm } from './slow-swarm.ts'
import { steady } from './steady.ts'

/** In docs/benchmarks.md, in this order. */
export const BENCHMARK: readonly Workload[] = [
  ...[firehose, steady, slowSwarm, trickle, fastThenSlow],
  ...[idle, churn, resume, growth],
] as readonly Workload[]

export const WORKLOADS: readonly Workload[] = [...BENCHMARK, ...([far, quiet, pause, log] as readonly Workload[])]
