import { concat, from, map, NEVER, Observable, of, range, Subject, tap, throwError } from 'rxjs'
import { describe, expect, it } from 'vitest'
import type { Item } from '../../src/sources/source.ts'
import { until } from '../support/until.ts'
import { ENDLESS, gate, openHub, payloadsOf, promptly, turns, uncaughtErrors } from './helpers.ts'

/** Does something at the nth value. */
function tapAt(n: number, act: () => void) {
  return tap<number>(value => {
    if (value === n) act()
  })
}

describe('an Observable', () => {
  it('that emits within subscribe() has everything published, whatever demand says', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { source: from(Array.from({ length: 5_000 }, (_, i) => String(i))) })
    expect(feed.log.count).toBe(5_000)
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.code).toBe(1000)
  })

  it.each<[string, (end: () => void) => Observable<Item>]>([
    ['range', end => range(0, ENDLESS).pipe(tapAt(5_000, end), map(String))],
    [
      'loop',
      end =>
        new Observable(subscriber => {
          for (let i = 0; i < ENDLESS && !subscriber.closed; i++) {
            if (i === 5_000) end()
            subscriber.next('x')
          }
        }),
    ],
  ])('that never stops emitting (a %s) is stopped when its feed ends within', async (_, open) => {
    const { hub, lines } = openHub()
    let emitted = 0
    const source = open(() => hub.feeds.get('f')?.end()).pipe(tap(() => void emitted++))
    const feed = hub.feed('f', { source })
    expect(feed.log.count).toBe(5_000)
    expect(emitted).toBe(5_001)
    await turns(2)
    expect([feed.source.refused, feed.failures]).toEqual([0, 0])
    expect(lines).toEqual([])
  })

  it('that never stops emitting is stopped when the hub closes within', async () => {
    const { hub } = openHub()
    const closing = gate()
    const close = () => void hub.close({ drainMs: 0 }).then(closing.open)
    const feed = hub.feed('f', { source: range(0, ENDLESS).pipe(tapAt(5_000, close), map(String)) })
    expect(feed.log.count).toBe(5_000)
    await promptly('close()', closing.opened)
  })

  it('that closes the hub within subscribe() and emits no more is unsubscribed from', async () => {
    const { hub } = openHub()
    let subscribed = false
    const source = new Observable<Item>(subscriber => {
      subscribed = true
      subscriber.next('x')
      void hub.close({ drainMs: 0 })
      return () => {
        subscribed = false
      }
    })
    hub.feed('f', { source })
    await promptly('close()', hub.close({ drainMs: 0 }))
    expect(subscribed).toBe(false)
  })

  it('that fails within subscribe() fails its feed, behind what it emitted', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', {
      source: concat(
        of('a', 'b'),
        throwError(() => new Error('no more')),
      ),
    })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['a', 'b'])
    expect(feed.ending).toEqual({ code: 4500, reason: 'source failed: no more' })
  })

  it('that fails when its feed has ended does so unheard', async () => {
    const { hub, lines } = openHub()
    const source = new Subject<Item>()
    const feed = hub.feed('f', { source })
    source.next('a')
    feed.end()
    source.error(new Error('too late to matter'))
    await turns(2)
    expect(feed.failures).toBe(0)
    expect(lines).toEqual([])
  })

  it('whose item throws when it is looked at fails its feed, and not the process', async () => {
    const uncaught = uncaughtErrors()
    const { hub } = openHub()
    const item = {
      get payload(): string {
        throw new Error('do not look')
      },
    }
    const feed = hub.feed('f', { source: concat(of(item), NEVER) })
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending?.reason).toBe('source failed: do not look')
    expect(uncaught).toEqual([])
  })

  it('whose teardown throws does not keep the hub from closing', async () => {
    const uncaught = uncaughtErrors()
    const { hub } = openHub()
    const source = new Observable<Item>(() => () => {
      throw new Error('I will not go')
    })
    hub.feed('f', { source })
    await promptly('close()', hub.close({ drainMs: 0 }))
    await turns(2)
    expect(uncaught).toEqual([])
  })
})
