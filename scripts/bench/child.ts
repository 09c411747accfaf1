/**
 * A process of a run: started on a core of its own, asked and answered over its channel, and ended with its parent whatever
 * happens. Nobody is waited for without end.
 */
import { type ChildProcess, fork, spawnSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { rssOf } from '../swarm/kernel.ts'

export const PINNED = cpus().length >= 2 && spawnSync('taskset', ['-V']).status === 0

/** Keeps a process on one core, where there are two. */
export function pin(pid: number, core: number): void {
  if (PINNED) spawnSync('taskset', ['-acp', String(core), String(pid)])
}

/** An overrun event loop answers nothing any more; then the run goes on with what is seen from outside. */
const PATIENCE_MS = 8_000
/** Thousands of handshakes take their time. */
const START_MS = 60_000

const children = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of children) child.kill('SIGKILL')
})

/** What a child is sent, and what it sends back; 0 is the hello that it sends unasked. */
export interface Question<C> {
  readonly id: number
  readonly command: C
}
export interface Answer {
  readonly id: number
  readonly answer: unknown
}

/** `C`: the commands it knows. */
export class Child<C> {
  readonly #file: string
  readonly #process: ChildProcess
  #lastId = 0

  constructor(file: string, plan: unknown, core: number) {
    this.#file = file
    // The collector is called where memory is weighed, and nowhere else.
    const execArgv = ['--import', 'tsx', '--expose-gc']
    this.#process = fork(join(import.meta.dirname, file), [JSON.stringify(plan)], { execArgv })
    children.add(this.#process)
    pin(this.pid, core)
  }

  /** What it says first, when it is ready. */
  async hello<T>(): Promise<T> {
    const hello = await this.#answer<T>(0, START_MS)
    if (hello === undefined) throw new Error(`${this.#file} was not ready after ${START_MS} ms`)
    return hello
  }

  /** Undefined if it is too busy to answer. */
  async ask<T>(command: C): Promise<T | undefined> {
    if (!this.#process.connected) throw new Error(`${this.#file} ended with ${this.#process.exitCode}`)
    const id = ++this.#lastId
    const answer = this.#answer<T>(id, PATIENCE_MS)
    const question: Question<C> = { id, command }
    this.#process.send(question)
    return answer
  }

  get pid(): number {
    return this.#process.pid!
  }

  /** How it ended, if it has. */
  get ended(): string | undefined {
    const { exitCode, signalCode } = this.#process
    return exitCode === null && signalCode === null ? undefined : `${signalCode ?? exitCode}`
  }

  /** Resident memory, from /proc: also when it is too busy to say. */
  get rss(): number {
    return rssOf(this.pid) || 0
  }

  kill(): void {
    children.delete(this.#process)
    this.#process.kill('SIGKILL')
  }

  #answer<T>(id: number, patienceMs: number): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer)
        this.#process.off('message', onMessage)
        this.#process.off('exit', onExit)
      }
      const timer = setTimeout(() => {
        end()
        resolve(undefined)
      }, patienceMs)
      const onMessage = (message: unknown) => {
        if ((message as Answer).id !== id) return
        end()
        resolve((message as Answer).answer as T)
      }
      const onExit = (code: number | null, signal: string | null) => {
        end()
        reject(new Error(`${this.#file} ended with ${code ?? signal}`))
      }
      this.#process.on('message', onMessage)
      this.#process.on('exit', onExit)
    })
  }
}
