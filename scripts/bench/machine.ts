/** Where and with what something was measured: as much as somebody needs who wants to measure it again. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, platform, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { PINNED } from './child.ts'
import { KINDS, peerOf } from './peers/index.ts'

export interface Machine {
  readonly date: string
  /** With a + if files differed from it. */
  readonly commit: string
  readonly node: string
  readonly packages: Readonly<Record<string, string>>
  readonly kernel: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  /** Server and load on a core each. */
  readonly pinned: boolean
}

const ROOT = join(import.meta.dirname, '../..')

export function machine(): Machine {
  const names = [...new Set(KINDS.flatMap(kind => peerOf(kind).packages))]
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: commit(),
    node: process.version,
    packages: Object.fromEntries(names.map(name => [name, versionOf(name)])),
    kernel: `${platform()} ${/^[\d.]+/.exec(release())?.[0] ?? ''}`.trim(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    pinned: PINNED,
  }
}

export function told(of: Machine): string {
  const packages = Object.entries(of.packages).map(([name, version]) => `${name} ${version}`)
  const cores = `${of.cores} cores${of.pinned ? ', server and load pinned to one each' : ''}`
  return `${of.date}, commit ${of.commit}; ${of.cpu}, ${cores}, ${of.memoryGiB} GiB; ${of.kernel}, node ${of.node}; ${packages.join(', ')}`
}

function versionOf(name: string): string {
  const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}

function commit(): string {
  const git = (...args: string[]) => execFileSync('git', args, { cwd: ROOT, encoding: 'utf8', stdio: 'pipe' }).trim()
  try {
    // What a run writes itself does not count as a difference.
    const changed = git('status', '--porcelain', '--untracked-files=no', '--', 'src', 'scripts', 'package-lock.json')
    return git('rev-parse', '--short=10', 'HEAD') + (changed === '' ? '' : '+')
  } catch {
    return 'unknown'
  }
}
