/**
 * One client of the swarm: a socket, what it has seen, and the verbs that behaviours are written in. Left alone it is healthy:
 * it reads all it gets and answers pings.
 *
 *     waiting ──connect()──▶ connecting ──▶ open ──▶ closed ──connect()──▶ …
 *                                 └── refused ──────▶┘
 */
import { wallClock } from './clock.ts'
import { type FrameListener, FrameReader } from './frames.ts'
import type { Grounds } from './grounds.ts'
import { Pace } from './pace.ts'
import { count, type Population } from './population.ts'
import { frame, OPCODE, RawSocket, SHARED, type SocketListener } from './socket.ts'

/** Closed for being slow, and for showing no sign of life (PROTOCOL.md 4.1). */
const EVICTED = [4408, 4409]
const LOST = 1006
const NO_CODE = 1005
const NOTHING = new Uint8Array(0)

export class Client implements FrameListener, SocketListener {
  readonly population: Population
  readonly grounds: Grounds
  state: 'waiting' | 'connecting' | 'open' | 'closed' = 'waiting'
  /** Whether pings are answered. */
  answers = true
  /** The payload of the last ping that was read. */
  lastPing: Buffer | undefined
  /** Where the server said that it begins, and how many messages it has read since. */
  position: string | undefined
  messages = 0
  /** When the newest message it has read was published, and when it was opened, in milliseconds since 1970. */
  newest = 0
  openedAt = 0
  /** It has dropped on purpose once, to come back from where it was. */
  dropped = false
  /** From 0 to 1, by the seed: what it does where its behaviour leaves a choice. */
  readonly lot: number
  /** The server has closed it at least once; for being slow or still. */
  wasClosed = false
  wasEvicted = false
  /** The answer to the handshake is there, or will never be. */
  settled: (() => void) | undefined

  #socket: RawSocket | undefined
  #frames: FrameReader
  #pace: Pace | undefined
  #reading = true
  #number = -1
  #requestedAt = 0
  #readAt = 0
  /** Whether its connection is being ended from here, so that the end says nothing about the server. */
  #dropping = false
  #refused = false
  #closeCode: number | undefined
  #examined = false

  constructor(population: Population, grounds: Grounds) {
    this.population = population
    this.grounds = grounds
    this.lot = grounds.random()
    this.#frames = new FrameReader(this, grounds.format)
  }

  /** As its behaviour connects. */
  start(): void {
    const { behaviour, plan } = this.population
    if (behaviour.connect !== undefined) behaviour.connect(this, plan.params)
    else this.connect()
  }

  /** Connects, again if it was connected. `from` is where the feed is to begin, `share` how much of the request is sent. */
  connect({ from, share = 1 }: { readonly from?: string; readonly share?: number } = {}): void {
    if (this.state !== 'waiting') this.population.reconnects++
    this.state = 'connecting'
    this.messages = 0
    this.lastPing = undefined
    this.#reading = true
    // Who comes back from where it was is to miss nothing; who begins again at the head does not ask for what came between.
    if (!this.dropped) this.#number = -1
    this.openedAt = 0
    this.#dropping = false
    this.#refused = false
    this.#closeCode = undefined
    this.#frames = new FrameReader(this, this.grounds.format)
    this.#requestedAt = performance.now()
    const paced = this.population.behaviour.paced === true
    const buffer = paced ? () => this.#pace?.buffer ?? SHARED : SHARED
    const { target } = this.grounds
    const query = from === undefined ? '' : `${target.path.includes('?') ? '&' : '?'}from=${encodeURIComponent(from)}`
    this.#socket = new RawSocket({ ...target, path: target.path + query }, this, buffer, share)
    if (share < 1) this.settled?.()
  }

  /** Reads nothing more. */
  stop(): void {
    this.#reading = false
    this.#socket?.stop()
  }

  go(): void {
    this.#reading = true
    this.#socket?.go()
  }

  /** Reads about so many bytes a second from now on. */
  readAt(bytesPerSecond: number): void {
    this.#unpace()
    this.#pace = new Pace(bytesPerSecond, () => this.#socket?.go())
    this.grounds.pacer.add(this.#pace)
  }

  /** Ends the connection with no close frame. */
  drop(): void {
    this.#dropping = true
    this.#unpace()
    this.#socket?.destroy()
  }

  send(bytes: Uint8Array): void {
    this.#socket?.send(bytes)
  }

  /** Bytes that are still to be sent. */
  get unsent(): number {
    return this.#socket?.unsent ?? 0
  }

  /** Calls back unless it is in another connection by then, or in none. */
  later(ms: number, then: () => void): void {
    const socket = this.#socket
    this.grounds.later(ms, () => {
      if (this.#socket === socket && this.state !== 'closed') then()
    })
  }

  /** When the swarm is over: reads what is left, to find out how the server had ended it. Counts nothing else any more. */
  examine(): void {
    this.#examined = true
    this.answers = false
    this.#unpace()
    this.go()
  }

  opened(headers: ReadonlyMap<string, string>): void {
    this.state = 'open'
    this.openedAt = wallClock()
    this.position = headers.get('spillway-position')
    this.population.handshake.add(performance.now() - this.#requestedAt)
    this.settled?.()
    this.population.behaviour.begin?.(this, this.population.plan.params)
  }

  refused(status: number): void {
    count(this.population.refusals, status)
    this.#refused = true
  }

  read(buffer: Uint8Array, from: number, to: number): boolean {
    const { population } = this
    this.#readAt = wallClock()
    const messages = this.#frames.read(buffer, from, to)
    population.messages += messages
    this.messages += messages
    population.bytes += to - from
    return this.#reading && (this.#pace?.spend(to - from) ?? true)
  }

  ping(pong: Buffer): void {
    this.lastPing = pong.subarray(6)
    if (!this.answers) return
    this.population.pongs++
    this.#socket!.send(pong)
  }

  timed(time: number, number: number): void {
    if (this.#examined) return
    const { population, grounds } = this
    const published = grounds.format.ms(time)
    const latency = this.#readAt - published
    population.recent.add(latency)
    if (latency < population.leastLatency) population.leastLatency = latency
    if (published > this.newest) this.newest = published
    if (number < 0) return
    if (this.#number >= 0 && number !== this.#number + 1) this.#jumped(number)
    this.#number = number
  }

  closing(code: number): void {
    this.#closedWith(code)
    this.#socket!.send(frame(OPCODE.close, code === NO_CODE ? NOTHING : Buffer.from([code >> 8, code & 0xff])))
  }

  broken(why: string): void {
    count(this.population.errors, why)
    this.drop()
  }

  ended(error: NodeJS.ErrnoException | undefined): void {
    const { population } = this
    const wasOpen = this.state === 'open'
    this.state = 'closed'
    this.#unpace()
    if (!this.#dropping && !this.#refused) {
      if (error !== undefined) count(population.errors, error.code ?? error.message)
      if (wasOpen || error === undefined) this.#closedWith(LOST)
    }
    this.settled?.()
    if (!this.#examined && !this.#dropping) population.behaviour.closed?.(this, population.plan.params)
  }

  #closedWith(code: number): void {
    if (this.#closeCode !== undefined) return
    this.#closeCode = code
    this.wasClosed = true
    this.wasEvicted ||= EVICTED.includes(code)
    count(this.population.closes, code)
  }

  #jumped(number: number): void {
    const { population } = this
    if (number <= this.#number) {
      population.repeats++
      return
    }
    population.gaps++
    population.missed += number - this.#number - 1
  }

  #unpace(): void {
    if (this.#pace !== undefined) this.grounds.pacer.delete(this.#pace)
    this.#pace = undefined
  }

  /** Whether it reads all that comes, and so knows how its connection stands. */
  get attentive(): boolean {
    return this.#reading && this.#pace === undefined
  }

  /** How long it has been open; 0 if it never was. */
  get lastedMs(): number {
    return this.openedAt === 0 ? 0 : wallClock() - this.openedAt
  }

  /** Whether it is open, as far as is known. */
  get connected(): boolean {
    return this.state === 'open' && this.#closeCode === undefined
  }
}
