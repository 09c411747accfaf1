/**
 * What a command writes, as a source: `exec('vmstat 1')`. It runs through the shell, in a process group of its own, from the first
 * time that the feed asks. While nobody asks, its pipe is not read, and the kernel holds it. What it writes to standard error
 * goes to the logger. When the feed takes no more the whole group is ended: SIGTERM, and SIGKILL if that does not do. Its
 * exit is told: 0 is the end of the source, anything else a failure, after which it is asked again with growing delays.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { Readable } from 'node:stream'
import { z } from 'zod'
import { lineCutter } from '../cut.ts'
import { SpillwayError } from '../errors.ts'
import { parse } from '../options.ts'
import type { RestartOptions } from './restart.ts'
import type { Opening, SourceFunction } from './source.ts'

export interface ExecOptions {
  /** Where it runs. @default where the hub runs */
  readonly cwd?: string
  /** Its environment. @default the hub's */
  readonly env?: NodeJS.ProcessEnv
  /** From SIGTERM to SIGKILL, in milliseconds. @default 2_000 */
  readonly killMs?: number
  /** When it is run again; false = never. @default after failures, with the defaults of RestartOptions */
  readonly restart?: RestartOptions | false
  /** Ends the source. @default none */
  readonly signal?: AbortSignal
}

/** Of a line on standard error; what is longer is cut. */
const STDERR_LINE_BYTES = 4_096
const MAX_KILL_MS = 600_000

const schema = z.strictObject({
  cwd: z.string().optional(),
  env: z.custom<NodeJS.ProcessEnv>(value => typeof value === 'object' && value !== null, 'an object').optional(),
  killMs: z.number().min(0).max(MAX_KILL_MS).default(2_000),
  restart: z.unknown().optional(),
  signal: z.custom<AbortSignal>(value => value instanceof AbortSignal, 'an AbortSignal').optional(),
})

/** Process groups that run: a hub that exits at once takes them along. */
const running = new Set<ChildProcess>()

/** The standard output of a command. @throws SpillwayError `bad_option` */
export function exec(command: string, options: ExecOptions = {}): SourceFunction {
  parse(z.string().min(1), command, 'exec')
  const settings = parse(schema, options, 'exec')
  const open = (opening: Opening) => runOf(command, settings, opening)
  return Object.assign(open, options.restart === undefined ? {} : { restart: options.restart })
}

type Settings = z.output<typeof schema>

function runOf(command: string, { cwd, env, killMs, signal }: Settings, { feed, logger }: Opening): Readable {
  let child: ChildProcess | undefined
  const start = () => {
    // detached: a group of its own, so that what the shell started ends with the shell.
    const started = spawn(command, { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'], cwd, env })
    child = started
    track(started)
    started.stdout.on('data', chunk => {
      if (!source.push(chunk)) started.stdout.pause()
    })
    const tell = (line: Buffer) => logger.warn(`feed ${feed}: ${command}: ${line.toString()}`)
    tellLines(started, tell)
    started.on('error', error => source.destroy(error))
    // 'close' and not 'exit': by then everything it wrote has come through.
    started.on('close', (code, by) => {
      if (code === 0 || signal?.aborted === true) source.push(null)
      else source.destroy(failed(command, by === null ? `exited with code ${code}` : `was ended by ${by}`))
    })
  }
  const source = new Readable({
    read() {
      if (child === undefined) start()
      else child.stdout?.resume()
    },
    destroy(error, done) {
      signal?.removeEventListener('abort', stop)
      stop()
      done(error)
    },
  })
  const stop = () => {
    if (child === undefined) source.push(null)
    else end(child, killMs)
  }
  signal?.addEventListener('abort', stop, { once: true })
  if (signal?.aborted === true) source.push(null)
  return source
}

function failed(command: string, how: string): SpillwayError {
  return new SpillwayError('source_failed', `${command}: ${how}`)
}

function tellLines({ stderr }: ChildProcess, tell: (line: Buffer) => void): void {
  const cutter = lineCutter(STDERR_LINE_BYTES, () =>
    tell(Buffer.from(`(a line of more than ${STDERR_LINE_BYTES} bytes)`)),
  )
  stderr?.on('data', (chunk: Buffer) => {
    for (const line of cutter.push(chunk)) tell(line)
  })
  stderr?.on('end', () => {
    for (const line of cutter.end()) tell(line)
  })
}

/** Ends the group: with SIGTERM, and after a while with SIGKILL, whatever of it is left. */
function end(child: ChildProcess, killMs: number): void {
  if (!running.has(child)) return
  // It may be held because nobody reads its pipe: then it learns that nobody will.
  child.stdout?.destroy()
  signalGroup(child, 'SIGTERM')
  // Not unref'ed: a hub that is done waits until what it started is gone.
  const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), killMs)
  child.once('exit', () => clearTimeout(timer))
}

function signalGroup({ pid }: ChildProcess, name: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, name)
  } catch {
    // It is gone already.
  }
}

function track(child: ChildProcess): void {
  if (running.size === 0) process.on('exit', killAll)
  running.add(child)
  child.once('close', () => {
    running.delete(child)
    if (running.size === 0) process.off('exit', killAll)
  })
}

function killAll(): void {
  for (const child of running) signalGroup(child, 'SIGKILL')
}
