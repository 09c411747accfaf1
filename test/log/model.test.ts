/**
 * The property of the whole: whatever is published and whatever readers do, each of them gets exactly what the model says, every
 * account balances, and memory stays within its bounds. See model/world.ts for what is compared after each step.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { OVERFLOWS, type Overflow } from '../../src/log/overflow.ts'
import { seen, type Terms } from './model/terms.ts'
import { World } from './model/world.ts'

const NONE = Number.POSITIVE_INFINITY
const KIB = 1024
/** Limits and sizes are chosen for logs of 64 KiB at the most; a larger one has room to spare. */
const LARGEST_LOG = 64 * KIB

const limit = (most: number) => fc.oneof(fc.constant(NONE), fc.integer({ min: 1, max: most }))

/** A gate keeps everything in the log, so only one feed in three may have one. */
const policies = fc.constantFrom<readonly Overflow[]>(['evict', 'skip'], ['skip'], OVERFLOWS)

const terms: fc.Arbitrary<Terms> = fc.record({
  format: fc.constantFrom('text', 'binary'),
  capacity: fc.record({
    bytes: fc.constantFrom(4 * KIB, 8 * KIB, 16 * KIB, 32 * KIB, LARGEST_LOG, 256 * KIB),
    messages: limit(300),
    ms: limit(500),
  }),
  limits: fc.record({
    max: fc.record({ bytes: limit(LARGEST_LOG), messages: limit(300), ms: limit(500) }),
    soft: fc.record({ bytes: fc.constant(NONE), messages: limit(100), ms: fc.constant(NONE) }),
    softForMs: fc.integer({ min: 1, max: 200 }),
  }),
})

/** As a share of the capacity, or in bytes. */
const size = fc.oneof(
  { weight: 5, arbitrary: fc.record({ bytes: fc.nat(300) }) },
  { weight: 2, arbitrary: fc.record({ bytes: fc.nat(4_000) }) },
  { weight: 1, arbitrary: fc.record({ bytes: fc.constantFrom(0, 125, 126, 127) }) },
  { weight: 1, arbitrary: fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }) }) },
)

const who = fc.nat(7)
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant('append' as const),
      sizes: fc.array(size, { minLength: 1, maxLength: 30 }),
      hole: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 1, arbitrary: fc.integer({ min: 1, max: 99 }) },
      ),
      waitMs: fc.constantFrom(0, 0, 0, 1, 5, 25),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('join' as const),
      by: fc.constantFrom('latest' as const, 'earliest' as const, 'offset' as const, 'time' as const),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      policy: fc.nat(),
    }),
  },
  {
    weight: 14,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      who,
      runs: fc.integer({ min: 1, max: 6 }),
      stuck: fc.boolean(),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('free' as const), who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('leave' as const), who }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('judge' as const) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(100) }) },
)

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

function take(world: World, each: Step, capacityBytes: number, allowed: readonly Overflow[]): void {
  if (each.do === 'append') {
    for (const [n, size] of each.sizes.entries()) {
      const bytes = 'share' in size ? Math.floor(size.share * Math.min(capacityBytes, LARGEST_LOG)) : size.bytes
      world.append(Math.min(bytes, capacityBytes - 16), n === 0 ? each.hole : 0, each.waitMs)
    }
  } else if (each.do === 'join') world.join(each, allowed[each.policy % allowed.length]!)
  else if (each.do === 'read') world.read(each.who, each.runs, each.stuck)
  else if (each.do === 'free') world.free(each.who)
  else if (each.do === 'leave') world.leave(each.who)
  else if (each.do === 'judge') world.judgeAll()
  else world.wait(each.ms)
}

test('every reader gets what was published, less what its account says, whatever happens in whatever order', () => {
  const steps = fc.array(step, { minLength: 1, maxLength: 200, size: 'max' })
  const property = fc.property(terms, policies, steps, (terms, allowed, steps) => {
    const world = new World(terms)
    for (const each of steps) {
      take(world, each, terms.capacity.bytes, allowed)
      world.check()
    }
    world.close()
  })
  fc.assert(property, { numRuns: 1_000 })
  // The scripts have tried what they claim to try.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(300)
}, 60_000)
