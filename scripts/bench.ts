/**
 * The benchmark: the hub and its peers in the same run, alternating, each in a process of its own and the load in another, pinned
 * to a core each where there are two. Ratios first: machines are shared and noisy, so times mean little and a time is never asserted.
 *
 *     npm run bench                            the whole benchmark; writes docs/benchmarks.json, docs/benchmarks.md, the README's figures
 *     npm run bench -- --again                 the whole once more, compared with docs/benchmarks.json; writes how many ratios were reproduced
 *     npm run bench -- --quick                 the whole of it in ten minutes; writes nothing
 *     npm run bench -- --tiny                  does it work? For CI: judges accounts and connections, and no times
 *     npm run bench -- WORKLOAD [options]      one workload, full size; or --quick, or --tiny
 *
 * Of the benchmark: firehose [--per-turn 1,8,64] [--window] · steady · slow-swarm [--silent 500,0] [--overflow skip|evict] · trickle ·
 * fast-then-slow [--stop] · idle · churn · resume · growth. And each with a question of its own: far [--delay 100,300] · quiet · pause · log.
 *
 * All take --pairs, --json FILE, --markdown FILE, and --kinds with some of: spillway, off (its window), loop, guarded, socketio, socketcluster.
 * What else a workload takes are its settings, in scripts/bench/workloads. Progress goes to stderr, tables to stdout.
 */
import { writeFileSync } from 'node:fs'
import { parse, Refusal, type Request, type Task } from './bench/args.ts'
import { compare } from './bench/compare.ts'
import { drive } from './bench/drive.ts'
import { machine, told } from './bench/machine.ts'
import { benchmarksPage, documents, toldComparison } from './bench/page.ts'
import { grids, terminal } from './bench/render.ts'
import { json, KEPT, kept, type Report } from './bench/report.ts'
import type { Table } from './bench/results.ts'

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1))

const argv = process.argv.slice(2)
const request = ask()
const started = performance.now()
const measuredOn = machine()
console.log(told(measuredOn))
const tables: Table[] = []
if (request.size === 'tiny') {
  // No time is judged, so all workloads may run at the same time.
  tables.push(...(await Promise.all(request.tasks.map(driven))))
  tables.forEach(print)
} else {
  for (const task of request.tasks) {
    const table = await driven(task)
    tables.push(table)
    print(table)
  }
}
const report: Report = {
  command: ['npm run bench', ...(argv.length === 0 ? [] : ['--', ...commandOf(argv)])].join(' '),
  size: request.size,
  minutes: Math.round((performance.now() - started) / 6_000) / 10,
  machine: measuredOn,
  tables,
}
write(request)
console.log(`\n${report.minutes} minutes`)
const failures = tables.flatMap(table => table.failures)
if (failures.length > 0) {
  console.error(`\nfailed:\n${failures.join('\n')}`)
  process.exit(1)
}
process.exit() // children that were killed may still have handles here

function driven(task: Task): Promise<Table> {
  const progress = (line: string) => console.error(`  ${line}`)
  return drive(task.workload, { ...task, progress, strict: request.size === 'tiny' })
}

function ask(): Request {
  try {
    return parse(argv)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    console.error(error.message)
    process.exit(2)
  }
}

function print(table: Table): void {
  console.log(`\n${table.workload}: ${table.about}`)
  for (const grid of grids(table)) console.log(`\n${terminal(grid)}`)
  for (const failure of table.failures) console.log(`failed: ${failure}`)
}

/** What was asked for, without the places it is written to. */
function commandOf(args: readonly string[]): readonly string[] {
  const places = ['--json', '--markdown']
  return args.filter((arg, i) => !places.some(place => arg.startsWith(place)) && !places.includes(args[i - 1] ?? ''))
}

function write({ whole, again, json: jsonFile, markdown: markdownFile }: Request): void {
  if (jsonFile !== undefined) writeFileSync(jsonFile, json(report))
  if (markdownFile !== undefined) writeFileSync(markdownFile, benchmarksPage(report))
  if (whole) keep(report)
  if (again) keepComparison()
}

/** Into the documents. */
function keep(what: Report): void {
  writeFileSync(KEPT, json(what))
  for (const [file, text] of Object.entries(documents(what))) writeFileSync(file, text)
}

function keepComparison(): void {
  const first = kept()
  if (first === undefined) throw new Error('there is no docs/benchmarks.json to compare with')
  const { date, commit } = measuredOn
  const second = { date, commit, minutes: report.minutes, ...compare(first.tables, tables) }
  keep({ ...first, second })
  console.log(`\n${toldComparison(second)}`)
}
