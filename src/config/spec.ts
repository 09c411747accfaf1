/**
 * A source as text: `ticker`, `file:PATH`, `exec:COMMAND`. The same words on the command line, in the environment and in the
 * configuration file; and the names of feeds whose source was given without one.
 */
import { basename } from 'node:path'
import { FEED_NAME } from '../protocol.ts'
import type { SourceLike } from '../sources/source.ts'

/** Where the messages of a feed come from, not yet opened. */
export type SourceSpec =
  | { readonly kind: 'ticker' | 'host' | 'stdin' }
  | { readonly kind: 'file' | 'follow' | 'replay'; readonly path: string }
  | { readonly kind: 'exec'; readonly command: string }
  /** From a .js file: a source, or a function that makes one when the hub opens. */
  | { readonly kind: 'own'; readonly source: SourceLike }

export const SOURCE_RULE = 'ticker, host, stdin, file:PATH, follow:PATH, replay:PATH or exec:COMMAND'

/** Undefined if it is none of the forms. */
export function parseSource(text: string): SourceSpec | undefined {
  if (text === 'ticker' || text === 'host' || text === 'stdin') return { kind: text }
  const [, kind, rest] = /^(file|follow|replay|exec):(.*\S.*)$/s.exec(text) ?? []
  if (kind === undefined || rest === undefined) return undefined
  return kind === 'exec' ? { kind, command: rest } : { kind: kind as 'file' | 'follow' | 'replay', path: rest }
}

export function sourceText(spec: SourceSpec): string {
  if (spec.kind === 'own') return 'its own'
  if (spec.kind === 'exec') return `exec:${spec.command}`
  return 'path' in spec ? `${spec.kind}:${spec.path}` : spec.kind
}

/**
 * The name of a feed that was given a source and none: of a file its own, without folder and last extension; of a command its first
 * word, without folder. What may not stand in a name becomes a dash, and a name begins with a letter or digit.
 */
export function nameOf(spec: SourceSpec): string {
  const word = spec.kind === 'exec' ? program(spec.command) : 'path' in spec ? stem(spec.path) : spec.kind
  const name = word
    .replace(/[^A-Za-z0-9_.-]+/g, '-')
    .replace(/^[^A-Za-z0-9]+/, '')
    .slice(0, 64)
    .replace(/-+$/, '')
  return FEED_NAME.test(name) ? name : spec.kind
}

/** The first word that is no variable: `LANG=C vmstat 1` is vmstat. */
function program(command: string): string {
  const words = command.trim().split(/\s+/)
  return basename(words.find(word => !/^\w+=/.test(word)) ?? '')
}

function stem(path: string): string {
  return basename(path).replace(/(.)\.[^.]*$/, '$1')
}
