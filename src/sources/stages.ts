/**
 * What may stand between a source and its feed: asynchronous stages before the pump (`through`), and RxJS operators behind it
 * (`pipeline`). Types, names and checks; through.ts and pipeline.ts do the work.
 */
import type { Duplex } from 'node:stream'
import type { Observable } from 'rxjs'
import { expected, SpillwayError } from '../errors.ts'

/** Takes what comes, and gives what goes on. `source => …` may be an async generator. */
export type StageFunction = {
  // A method, because its parameter is then compared both ways: what a stage takes is what the stage before it gives, and
  // that is between the two of them. The price: parameters have to say their type.
  stage(source: AsyncIterable<unknown>): AsyncIterable<unknown>
}['stage']

/** An asynchronous stage: a function, a Duplex for one run, or a function without parameters that makes one for each run. */
export type Stage = StageFunction | Duplex | (() => Duplex)

/** An RxJS operator, as `map(…)` makes one. The first is given messages; the last gives messages or payloads. */
export type Operator = {
  operator(source: Observable<unknown>): Observable<unknown>
}['operator']

export interface NamedStage {
  readonly name: string
  readonly stage: Stage
}

export interface NamedOperator {
  readonly name: string
  readonly operator: Operator
}

/** `through[0] (gunzip)`: its place, and its name if it has one. */
export function nameOf(list: string, index: number, name: string): string {
  return `${list}[${index}]${name === '' ? '' : ` (${name})`}`
}

export function isDuplex(value: unknown): value is Duplex {
  const { pipe, write } = (value ?? {}) as Partial<Duplex>
  return typeof pipe === 'function' && typeof write === 'function'
}

/** @throws SpillwayError `bad_option` */
export function namedStages(stages: readonly (Stage | NamedStage)[], what: string): NamedStage[] {
  return listOf(stages, what).map((given, i) => {
    const { name, stage } =
      given !== null && typeof given === 'object' && 'stage' in given ? given : { name: '', stage: given }
    if (typeof stage !== 'function' && !isDuplex(stage)) {
      throw new SpillwayError('bad_option', expected(`${what}[${i}]`, 'a function, a Duplex or { name, stage }', given))
    }
    return { name: name || nameIn(stage), stage }
  })
}

/** @throws SpillwayError `bad_option` */
export function namedOperators(operators: readonly (Operator | NamedOperator)[], what: string): NamedOperator[] {
  return listOf(operators, what).map((given, i) => {
    const { name, operator } =
      given !== null && typeof given === 'object' && 'operator' in given ? given : { name: '', operator: given }
    if (typeof operator !== 'function') {
      throw new SpillwayError('bad_option', expected(`${what}[${i}]`, 'an RxJS operator or { name, operator }', given))
    }
    return { name: name || operator.name, operator }
  })
}

function listOf<T>(given: readonly T[], what: string): readonly T[] {
  if (!Array.isArray(given)) throw new SpillwayError('bad_option', expected(what, 'a list', given))
  return given
}

function nameIn(stage: Stage): string {
  return typeof stage === 'function' ? stage.name : (stage.constructor?.name ?? '')
}
