/**
 * What a behaviour is: a sentence, its parameters with their defaults, and what its clients do when they connect, when they are
 * open and when the server has ended them. The behaviours themselves are in behaviours.ts and junk.ts, and know only the verbs of
 * client.ts.
 */
import type { Client } from './client.ts'
import type { Unit } from './units.ts'

export interface Param {
  /** A word is one of `words`, or any where there are none. */
  readonly unit: Unit | 'word'
  readonly default: string
  readonly about: string
  readonly words?: readonly string[]
}

export interface Behaviour {
  /** What it does, in a sentence. */
  readonly about: string
  readonly params: Readonly<Record<string, Param>>
  /** Whether it may read at a rate. */
  readonly paced?: boolean
  /** In place of connecting. */
  connect?(client: Client, values: Values): void
  /** The client is open. */
  begin?(client: Client, values: Values): void
  /** The server has ended it, or has refused it. */
  closed?(client: Client, values: Values): void
}

type Values = Readonly<Record<string, number | string>>
type ValuesOf<P extends Behaviour['params']> = {
  readonly [K in keyof P]: P[K]['unit'] extends 'word' ? string : number
}

/** Lets a behaviour name its parameters once: in `params`. */
export function behaviour<const P extends Behaviour['params']>(
  definition: Omit<Behaviour, 'params' | 'begin' | 'closed' | 'connect'> & {
    readonly params: P
    connect?(client: Client, values: ValuesOf<P>): void
    begin?(client: Client, values: ValuesOf<P>): void
    closed?(client: Client, values: ValuesOf<P>): void
  },
): Behaviour {
  return definition as unknown as Behaviour
}
