/**
 * What a workload is: a name, what it is about, who takes part, how large it is in each of three sizes, and one run of each of
 * its cases. Who goes first and how often is `drive`'s business; how it looks is `render`'s.
 */
import type { Kind } from './peers/index.ts'
import type { Measured } from './results.ts'
import { type Run, type RunPlan, start } from './run.ts'

/** Full: for docs/benchmarks.md. Quick: all within ten minutes. Tiny: does it work; figures mean nothing. */
export const SIZES = ['full', 'quick', 'tiny'] as const
export type Size = (typeof SIZES)[number]

/** Every number and word of it is an option of the same name on the command line. */
export type Setting = number | readonly number[] | boolean | string
export interface Settings {
  /** Runs of each kind; the order turns round from one to the next. */
  readonly pairs: number
  readonly [name: string]: Setting
}

export interface Workload<S extends Settings = Settings> {
  readonly name: string
  /** For the page: what is asked, of whom, under which conditions. */
  readonly about: string
  readonly kinds: readonly Kind[]
  readonly sizes: Readonly<Record<Size, S>>
  /** Of settings that are words: the words there are. */
  readonly words?: Readonly<Record<string, readonly string[]>>
  /** Throws what `refuse` understands if settings and kinds do not go together. */
  check?(settings: S, kinds: readonly Kind[]): string | undefined
  cases(settings: S): readonly Case[]
}

export interface Case {
  readonly name: string
  once(kind: Kind): Promise<Measured>
}

/** A run that is closed whatever happens in it. */
export async function during<T>(kind: Kind, plan: RunPlan, body: (run: Run) => Promise<T>): Promise<T> {
  const run = await start(kind, plan)
  try {
    return await body(run)
  } finally {
    await run.close()
  }
}
