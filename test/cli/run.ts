/** The built command line with any arguments: started, or run to its end. `serveCli` in support/ starts a hub. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { CLI } from '../support/cli.ts'
import { onTestFinished } from '../support/together.ts'

export interface Started {
  readonly child: ChildProcess
  readonly out: () => Buffer
  readonly errors: () => string
  /** Resolves with the exit code, when what was read of its output is whole; null if a signal ended it. */
  readonly exit: Promise<number | null>
}

export interface StartOptions extends Pick<SpawnOptions, 'cwd' | 'env' | 'stdio'> {
  /** Take what it prints, as it prints it. @default true */
  readonly reading?: boolean
}

/** Starts `spillway`, with nothing on standard input unless told; it is ended when the test is over. */
export function start(args: readonly string[], options?: StartOptions): Started {
  const started = launch(args, options)
  onTestFinished(() => void started.child.kill('SIGKILL'))
  return started
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly errors: string
}

/** Runs `spillway` to its end. */
export async function run(args: readonly string[], options?: StartOptions): Promise<Ran> {
  const { child, out, errors, exit } = launch(args, options)
  const patience = setTimeout(() => child.kill('SIGKILL'), 20_000)
  const code = await exit
  clearTimeout(patience)
  return { code, out: out().toString(), errors: errors() }
}

function launch(args: readonly string[], { reading = true, ...options }: StartOptions = {}): Started {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'], ...options })
  const out: Buffer[] = []
  let errors = ''
  if (reading) child.stdout?.on('data', chunk => void out.push(chunk))
  child.stderr?.on('data', chunk => {
    errors += chunk
  })
  const exit = new Promise<number | null>(resolve => child.on(reading ? 'close' : 'exit', resolve))
  return { child, out: () => Buffer.concat(out), errors: () => errors, exit }
}
