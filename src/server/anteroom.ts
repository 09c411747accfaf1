/**
 * The anteroom: where newcomers wait when more come in one turn of the event loop than it has time for. To let somebody in takes a third
 * of a millisecond, and thousands who come back in the same moment arrive in one turn; without this, everybody who is here waits
 * for all of them (measured: 240 ms). So each turn lets in as many as fit into `BUDGET_MS`, in the order in which they came,
 * and what is published goes out in between. Who comes alone does not wait.
 */
import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'

const BUDGET_MS = 2

type LetIn = (request: IncomingMessage, socket: Duplex, head: Buffer) => void

export class Anteroom {
  readonly #letIn: LetIn
  readonly #run = (): void => this.#turn()
  #waiting: Parameters<LetIn>[] = []
  #next = 0
  #spentMs = 0
  #scheduled = false

  constructor(letIn: LetIn) {
    this.#letIn = letIn
  }

  enter(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (this.#spentMs < BUDGET_MS && this.#next === this.#waiting.length) this.#pass(request, socket, head)
    else {
      socket.on('error', ignore) // the HTTP server has let go of it, and nobody else has it yet
      this.#waiting.push([request, socket, head])
    }
    this.#schedule()
  }

  #pass(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const started = performance.now()
    socket.off('error', ignore)
    this.#letIn(request, socket, head)
    this.#spentMs += performance.now() - started
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(this.#run)
  }

  #turn(): void {
    this.#scheduled = false
    this.#spentMs = 0
    while (this.#next < this.#waiting.length && this.#spentMs < BUDGET_MS) this.#pass(...this.#waiting[this.#next++]!)
    // Who has passed is forgotten at once: where newcomers never cease, the line is never empty, and requests must not collect.
    this.#waiting = this.#waiting.slice(this.#next)
    this.#next = 0
    if (this.#waiting.length > 0) this.#schedule()
  }
}

function ignore(): void {}
