/**
 * A feed's pipeline: RxJS operators between pump and log. They are synchronous and do not expand, by contract, because nothing between
 * pump and log can wait: a stage that keeps messages and gives them later (`concatMap` with a delay) takes whatever the source has
 * while the log stays empty and demand open (measured: 919,869 messages, 500 MB).
 *
 *     push ─▶ 0 ─▶ stage 0 ─▶ 1 ─▶ stage 1 ─▶ 2 ─▶ publish       a boundary before each stage, and behind the last
 *
 * Every boundary knows whether the stage before it is being fed just now, and what it has given for it. So a message that comes when
 * nobody feeds the stage, or a second one for one, names that stage, and not the one that comes next. Allowed besides is
 * what a stage emits within its subscription and within its completion.
 *
 * A stage that gives nothing looks like a filter to the boundaries, whatever it keeps: that is found by hoard.ts.
 *
 * One chain for the life of the log: its stages keep what they know when the source is restarted.
 */
import { Observable, Subject, type Subscriber, type Subscription } from 'rxjs'
import { reasonOf, SpillwayError } from '../errors.ts'
import type { Message } from '../message.ts'
import { afterCollections, type Collection, type Glimpse, Hoard, memoryHeld, memoryOld, type Sight } from './hoard.ts'
import { type NamedOperator, nameOf } from './stages.ts'

type Emit = (item: unknown) => void

/** What a hub itself holds, which no stage is to blame for. */
export interface Holdings {
  /** Bytes of its logs, and of what unfinished writes keep of them. */
  readonly logBytes: () => number
  readonly clients: () => number
}

/** What a pipeline is told, and tells, where a stage keeps what it is given. */
export interface PipelineHost extends Holdings {
  readonly warn: (line: string) => void
}

const ALONE: PipelineHost = { logBytes: () => 0, clients: () => 0, warn() {} }
/** Before so much has gone in, nothing can have been kept that is worth a look. */
const LOOK_FROM_BYTES = 1024 * 1024

export class Pipeline {
  /** Aborts when a stage fails or breaks the contract, whenever that is; its reason is the failure. */
  readonly broken: AbortSignal
  /** Its last stage has completed of itself (`take`): it will give no more. */
  done = false

  readonly #stages: readonly NamedOperator[]
  readonly #emit: Emit
  readonly #host: PipelineHost
  readonly #input = new Subject<Message>()
  /** For each stage: whether it is fed just now, whether it is told of the end just now, what it has given for the last message. */
  readonly #fed: boolean[]
  readonly #ending: boolean[]
  readonly #given: number[]
  readonly #ended: boolean[]
  /** Messages at each boundary, and the bytes of their payloads at the first. */
  readonly #passed: number[]
  #bytes = 0
  #hoard: Hoard | undefined
  #told = -1
  #stopLooking: () => void = () => {}
  #subscribing = true
  #subscription: Subscription | undefined
  #failed = false
  readonly #breaking = new AbortController()

  constructor(stages: readonly NamedOperator[], emit: Emit, host: PipelineHost = ALONE) {
    this.#stages = stages
    this.#emit = emit
    this.#host = host
    this.#passed = [...stages, undefined].map(() => 0)
    this.#fed = stages.map(() => false)
    this.#ending = stages.map(() => false)
    this.#given = stages.map(() => 0)
    this.#ended = [...stages, undefined].map(() => false)
    this.broken = this.#breaking.signal
    let chain: Observable<unknown> = this.#boundary(0, this.#input)
    for (const [i, { operator }] of stages.entries()) {
      chain = this.#boundary(i + 1, this.#apply(i, operator as (source: Observable<unknown>) => unknown, chain))
    }
    const subscription = chain.subscribe({ error: () => {}, complete: () => this.#complete() })
    this.#subscription = subscription
    this.#subscribing = false
    if (this.#failed) subscription.unsubscribe()
  }

  /** Whether a stage has failed or broken the contract: the feed cannot go on. */
  get failed(): boolean {
    return this.#failed
  }

  /** One message in; what comes of it is published before this returns. Returns whether anything did. @throws the failure of a stage */
  push(message: Message): boolean {
    const last = this.#stages.length - 1
    this.#given[last] = 0
    const { payload } = message
    if (typeof payload === 'string' || payload instanceof Uint8Array) this.#bytes += payload.length
    if (this.#bytes > LOOK_FROM_BYTES && this.#hoard === undefined) this.#beginLooking()
    this.#input.next(message)
    if (this.#failed) throw this.broken.reason
    return this.#given[last]! > 0
  }

  /** There is no more: stages give what they have kept. @throws the failure of a stage */
  complete(): void {
    if (this.done) return
    this.#input.complete()
    if (!this.#failed && !this.done) {
      // The first whose end did not come with the end of what feeds it.
      const stage = this.#ended.findIndex((ended, i) => !ended && this.#ended[i - 1] === true) - 1
      this.#fail(this.#breach(stage, 'to complete within the call that completes its input', 'none'))
    }
    if (this.#failed) throw this.broken.reason
  }

  /** Nobody wants more. */
  close(): void {
    this.#stopLooking()
    this.#subscription?.unsubscribe()
  }

  #apply(index: number, operator: (source: Observable<unknown>) => unknown, source: Observable<unknown>) {
    let made: unknown
    try {
      made = operator(source)
    } catch (error) {
      this.#fail(this.#named(index, reasonOf(error), error))
    }
    if (made instanceof Observable) return made
    if (!this.#failed) this.#fail(this.#breach(index, 'an RxJS operator, which gives an Observable', 'something else'))
    return new Observable()
  }

  /** Looks at what goes from one stage to the next, and counts it. */
  #boundary(index: number, source: Observable<unknown>): Observable<unknown> {
    return new Observable(next =>
      source.subscribe({
        next: value => this.#pass(index, value, next),
        error: error => {
          this.#fail(this.#named(index - 1, reasonOf(error), error))
          next.error(error)
        },
        complete: () => {
          this.#ended[index] = true
          const feeds = index < this.#stages.length
          if (feeds) this.#ending[index] = true
          next.complete()
          if (feeds) this.#ending[index] = false
        },
      }),
    )
  }

  #pass(index: number, value: unknown, next: Subscriber<unknown>): void {
    if (this.#failed) return
    this.#passed[index]!++
    if (index > 0) this.#judge(index - 1)
    if (this.#failed) return
    if (index === this.#stages.length) {
      this.#publish(value)
      return
    }
    const before = this.#fed[index]!
    this.#fed[index] = true
    this.#given[index] = 0
    next.next(value)
    this.#fed[index] = before
  }

  /** A stage has given something: may it, now? */
  #judge(stage: number): void {
    const given = ++this.#given[stage]!
    if (this.#subscribing || this.#ending[stage]) return
    const rule = 'at most one message for each, within the call that brings it (what waits belongs into through)'
    if (!this.#fed[stage]) this.#fail(this.#breach(stage, rule, 'one later'))
    else if (given > 1) this.#fail(this.#breach(stage, rule, 'a second one'))
  }

  #beginLooking(): void {
    this.#hoard = new Hoard(this.#sight())
    this.#stopLooking = afterCollections(which => this.#look(which))
  }

  #sight(): Sight {
    return { ...this.#glimpse(), held: memoryHeld() - this.#host.logBytes() }
  }

  #glimpse(): Glimpse {
    return {
      old: memoryOld(),
      clients: this.#host.clients(),
      passed: [...this.#passed],
      bytes: this.#bytes,
      at: performance.now(),
    }
  }

  /** Behind a major collection garbage is gone: what is there, somebody holds. Behind a minor one it only seems so. */
  #look(which: Collection): void {
    if (this.#failed || this.done) return
    const kept = which === 'major' ? this.#hoard?.look(this.#sight()) : this.#hoard?.glance(this.#glimpse())
    if (kept === undefined) return
    const { stage, messages, bytes, tooMuch } = kept
    const got = `${Math.round(bytes / 2 ** 20)} MiB more memory and ${messages} messages that did not come out`
    if (tooMuch) this.#fail(this.#breach(stage, 'to pass on or drop what it is given', got))
    else if (this.#told !== stage) this.#host.warn(`${this.#nameOf(stage)} seems to keep what it is given: ${got}`)
    this.#told = stage
  }

  #publish(value: unknown): void {
    try {
      this.#emit(value)
    } catch (error) {
      this.#fail(error)
    }
  }

  #complete(): void {
    this.done = true
  }

  #breach(stage: number, rule: string, got: string): SpillwayError {
    return this.#named(stage, `expected ${rule}, got ${got}`)
  }

  #named(stage: number, what: string, cause?: unknown): SpillwayError {
    return new SpillwayError('stage_failed', `${this.#nameOf(stage)}: ${what}`, cause === undefined ? {} : { cause })
  }

  #nameOf(stage: number): string {
    return nameOf('pipeline', stage, this.#stages[stage]?.name ?? '')
  }

  /** The first failure counts: those behind it follow from it. */
  #fail(failure: unknown): void {
    if (this.#failed) return
    this.#failed = true
    this.#stopLooking()
    this.#subscription?.unsubscribe()
    this.#breaking.abort(failure)
  }
}
