/**
 * Distance: a TCP relay that hands on each byte, both ways, so many milliseconds after it came. It reads all it can, so that
 * what stands between the two sides is their own doing. In a process of its own.
 */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface RelayPlan {
  readonly target: number
  readonly delayMs: number
}

const { target, delayMs } = JSON.parse(process.argv[2]!) as RelayPlan
/** Timers are late by up to a millisecond. */
const SLACK_MS = 0.5

function carry(from: Socket, to: Socket): void {
  const held: { readonly due: number; readonly chunk: Buffer }[] = []
  const hand = () => {
    const now = performance.now()
    while (held.length > 0 && held[0]!.due <= now + SLACK_MS) to.write(held.shift()!.chunk)
    if (held.length > 0) setTimeout(hand, held[0]!.due - now)
  }
  from.on('data', chunk => {
    if (held.push({ due: performance.now() + delayMs, chunk }) === 1) setTimeout(hand, delayMs)
  })
  from.on('error', () => {}) // always followed by 'close'
  from.on('close', () => setTimeout(() => to.destroy(), delayMs))
}

const server = createServer({ noDelay: true }, near => {
  const far = connect({ host: '127.0.0.1', port: target, noDelay: true })
  carry(near, far)
  carry(far, near)
})
server.listen(0, '127.0.0.1', () => process.send!({ id: 0, answer: { port: (server.address() as AddressInfo).port } }))
process.on('disconnect', () => process.exit())
