/**
 * The benchmark: the hub and the loop that people write today, in the same run, alternating, each in a process of its own and
 * the load in another, pinned to a core each where there are two. Ratios first: machines are shared and noisy, so times mean
 * little and a time is never asserted. Figures are medians of the runs; beside each stands how many were still connected at
 * the end, in the run with the fewest.
 *
 *     npm run bench -- firehose [--per-turn 1,8,64] [--window]   deliveries/s; with --window: the window on and off
 *     npm run bench -- steady [--clients 5000] [--rate 20]       CPU time of many clients and little to say
 *     npm run bench -- never-readers [--silent 500] [--healthy 500] [--rate 2000] [--overflow skip|evict]
 *     npm run bench -- freshness [--read 16000]                  age of what slow clients read
 *     npm run bench -- fast-then-slow [--stop]                   the same, for one that changes; --stop: that stop at once
 *     npm run bench -- far [--delay 100,300]                     a fast client so many milliseconds away and back
 *     npm run bench -- quiet                                     messages now and then, five minutes
 *     npm run bench -- pause                                     a lossless feed with little room and one reader
 *     npm run bench -- idle [--clients 10000]                    memory of clients that only listen
 *     npm run bench -- log                                       append cost against cursors, memory without clients
 *
 * All take --pairs and --seconds, and but for the log --kinds spillway,off,loop,guarded: the hub, the hub with its window off,
 * the loop, and the loop that leaves out whose `bufferedAmount` is above 64 KiB.
 */
import { cpus } from 'node:os'
import { refuse, words } from './bench/args.ts'
import { far } from './bench/far.ts'
import { firehose, steady } from './bench/firehose.ts'
import { fastThenSlow, freshness } from './bench/freshness.ts'
import { idle } from './bench/idle.ts'
import { logTrial } from './bench/log.ts'
import { neverReaders } from './bench/never-readers.ts'
import { pause, quiet } from './bench/quiet.ts'
import { PINNED } from './bench/run.ts'

const WORKLOADS: Readonly<Record<string, () => Promise<void>>> = {
  firehose,
  steady,
  'never-readers': neverReaders,
  freshness,
  'fast-then-slow': fastThenSlow,
  far,
  quiet,
  pause,
  idle,
  log: logTrial,
}
const workload =
  WORKLOADS[words[0] ?? ''] ?? refuse('workload', `one of ${Object.keys(WORKLOADS).join(', ')}`, words[0] ?? '')
const node = `node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores${PINNED ? ', pinned' : ''}`
console.log(`${process.argv.slice(2).join(' ')}: ${node}`)
await workload()
