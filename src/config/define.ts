/**
 * The configuration file as a type, for whoever writes one in JavaScript: an editor then knows every option of a file that says
 * `@type {import('spillway').Configuration}`. Made of the table in settings.ts, as the schema in shape.ts is, so it has every
 * option that there is and no other. A type and no `defineConfig()`, so that a file needs nothing installed beside it.
 */
import type { OPCODES } from '../log/frame.ts'
import type { Overflow } from '../log/overflow.ts'
import type { SETTINGS } from '../settings.ts'
import type { SourceLike } from '../sources/source.ts'
import type { NamedOperator, NamedStage, Operator, Stage } from '../sources/stages.ts'
import type { Kind } from './values.ts'

/** As a person writes an amount: `16MiB`, `500ms`, `75%`. */
type Written = `${number}${string}`
type Listed<T extends string> = readonly T[] | string

/** What each kind of value may be written as. */
interface Values extends Record<Kind, unknown> {
  port: number | Written
  address: string
  count: number | Written
  number: number | Written
  bytes: number | Written
  size: number | Written
  duration: number | Written
  share: number | Written
  policy: Overflow
  policies: Listed<Overflow>
  origins: Listed<string>
  format: keyof typeof OPCODES
  restart: 'never' | 'failure' | 'always' | false
  switch: boolean
  word: string
  path: string
  command: string
  feeds: never
}

type Rows = Exclude<(typeof SETTINGS)[number], { readonly means: readonly string[] }>
type RowsOf<Part extends string> = Extract<Rows, { readonly into: readonly [Part, string] }>
type Whole<Path> = Path extends `${infer Option}.${string}` ? Option : never
type InParts<Row extends Rows, Option extends string> = {
  readonly [R in Row as R['into'][1] extends `${Option}.${infer Unit}` ? Unit : never]?: Values[R['kind']] | undefined
}
/** What stands for an option in parts when it is given as one value. */
type Alone<Option> = Option extends 'restart' ? Values['restart'] : Values['size']

type Options<Part extends string> = {
  readonly [R in RowsOf<Part> as R['into'][1] extends `${string}.${string}` ? never : R['into'][1]]?:
    | Values[R['kind']]
    | undefined
} & {
  readonly [Option in Whole<RowsOf<Part>['into'][1]>]?: Alone<Option> | InParts<RowsOf<Part>, Option> | undefined
}

type OneOrMore<T> = T | readonly T[]

/** A source as text. */
export type SourceText =
  | 'ticker'
  | 'host'
  | 'stdin'
  | `file:${string}`
  | `follow:${string}`
  | `replay:${string}`
  | `exec:${string}`

/** One feed of the file. */
export type FeedConfiguration = Options<'feed'> &
  Options<'source'> & {
    /** Where its messages come from: as text, or a source, or a function that is called when the hub opens. */
    readonly source?: SourceText | SourceLike
    /** Asynchronous stages before the pump. */
    readonly through?: OneOrMore<Stage | NamedStage>
    /** RxJS operators between pump and log. */
    readonly pipeline?: OneOrMore<Operator | NamedOperator>
  }

/** What `spillway.config.js` has as its default export. */
export interface Configuration {
  readonly serve?: Options<'serve'>
  readonly hub?: Options<'hub'>
  readonly feeds?: Readonly<Record<string, FeedConfiguration>>
}
