/**
 * Finds the stage of a pipeline that keeps what it is given and gives nothing: `bufferTime(60_000)`, `concatMap` with a long delay,
 * `toArray()` on a stream without end. By its counts it is a filter: messages in, none out. What tells the two apart is memory, and
 * garbage hides it, so it is looked at right behind a major collection, when what is left is what somebody holds (measured: a
 * filter that dropped 848 MB left 3 MB more, a buffer of 38 MB left 34). Kept by a stage is what grows as its messages go in:
 * by half of their payloads or more, and not by more than they can come to.
 *
 * What this cannot prove: who holds less than half of what it was given (a count, a hash of each), or fills more slowly than the rest
 * of the process breathes. Those are named when they give something, by the counts of pipeline.ts. Costs nothing per message.
 */
import { constants, type NodeGCPerformanceDetail, type PerformanceEntry, PerformanceObserver } from 'node:perf_hooks'
import { IDLE_CLIENT_BYTES } from '../memory.ts'

/** What there is to see, at one moment. */
export interface Sight {
  /** Bytes that are held, the hub's logs aside. */
  readonly held: number
  /** Clients of the hub, who take memory of their own. */
  readonly clients: number
  /** Messages that have passed the boundary before each stage, and behind the last. */
  readonly passed: readonly number[]
  /** Bytes of the payloads that have passed the first. */
  readonly bytes: number
  readonly at: number
}

/** A stage, what went in and did not come out, and by how much memory grew meanwhile. */
export interface Kept {
  readonly stage: number
  readonly messages: number
  readonly bytes: number
}

/** Less is the breathing of a process. */
const LEAST_BYTES = 16 * 1024 * 1024
/** How much of its payloads memory must have grown by for a stage to hold them. */
const LEAST_SHARE = 0.5
/** What a message can come to: its objects and timers, and a payload that was parsed. */
const MOST_BESIDE = 4_096
const MOST_TIMES = 16
/** Longer, and other things have grown too. */
const FORGET_MS = 60_000

export class Hoard {
  #before: Sight

  constructor(first: Sight) {
    this.#before = first
  }

  /** The stage that keeps what it is given, if memory says so. */
  look(now: Sight): Kept | undefined {
    const before = this.#before
    // A crowd that comes back is no stage's fault. Those who leave are not set against it: what they held may be garbage for long.
    const crowd = Math.max(0, now.clients - before.clients) * IDLE_CLIENT_BYTES
    const bytes = now.held - before.held - crowd
    const share = (now.bytes - before.bytes) / Math.max(1, now.passed[0]! - before.passed[0]!)
    // The last that fits: a filter before it has let nothing through that it could have kept.
    for (let stage = now.passed.length - 2; stage >= 0; stage--) {
      const given = now.passed[stage]! - before.passed[stage]!
      const messages = given - (now.passed[stage + 1]! - before.passed[stage + 1]!)
      const least = messages * share * LEAST_SHARE
      const most = messages * (share * MOST_TIMES + MOST_BESIDE)
      if (bytes > least && bytes <= most && now.at - before.at < FORGET_MS) {
        return bytes < LEAST_BYTES ? undefined : { stage, messages, bytes }
      }
    }
    this.#before = now
    return undefined
  }
}

/** Calls back right behind each major collection, until it is told to stop. */
export function afterCollections(act: () => void): () => void {
  const observer = new PerformanceObserver(list => {
    const entries = list.getEntries() as readonly (PerformanceEntry & { readonly detail?: NodeGCPerformanceDetail })[]
    if (entries.some(({ detail }) => detail?.kind === constants.NODE_PERFORMANCE_GC_MAJOR)) act()
  })
  observer.observe({ entryTypes: ['gc'] })
  return () => observer.disconnect()
}

/** What this process holds in JavaScript, garbage and all. */
export function memoryHeld(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}
