/** The built command line as a child process, ended when the test is over. */
import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from './together.ts'
import { until } from './until.ts'

export const CLI = join(import.meta.dirname, '../../dist/cli.js')

export interface Running {
  readonly child: ChildProcess
  readonly port: number
  readonly out: () => string
  readonly errors: () => string
  /** What it logged, as long as that is JSON. */
  log(): LogLine[]
  /** Resolves with the exit code. */
  readonly exit: Promise<number | null>
  /** Resident memory in bytes. */
  rss(): number
}

export interface LogLine {
  readonly level: string
  readonly time: string
  readonly msg: string
  readonly [field: string]: unknown
}

export const linesOf = (text: string): LogLine[] => {
  const whole = text.split('\n').slice(0, -1)
  return whole.map(line => JSON.parse(line) as LogLine)
}

/** Starts `spillway serve` on a free port, or on the one given, and waits until it listens. */
export async function serveCli(args: readonly string[], at = 0): Promise<Running> {
  const child = spawn(process.execPath, [CLI, 'serve', '--port', String(at), ...args])
  let [out, errors] = ['', '']
  child.stdout.on('data', chunk => {
    out += chunk
  })
  child.stderr.on('data', chunk => {
    errors += chunk
  })
  child.stdin.on('error', () => {})
  const exit = new Promise<number | null>(resolve => child.on('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
  })
  await until('the banner', () => /memory {2}at most/.test(out) || child.exitCode !== null)
  const port = Number(/page +http:\/\/[^/]*:(\d+)\//.exec(out)?.[1])
  if (!port) throw new Error(`spillway serve ${args.join(' ')} did not start: ${errors}`)
  return {
    child,
    port,
    out: () => out,
    errors: () => errors,
    log: () => linesOf(errors),
    exit,
    rss: () => rssOf(child.pid!),
  }
}

/** /proc/PID/statm counts pages; 0 where there is none. */
function rssOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096
  } catch {
    return 0
  }
}
