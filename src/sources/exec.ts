/**
 * What a command writes, as a source: `exec('vmstat 1')`. It runs through the shell, in a process group of its own, from the first
 * time that the feed asks. While nobody asks, its pipe is not read, and the kernel holds it. What it writes to standard error
 * goes to the logger. When the feed takes no more the whole group is ended: SIGTERM, and SIGKILL if that does not do. Its
 * exit is told: 0 is the end of the source, anything else a failure, after which it is asked again with growing delays.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { z } from 'zod'
import { lineCutter } from '../cut.ts'
import { reasonOf, SpillwayError } from '../errors.ts'
import { parse } from '../parse.ts'
import { readableFrom } from './bytes.ts'
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
  parse(
    z
      .string()
      .min(1)
      .refine(text => !text.includes('\0'), 'a command without NUL'),
    command,
    'exec',
  )
  const settings = parse(schema, options, 'exec')
  const open = (opening: Opening) => runOf(command, settings, opening)
  return Object.assign(open, options.restart === undefined ? {} : { restart: options.restart })
}

type Settings = z.output<typeof schema>

function runOf(command: string, settings: Settings, opening: Opening): Readable {
  const stopped = new AbortController()
  const stop = settings.signal ? AbortSignal.any([settings.signal, stopped.signal]) : stopped.signal
  return readableFrom(output(command, settings, opening, stop), () => stopped.abort())
}

/** Runs it; what it writes, as it is asked for. @throws SpillwayError `source_failed` when it exits with an error */
async function* output(
  command: string,
  { cwd, env, killMs }: Settings,
  { feed, logger }: Opening,
  stop: AbortSignal,
): AsyncGenerator<Buffer, void> {
  if (stop.aborted) return
  // detached: a group of its own, so that what the shell started ends with the shell.
  const child = spawn(command, { shell: true, detached: true, stdio: ['ignore', 'pipe', 'pipe'], cwd, env })
  track(child)
  const closed = new Promise<string | undefined>((resolve, reject) => {
    // Node blames the shell, whatever was missing.
    child.on('error', error =>
      reject(
        failed(
          `could not be run: ${cwd !== undefined && !existsSync(cwd) ? 'its folder (cwd) is not there' : reasonOf(error)}`,
        ),
      ),
    )
    // 'close' and not 'exit': by then everything it wrote has come through.
    child.on('close', (code, by) =>
      resolve(code === 0 ? undefined : by === null ? `exited with code ${code}` : `was ended by ${by}`),
    )
  })
  closed.catch(() => {}) // it is awaited behind the output
  tellLines(child, line => logger.warn(`feed ${feed}: stderr: ${line.toString()}`))
  const kill = () => end(child, killMs)
  stop.addEventListener('abort', kill, { once: true })
  try {
    yield* child.stdout
    const failure = await closed
    if (failure !== undefined && !stop.aborted) throw failed(failure)
  } catch (error) {
    if (!stop.aborted) throw error
  } finally {
    stop.removeEventListener('abort', kill)
    kill()
  }
}

/** Without the command itself: the sentence goes to clients, and commands have passwords in them. */
function failed(how: string): SpillwayError {
  return new SpillwayError('source_failed', `the command ${how}`)
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
  // The shell may go before what it started.
  child.once('exit', () => {
    if (!signalGroup(child, 0)) clearTimeout(timer)
  })
}

/** Returns whether anybody was there to get it. */
function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals | 0): boolean {
  try {
    return pid !== undefined && process.kill(-pid, signal)
  } catch {
    return false
  }
}

function track(child: ChildProcess): void {
  // One that could not be started is told by its 'error', and there is nothing to end.
  if (child.pid === undefined) return
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
