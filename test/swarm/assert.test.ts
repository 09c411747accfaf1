/** Assertions: what they mean, and the sentence for everything that is none. */
import { describe, expect, test } from 'vitest'
import { judge, parseAssertion, told } from '../../scripts/swarm/assert.ts'
import type { Seen } from '../../scripts/swarm/attack.ts'
import { BEHAVIOURS } from '../../scripts/swarm/behaviours.ts'
import { MessageFormat } from '../../scripts/swarm/format.ts'
import { HubWatch } from '../../scripts/swarm/hub.ts'
import { Population } from '../../scripts/swarm/population.ts'

const POPULATIONS = ['healthy', 'stalled']

/** 100 healthy clients with a p99 of about 12 ms, 10 stalled ones of which 9 are evicted; a hub of 50 MiB that may use 100. */
function seen(): Seen {
  const population = (name: string, count: number) =>
    new Population({ name, behaviour: 'healthy', count, params: {} }, BEHAVIOURS['healthy']!)
  const [healthy, stalled] = [population('healthy', 100), population('stalled', 10)]
  for (let i = 0; i < 100; i++) healthy.latency.add(12)
  Object.assign(healthy, { connected: 100, readMessages: 5_000, readBytes: 2 ** 20 })
  Object.assign(stalled, { connected: 1, evicted: 9 })
  const hub = new HubWatch({ host: '', port: 0, read: () => 0 })
  Object.assign(hub, { rss: 50 * 2 ** 20, imbalance: 0 })
  Object.defineProperty(hub, 'bound', { value: 100 * 2 ** 20, configurable: true })
  const format = new MessageFormat({ time: { at: 0, digits: 16 }, numbered: true })
  return { populations: [healthy, stalled], hub, format, seconds: 10, cpu: 0.5, loopLagMs: 1, kernel: 2 ** 20 }
}

const verdict = (text: string, of = seen()) => judge(parseAssertion(text, POPULATIONS), of)

describe('an assertion holds, or tells what was measured', () => {
  test.each([
    ['healthy.p99 < 50ms', '✓ healthy.p99 < 50ms (12.2 ms)'],
    ['healthy.p99<10ms', '✗ healthy.p99 < 10ms: 12.2 ms'],
    ['healthy.p99 <= 0.05s', '✓ healthy.p99 <= 0.05s (12.2 ms)'],
    ['healthy.p99 > 1 m', '✗ healthy.p99 > 1 m: 12.2 ms'],
    ['healthy.gaps == 0', '✓ healthy.gaps == 0 (0)'],
    ['healthy.gaps != 0', '✗ healthy.gaps != 0: 0'],
    ['stalled.evicted == 100%', '✗ stalled.evicted == 100%: 90 %'],
    ['stalled.evicted >= 90%', '✓ stalled.evicted >= 90% (90 %)'],
    ['healthy.connected == 100%', '✓ healthy.connected == 100% (100 %)'],
    ['connected == 100%', '✗ connected == 100%: 91.8 %'],
    ['healthy.each >= 5', '✓ healthy.each >= 5 (5)'],
    ['healthy.bytes > 100KiB', '✓ healthy.bytes > 100KiB (102 KiB)'],
    ['hub.rss < bound', '✓ hub.rss < bound (50 MiB; bound is 100 MiB)'],
    ['rss < 0.4 * hub.bound', '✗ rss < 0.4 * hub.bound: 50 MiB; hub.bound is 100 MiB'],
    ['hub.rss == 50MiB', '✓ hub.rss == 50MiB (50 MiB)'],
    ['account == 0', '✓ account == 0 (0)'],
    ['kernel < 2MB', '✓ kernel < 2MB (1 MiB)'],
    ['cpu < 80%', '✓ cpu < 80% (50 %)'],
  ])('%s', (text, line) => expect(told(verdict(text))).toBe(line))

  test('a share that is nearly everything is not shown as everything', () => {
    const nearly = seen()
    Object.assign(nearly.populations[0]!, { connected: 9_999, plan: { name: 'healthy', count: 10_000 } })
    expect(told(verdict('healthy.connected == 100%', nearly))).toBe('✗ healthy.connected == 100%: 99.9 %')
  })

  test('what was not measured does not hold, and says why', () => {
    const blind = { ...seen(), format: new MessageFormat(), hub: new HubWatch({ host: '', port: 0, read: () => 0 }) }
    for (const [text, line] of [
      [
        'healthy.gaps == 0',
        '✗ healthy.gaps == 0: unknown: messages carry no number behind their time, so a gap cannot be seen',
      ],
      [
        'stalled.p99 < 1s',
        '✗ stalled.p99 < 1s: unknown: no message with a time of publication was read while figures counted',
      ],
      ['account == 0', "✗ account == 0: unknown: the server's /metrics does not say, or there is none"],
    ] as const) {
      expect(told(verdict(text, blind))).toBe(line)
      expect(verdict(text, blind).known).toBe(false)
    }
    const sizeless = seen()
    Object.defineProperty(sizeless.hub, 'bound', { value: undefined })
    expect(told(verdict('hub.rss < bound', sizeless))).toMatch(
      /^✗ hub.rss < bound: 50 MiB; bound is unknown: the server's/,
    )
  })
})

describe('what is no assertion is refused with a sentence', () => {
  const FORM = "--assert: expected FIGURE OPERATOR VALUE, as in 'healthy.p99 < 50ms', got "
  const FIGURE = '--assert: expected a figure (of healthy, stalled: count, connected, p50'
  const OPERATOR = '--assert: expected < <= > >= == != after healthy.p99, got '
  const TIME = '--assert: expected a time such as 50ms, 2s or 1m to compare healthy.p99 with, got '
  const SHARE = '--assert: expected a share such as 100% to compare connected with, got '
  const SIZE = '--assert: expected a size such as 65536, 16KiB or 2MiB to compare hub.rss with, got '
  const COUNT = '--assert: expected a number to compare healthy.gaps with, got '
  test.each([
    ['', FORM],
    ['   ', FORM],
    ['healthy', FORM],
    ['healthy.p99', FORM],
    ['healthy.p99 <', FORM],
    ['< 50ms', FORM],
    ['healthy.p99 50ms', FORM],
    ['99 < 50ms', FORM],
    ['healthy p99 < 50ms', FORM],
    ['healthy.p98 < 50ms', FIGURE],
    ['sick.p99 < 50ms', FIGURE],
    ['healthy.constructor == 0', FIGURE],
    ['healthy. < 50ms', FIGURE],
    ['p99 < 50ms', FIGURE],
    ['Healthy.p99 < 50ms', FIGURE],
    ['hub.p99 < 50ms', FIGURE],
    ['hub.evictions.boredom == 0', FIGURE],
    ['healthy.p99 = 50ms', `${OPERATOR}"="`],
    ['healthy.p99 =< 50ms', `${OPERATOR}"=<"`],
    ['healthy.p99 <> 50ms', `${OPERATOR}"<>"`],
    ['healthy.p99 === 50ms', `${OPERATOR}"==="`],
    ['healthy.p99 < 50', `${TIME}"50"`],
    ['healthy.p99 < 50MiB', `${TIME}"50MiB"`],
    ['healthy.p99 < 50%', `${TIME}"50%"`],
    ['healthy.p99 < 1.2.3ms', `${TIME}"1.2.3ms"`],
    ['healthy.p99 < 50ms healthy', `${TIME}"50ms healthy"`],
    ['connected == 1', `${SHARE}"1"`],
    ['hub.rss < 100ms', `${SIZE}"100ms"`],
    ['hub.rss < 100mib', `${SIZE}"100mib"`],
    ['healthy.gaps == 0%', `${COUNT}"0%"`],
    ['healthy.gaps == 2 * 3', FIGURE],
    ['hub.rss < 2 * limit', FIGURE],
    ['hub.rss < kernal', FIGURE],
    ['healthy.p99 < bound', '--assert: expected a time, as healthy.p99 is, on the right, got "bound, a size"'],
    ['hub.rss < 2 * connected', '--assert: expected a size, as hub.rss is, on the right, got "connected, a share"'],
  ])('%j', (text, sentence) => {
    expect(() => parseAssertion(text, POPULATIONS)).toThrow(sentence)
  })
})
