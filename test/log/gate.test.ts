/** The gate: never too high, and not asked at the price of a look at every holder. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Gate } from '../../src/log/gate.ts'
import { Position } from '../../src/log/position.ts'

/** Counts how often anybody looks at it. */
class CountingHolder {
  static looks = 0
  #bytes: number

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  get confirmed(): Position {
    CountingHolder.looks++
    return new Position(0, 0, this.#bytes, 0, this.#bytes / 10)
  }

  get bytes(): number {
    return this.#bytes
  }

  move(bytes: number): void {
    this.#bytes += bytes
  }
}

function gateOf(...places: number[]): { readonly gate: Gate<CountingHolder>; readonly holders: CountingHolder[] } {
  const gate = new Gate<CountingHolder>()
  const holders = places.map(bytes => new CountingHolder(bytes))
  for (const holder of holders) gate.hold(holder)
  return { gate, holders }
}

function looksDuring(work: () => void): number {
  const before = CountingHolder.looks
  work()
  return CountingHolder.looks - before
}

describe('a gate', () => {
  test('that nobody holds is open', () => {
    const { gate } = gateOf()
    gate.look()
    expect(gate.distance(1_000, 0)).toBe(0)
    expect(gate.count).toBe(Number.POSITIVE_INFINITY)
    expect(gate.slowest).toBeUndefined()
  })

  test('is where its slowest holder is', () => {
    const { gate, holders } = gateOf(300, 100, 200)
    expect(gate.slowest).toBe(holders[1])
    expect(gate.count).toBe(10)
    expect(gate.distance(1_000, 0)).toBe(900)
  })

  test('answers from what it knew while that is enough, and looks again when it is not', () => {
    const { gate, holders } = gateOf(100, 200)
    holders[0]!.move(500)
    expect(gate.distance(1_000, 900)).toBe(900)
    expect([gate.count, gate.slowest]).toEqual([10, holders[0]])
    expect(gate.distance(1_000, 899)).toBe(800)
    expect([gate.count, gate.slowest]).toEqual([20, holders[1]])
  })

  test('goes on with the next slowest when the slowest lets go', () => {
    const { gate, holders } = gateOf(300, 100, 200)
    gate.release(holders[1]!)
    expect(gate.slowest).toBe(holders[2])
    expect(gate.distance(1_000, 0)).toBe(800)
    gate.release(holders[0]!)
    expect(gate.slowest).toBe(holders[2])
    gate.release(holders[2]!)
    expect([gate.slowest, gate.count, gate.distance(1_000, 0)]).toEqual([undefined, Number.POSITIVE_INFINITY, 0])
  })

  test('does not mind a release by somebody who does not hold it', () => {
    const { gate, holders } = gateOf(300, 100)
    gate.release(new CountingHolder(0))
    expect(gate.slowest).toBe(holders[1])
    gate.release(holders[1]!)
    gate.release(holders[1]!)
    expect(gate.slowest).toBe(holders[0])
  })

  test('is held again after everybody had let go', () => {
    const { gate, holders } = gateOf(100)
    gate.release(holders[0]!)
    gate.look()
    const next = new CountingHolder(700)
    gate.hold(next)
    expect(gate.slowest).toBe(next)
    expect(gate.distance(1_000, 0)).toBe(300)
    gate.look()
    expect(gate.slowest).toBe(next)
  })

  test('is never said to be further on than it is, and is exact when the answer would stop the source', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('hold' as const), bytes: fc.nat(1_000) }),
      fc.record({ do: fc.constant('move' as const), which: fc.nat(30), bytes: fc.constantFrom(0, 10, 10, 100) }),
      fc.record({ do: fc.constant('release' as const), which: fc.nat(30) }),
      fc.record({ do: fc.constant('ask' as const), enough: fc.nat(2_000) }),
      fc.record({ do: fc.constant('look' as const) }),
    )
    const property = fc.property(fc.array(step, { maxLength: 200 }), steps => {
      const gate = new Gate<CountingHolder>()
      const holders: CountingHolder[] = []
      for (const each of steps) {
        const head = Math.max(1_000, ...holders.map(({ bytes }) => bytes))
        const slowest = () => Math.min(...holders.map(({ bytes }) => bytes))
        if (each.do === 'hold') {
          const holder = new CountingHolder(each.bytes)
          holders.push(holder)
          gate.hold(holder)
        } else if (each.do === 'move') holders[each.which % holders.length]?.move(each.bytes)
        else if (each.do === 'release') {
          for (const holder of holders.splice(each.which, 1)) gate.release(holder)
        } else if (each.do === 'look') {
          gate.look()
          expect(gate.slowest?.bytes ?? Number.POSITIVE_INFINITY).toBe(slowest())
        } else {
          const told = gate.distance(head, each.enough)
          const is = holders.length === 0 ? 0 : head - slowest()
          expect(told).toBeGreaterThanOrEqual(is)
          if (told > each.enough) expect(told).toBe(is)
        }
        expect(gate.count).toBeLessThanOrEqual(slowest() / 10)
        expect(gate.slowest === undefined).toBe(holders.length === 0)
      }
    })
    fc.assert(property, { numRuns: 500 })
  })
})

describe('asking a gate', () => {
  const HOLDERS = 1_000

  test('costs no look at all while the known answer is enough', () => {
    const { gate, holders } = gateOf(...Array.from({ length: HOLDERS }, () => 100))
    const looks = looksDuring(() => {
      for (const holder of holders) {
        holder.move(10)
        gate.distance(1_000, 900)
      }
    })
    expect(looks).toBe(0)
  })

  test.each(['in turn', 'in reverse', 'in no order'] as const)(
    'costs a few looks for each of a thousand holders that move on one by one, %s',
    order => {
      const { gate, holders } = gateOf(...Array.from({ length: HOLDERS }, () => 0))
      for (let round = 1; round <= 5; round++) {
        // 7,919 has no divisor in common with 1,000, so each holder has its turn.
        const stride = { 'in turn': 1, 'in reverse': HOLDERS - 1, 'in no order': 7_919 }[order]
        const moving = holders.map((_, n) => holders[((n + 1) * stride) % HOLDERS]!)
        const told = new Set<number>()
        const looks = looksDuring(() => {
          for (const holder of moving) {
            told.add(gate.distance(1_000_000, 0))
            holder.move(10)
          }
        })
        expect([...told]).toEqual([1_000_000 - (round - 1) * 10])
        expect(gate.distance(1_000_000, 0)).toBe(1_000_000 - round * 10)
        expect(looks).toBeLessThan(10 * HOLDERS)
      }
    },
  )

  test('costs a few looks while one slow holder stays where it is and all the others move', () => {
    const { gate, holders } = gateOf(...Array.from({ length: HOLDERS }, (_, n) => (n === 500 ? 0 : 10)))
    gate.look()
    const looks = looksDuring(() => {
      for (const holder of holders) {
        if (holder !== holders[500]) holder.move(10)
        expect(gate.distance(1_000, 0)).toBe(1_000)
      }
    })
    expect(looks).toBeLessThan(10 * HOLDERS)
  })

  test('costs one round of looks at the most', () => {
    const { gate, holders } = gateOf(...Array.from({ length: HOLDERS }, (_, n) => n * 10))
    for (const holder of holders) holder.move(100_000)
    const looks = looksDuring(() => expect(gate.distance(1_000_000, 0)).toBe(900_000))
    expect(looks).toBeLessThanOrEqual(4 * HOLDERS)
  })
})
