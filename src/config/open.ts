/** From what a configuration says of a source to the source itself. Called by serve, and by the rules for those that begin nothing yet. */
import { createReadStream } from 'node:fs'
import { access, constants, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import type { FeedPlan } from '../config.ts'
import { reasonOf } from '../errors.ts'
import { type ExecOptions, exec } from '../sources/exec.ts'
import { type FollowOptions, follow } from '../sources/follow.ts'
import { host } from '../sources/host.ts'
import { type ReplayOptions, replay } from '../sources/replay.ts'
import type { SourceLike } from '../sources/source.ts'
import { type TickerOptions, ticker } from '../sources/ticker.ts'
import type { SourceSpec } from './spec.ts'

/** @throws SpillwayError `bad_option` */
export function openSource({ source, sourceOptions }: Pick<FeedPlan, 'source' | 'sourceOptions'>): SourceLike {
  switch (source.kind) {
    case 'ticker':
      return ticker(sourceOptions as TickerOptions)
    case 'host':
      return host()
    case 'stdin':
      return process.stdin
    case 'file':
      return createReadStream(source.path)
    case 'follow': {
      const { fromStart, ...options } = sourceOptions as FollowOptions & { readonly fromStart?: boolean }
      return follow(source.path, { ...options, ...(fromStart === true ? { from: 'start' } : {}) })
    }
    case 'replay':
      return replay(source.path, sourceOptions as ReplayOptions)
    case 'exec':
      return exec(source.command, sourceOptions as ExecOptions)
    case 'own':
      return source.source
  }
}

/** Whether making it reads or runs nothing yet: then it can be made to see what it has to say of its options. */
export function isIdle({ kind }: SourceSpec): boolean {
  return kind !== 'stdin' && kind !== 'file'
}

/** Why what a source names cannot be read; undefined if it can, or names nothing. Who follows a file may wait for it. */
export async function missingFile(source: SourceSpec, folder: string): Promise<string | undefined> {
  if (!('path' in source)) return undefined
  const path = resolve(folder, source.path)
  try {
    const stats = await stat(path)
    await access(path, constants.R_OK)
    // Opening a FIFO nobody writes into blocks a thread that Node waits for at the end: redirect it to stdin instead.
    return stats.isFile() ? undefined : 'this is none'
  } catch (error) {
    const comes = source.kind === 'follow' && (error as NodeJS.ErrnoException).code === 'ENOENT'
    return comes ? undefined : reasonOf(error)
  }
}
