/**
 * `hub.events$`: what happens in a hub, told outside the flush. Events are queued where they are made and delivered in a turn
 * of their own; with nobody listening they are dropped at once.
 *
 * An observer that throws must not crash the hub, but RxJS rethrows what an observer throws in a timer of its own, where only
 * a process-wide hook could catch it. So the stream contains its observers itself: `subscribe`, and what `pipe` returns, wrap
 * them. Beyond the first operator from elsewhere (`merge(hub.events$, other$)`) RxJS's own rule holds again.
 */
import { Observable, type Observer, Subject, Subscriber, type Subscription } from 'rxjs'
import { reasonOf } from './errors.ts'
import type { HubEvent, Notify } from './events.ts'
import type { Logger } from './options.ts'

export interface Announcer {
  readonly events$: Observable<HubEvent>
  readonly notify: Notify
  /** Delivers what is queued, then completes the stream. */
  close(): void
}

export function announcer(logger: Logger): Announcer {
  const subject = new Subject<HubEvent>()
  let queue: HubEvent[] = []
  const deliver = () => {
    const events = queue
    queue = []
    for (const event of events) subject.next(event)
  }
  return {
    events$: contained(subject, error => logger.error(`an observer of events$ threw: ${reasonOf(error)}`)),
    notify(event) {
      if (!subject.observed) return
      if (queue.push(event) === 1) setImmediate(deliver)
    },
    close() {
      deliver()
      subject.complete()
    },
  }
}

type Report = (error: unknown) => void
type Listener<T> = Partial<Observer<T>> | ((value: T) => void) | null | undefined

/** The same stream, whose observers can throw without anybody else noticing. */
function contained<T>(source: Observable<T>, report: Report): Observable<T> {
  const stream = new Observable<T>(subscriber => source.subscribe(subscriber))
  const subscribe = (listener?: Listener<T>): Subscription =>
    source.subscribe(listener instanceof Subscriber ? listener : guard(listener, report))
  const pipe = (...operators: ((from: Observable<unknown>) => Observable<unknown>)[]): Observable<unknown> => {
    if (operators.length === 0) return stream
    let piped: Observable<unknown> = new Observable<unknown>(subscriber => source.subscribe(subscriber))
    for (const operator of operators) piped = operator(piped)
    return contained(piped, report)
  }
  return Object.assign(stream, { subscribe, pipe })
}

function guard<T>(listener: Listener<T>, report: Report): Observer<T> {
  const observer: Partial<Observer<T>> = typeof listener === 'function' ? { next: listener } : (listener ?? {})
  const safely = (call: () => void) => {
    try {
      call()
    } catch (error) {
      report(error)
    }
  }
  return {
    next: value => safely(() => observer.next?.(value)),
    error: error => safely(() => (observer.error === undefined ? report(error) : observer.error(error))),
    complete: () => safely(() => observer.complete?.()),
  }
}
