/**
 * Finds the stage of a pipeline that keeps what it is given and gives nothing: `bufferTime(60_000)`, `concatMap` with a long delay,
 * `toArray()` on a stream without end. By its counts it is a filter: messages in, none out. What tells the two apart is memory, and
 * garbage hides it, so it is looked at right behind a major collection, when what is left is what somebody holds (measured: a
 * filter that dropped 848 MB left 3 MB more, a buffer of 38 MB left 34). Kept by a stage is what grows as its messages go in:
 * by half of their payloads or more, and not by more than they can come to.
 *
 * Of small messages a major collection comes late (30 B: after two seconds, at 386 MB). What has outlived two minor ones gives the same
 * answer early, and less surely, because it may be dead by now: enough to name a stage. To end its feed takes a major one that has shown
 * that it keeps what it is given, and that it has given nothing since.
 *
 * What this cannot prove: who holds less than half of what it was given (a count, a hash of each), or fills more slowly than the rest
 * of the process breathes. Those are named when they give something, by the counts of pipeline.ts. Costs nothing per message.
 */
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { getHeapSpaceStatistics } from 'node:v8'
import { IDLE_CLIENT_BYTES } from '../memory.ts'

/** What is to be seen at one moment, behind a minor collection. */
export interface Glimpse {
  /** Bytes of the heap that have outlived two minor collections; buffers outside of it are not among them. */
  readonly old: number
  /** Clients of the hub, who take memory of their own. */
  readonly clients: number
  /** Messages that have passed the boundary before each stage, and behind the last. */
  readonly passed: readonly number[]
  /** Bytes of the payloads that have passed the first. */
  readonly bytes: number
  readonly at: number
}

/** What is to be seen behind a major one. */
export interface Sight extends Glimpse {
  /** Bytes that are held, the hub's logs aside. */
  readonly held: number
}

/** A stage, what went in and did not come out, and by how much memory grew meanwhile. */
export interface Kept {
  readonly stage: number
  readonly messages: number
  readonly bytes: number
  /** It is more than a stage may keep. */
  readonly tooMuch: boolean
}

/** How much of its payloads memory must have grown by for a stage to hold them. */
const LEAST_SHARE = 0.5
/** What a message can come to: its objects and timers, and a payload that was parsed. */
const MOST_BESIDE = 4_096
const MOST_TIMES = 16

const MIB = 1024 * 1024

/** What makes a difference, behind a collection of the one kind or the other. */
interface Rule {
  /** Less is the breathing of a process; and what its old objects breathe until the next major collection. */
  readonly leastBytes: number
  /** More, and the feed fails: the memory of a hub has a bound, and this is no part of it. */
  readonly mostBytes: number
  /** What a message comes to at least beside its payload: a slot and the head of a string (measured: 85 B of messages of 8). */
  readonly leastBeside: number
  /** Longer, and other things have grown too. */
  readonly forgetMs: number
}

const MAJOR: Rule = { leastBytes: 16 * MIB, mostBytes: 128 * MIB, leastBeside: 0, forgetMs: 60_000 }
const SEEMS: Rule = { leastBytes: 24 * MIB, mostBytes: Number.POSITIVE_INFINITY, leastBeside: 48, forgetMs: 2_000 }
/** Of the stage that a major collection has shown to keep what it is given. */
const STILL: Rule = { ...MAJOR, mostBytes: 2 * MAJOR.mostBytes }
/** Minor collections may come a hundred times a second. */
const GLANCE_MS = 50
const OLD_SPACES: ReadonlySet<string> = new Set(['old_space', 'large_object_space'])

export class Hoard {
  #before: Sight
  #glanced: Glimpse
  /** The stage that the last major collection has shown to keep what it is given. */
  #shown: number | undefined

  constructor(first: Sight) {
    this.#before = first
    this.#glanced = first
  }

  /** Behind a major collection: the stage that keeps what it is given, if memory says so. */
  look(now: Sight): Kept | undefined {
    const kept = fitting(this.#before, now, now.held - this.#before.held, MAJOR)
    if (kept === undefined) this.#before = now
    const named = kept !== undefined && kept.bytes >= MAJOR.leastBytes ? kept : undefined
    this.#shown = named?.stage
    return named
  }

  /** Behind a minor one: the stage that seems to, or the one that was shown to, when it has gone on until it is too much. */
  glance(now: Glimpse): Kept | undefined {
    if (this.#shown !== undefined) {
      const kept = silent(this.#before, now, STILL)
      return kept?.stage === this.#shown && kept.tooMuch ? kept : undefined
    }
    const kept = silent(this.#glanced, now, SEEMS)
    if (kept === undefined) this.#glanced = now
    return kept !== undefined && kept.bytes >= SEEMS.leastBytes ? kept : undefined
  }
}

/** By what is old, of a stage that has given nothing at all: what one has given may be old and dead. */
function silent(before: Glimpse, now: Glimpse, rule: Rule): Kept | undefined {
  const kept = fitting(before, now, now.old - before.old, rule)
  return kept !== undefined && now.passed[kept.stage + 1] === before.passed[kept.stage + 1] ? kept : undefined
}

/** The stage whose messages went in and did not come out between two sights, if memory has grown as it must and can have by them. */
function fitting(before: Glimpse, now: Glimpse, grown: number, rule: Rule): Kept | undefined {
  if (now.at - before.at >= rule.forgetMs) return undefined
  // A crowd that comes back is no stage's fault. Those who leave are not set against it: what they held may be garbage for long.
  const bytes = grown - Math.max(0, now.clients - before.clients) * IDLE_CLIENT_BYTES
  const share = (now.bytes - before.bytes) / Math.max(1, now.passed[0]! - before.passed[0]!)
  // The last that fits: a filter before it has let nothing through that it could have kept.
  for (let stage = now.passed.length - 2; stage >= 0; stage--) {
    const given = now.passed[stage]! - before.passed[stage]!
    const messages = given - (now.passed[stage + 1]! - before.passed[stage + 1]!)
    const least = messages * (share * LEAST_SHARE + rule.leastBeside)
    const most = messages * (share * MOST_TIMES + MOST_BESIDE)
    if (bytes > least && bytes <= most) return { stage, messages, bytes, tooMuch: bytes > rule.mostBytes }
  }
  return undefined
}

export type Collection = 'major' | 'minor'

/** Calls back right behind collections, until it is told to stop: behind each major one, and behind a minor one now and then. */
export function afterCollections(act: (which: Collection) => void): () => void {
  let last = 0
  const observer = new PerformanceObserver(list => {
    const entries = list.getEntries() as readonly (PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail })[]
    const major = entries.some(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)
    const now = performance.now()
    if (!major && now - last < GLANCE_MS) return
    last = now
    act(major ? 'major' : 'minor')
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

/** What this process holds in JavaScript, garbage and all. */
export function memoryHeld(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

/** What of its heap is old. */
export function memoryOld(): number {
  let old = 0
  for (const space of getHeapSpaceStatistics()) if (OLD_SPACES.has(space.space_name)) old += space.space_used_size
  return old
}
