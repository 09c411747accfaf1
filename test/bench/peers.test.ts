/** Every peer, and what the load knows of its protocol: messages arrive, are counted as messages, and have their time where it is. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { FAST, LoadClient, SILENT, Tally } from '../../scripts/bench/load/client.ts'
import { isHub, KINDS, peerOf } from '../../scripts/bench/peers/index.ts'
import { until } from '../support/until.ts'

const BYTES = 128
const MICROS = 1_700_000_000_123_456

test.each(KINDS)('%s: a client joins its feed, gets its messages and leaves', async kind => {
  const { serve, wire } = peerOf(kind)
  const server = createServer()
  const service = await serve(server, { hub: {}, feed: {}, feeds: 2 })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  onTestFinished(() => server.closeAllConnections())
  const { port } = server.address() as AddressInfo
  const [first, second] = [new Tally(), new Tally()]
  const times: number[] = []
  const heard = (micros: number) => times.push(micros)
  const one = await LoadClient.join({ port, wire, feed: 0, timed: true, tally: first, heard }, FAST)
  const two = await LoadClient.join({ port, wire, feed: 1, timed: true, tally: second }, FAST)
  const deaf = await LoadClient.join({ port, wire, feed: 0, timed: true, tally: second }, SILENT)
  expect(service.clients()).toBe(3)
  for (let i = 0; i < 3; i++) service.publish(`${MICROS + i}`.padEnd(BYTES), 0)
  service.publish(`${MICROS}`.padEnd(BYTES), 1)
  await until('messages', () => first.messages === 3 && second.messages === 1)
  expect(times).toEqual([MICROS, MICROS + 1, MICROS + 2])
  expect(second.delays.samples).toBe(1)
  expect(service.hub === undefined).toBe(!isHub(kind))
  expect(service.hub?.imbalance() ?? 0).toBe(0)
  await Promise.all([one.leave(5_000), two.leave(5_000)])
  await until('them to be gone', () => service.clients() === 1)
  expect(first.lost + second.lost).toBe(0)
  deaf.socket.destroy()
  await until('nobody', () => service.clients() === 0)
})

test('who comes back to the hub with a position gets what it missed', async () => {
  const { serve, wire } = peerOf('spillway')
  const server = createServer()
  const service = await serve(server, { hub: {}, feed: {}, feeds: 1 })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  service.publish('before'.padEnd(BYTES), 0)
  const from = service.hub!.position()
  for (let i = 0; i < 5; i++) service.publish('missed'.padEnd(BYTES), 0)
  const tally = new Tally()
  const client = await LoadClient.join({ port, wire, feed: 0, from, timed: false, tally }, FAST)
  await until('what it missed', () => tally.messages === 5)
  await client.leave(5_000)
})

test.each([
  ['socketio', '2', '3'],
  ['socketcluster', '', ''],
] as const)('%s pings by text: %j is answered with %j', (kind, ping, pong) => {
  const { hear, talkBelow } = peerOf(kind).wire
  expect(hear(ping)).toEqual({ answer: pong })
  expect(ping.length).toBeLessThan(talkBelow)
})
