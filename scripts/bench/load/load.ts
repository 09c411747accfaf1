/** The other side of a benchmark, in a process of its own: as many clients as the plan says, and what they read. */
import type { Answer, Question } from '../child.ts'
import { type Kind, peerOf } from '../peers/index.ts'
import { type ClientPlan, FAST, LoadClient, SILENT, Tally } from './client.ts'
import { Return, type Returned, Visits } from './crowds.ts'
import { Pace, startPaces } from './pace.ts'

export interface LoadPlan {
  readonly kind: Kind
  readonly port: number
  readonly feeds: number
  /** Clients that read all they can. */
  readonly fast?: number
  /** Clients that never read. */
  readonly silent?: number
  /** Clients that read at a rate: at first all they can, or so many bytes a second. */
  readonly paced?: number
  readonly bytesPerSecond?: number
  /** Whether messages begin with a time. */
  readonly timed?: boolean
  /** How long the process sleeps between turns; see `nap`. */
  readonly napMs?: number
}

export type LoadCommand =
  | { readonly do: 'report' }
  /** Paced clients go on at so many bytes a second; null: all they can. */
  | { readonly do: 'pace'; readonly bytesPerSecond: number | null }
  /** Fast clients stop reading, all at once. */
  | { readonly do: 'stop' }
  /** From now on, so many clients at a time come, get a message, and leave. */
  | { readonly do: 'churn'; readonly lanes: number }
  /** So many come at once, from a position if there is one. */
  | { readonly do: 'return'; readonly clients: number; readonly from?: string }

export interface LoadReport {
  /** Messages and bytes read since the last report. */
  readonly messages: number
  readonly bytes: number
  /** From publishing to having read a message, of those that begin with a time, since the last report: buckets of `Delays`. */
  readonly delays: readonly number[]
  readonly pongs: number
  /** The slowest upgrade there was, in milliseconds: a round trip. */
  readonly handshakeMs: number
  /** Clients that did not leave and are gone. */
  readonly lost: number
  /** Microseconds of CPU since the process began. */
  readonly cpu: number
  /** Of churn, since the last report. */
  readonly visits: { readonly done: number; readonly failed: number; readonly delays: readonly number[] }
  readonly returned: Returned | undefined
}

const BATCH = 100
/** Whose change the naps wait for. */
const nobody = new Int32Array(new SharedArrayBuffer(4))

const plan = JSON.parse(process.argv[2]!) as LoadPlan
const { wire } = peerOf(plan.kind)
const tally = new Tally()
const visits = new Visits()
let returned: Return | undefined
let opened = 0

function next(): ClientPlan {
  return { port: plan.port, wire, feed: opened++ % plan.feeds, timed: plan.timed === true, tally }
}

async function openMany(count: number, make: () => Promise<LoadClient>): Promise<LoadClient[]> {
  const clients: LoadClient[] = []
  while (clients.length < count) {
    clients.push(...(await Promise.all(Array.from({ length: Math.min(BATCH, count - clients.length) }, make))))
  }
  return clients
}

async function openPaced(): Promise<LoadClient> {
  const pace = new Pace()
  const client = await LoadClient.join(next(), pace)
  pace.socket = client.socket
  pace.set(plan.bytesPerSecond ?? null)
  paces.push(pace)
  return client
}

/**
 * The whole process sleeps between turns, so that it reads several messages at once and is not what limits: a read for each
 * message costs as much as the write it is to measure, and to be woken for each costs the writer. What is measured of delays is
 * late by as much, for everybody alike.
 */
function nap(ms: number): void {
  Atomics.wait(nobody, 0, 0, ms)
  setImmediate(nap, ms)
}

function report(): LoadReport {
  const { user, system } = process.cpuUsage()
  const { messages, bytes, delays, pongs, handshakeMs, lost } = tally
  const { done, failed } = visits
  const result = {
    ...{ messages, bytes, delays: delays.buckets, pongs, handshakeMs, lost },
    cpu: user + system,
    visits: { done, failed, delays: visits.delays.buckets },
    returned: returned?.state,
  }
  tally.forget()
  visits.forget()
  return result
}

function carryOut(command: LoadCommand): void {
  if (command.do === 'pace') for (const pace of paces) pace.set(command.bytesPerSecond)
  if (command.do === 'stop') for (const { socket } of fast) socket.pause()
  if (command.do === 'churn') visits.start(next(), command.lanes)
  if (command.do !== 'return') return
  const { clients, from } = command
  returned = new Return({ ...next(), tally: new Tally(), ...(from === undefined ? {} : { from }) }, clients)
}

const paces: Pace[] = []
const fast = await openMany(plan.fast ?? 0, () => LoadClient.join(next(), FAST))
await openMany(plan.silent ?? 0, () => LoadClient.join(next(), SILENT))
await openMany(plan.paced ?? 0, openPaced)
if (paces.length > 0) startPaces(paces)
if (plan.napMs !== undefined) nap(plan.napMs)

process.on('message', ({ id, command }: Question<LoadCommand>) => {
  carryOut(command)
  const answer: Answer = { id, answer: command.do === 'report' ? report() : 'done' }
  process.send!(answer)
})
process.on('disconnect', () => process.exit())
process.send!({ id: 0, answer: 'ready' } satisfies Answer)
