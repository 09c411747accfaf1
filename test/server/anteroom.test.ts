/** The anteroom: newcomers are let in a few a turn, in order, and one that is gone meanwhile harms nobody. */
import type { IncomingMessage } from 'node:http'
import { PassThrough } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Anteroom } from '../../src/server/anteroom.ts'
import { collector } from '../sources/helpers.ts'
import { startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

const HEAD = Buffer.alloc(0)

function slowDoor() {
  const letIn: number[] = []
  const anteroom = new Anteroom(request => {
    const until = performance.now() + 1
    while (performance.now() < until) {}
    letIn.push(Number(request.url))
  })
  const come = (n: number) => {
    const socket = new PassThrough()
    anteroom.enter({ url: `${n}` } as IncomingMessage, socket, HEAD)
    return socket
  }
  return { letIn, come }
}

test('who comes alone is let in at once', () => {
  const { letIn, come } = slowDoor()
  come(1)
  expect(letIn).toEqual([1])
})

test('of many who come in one turn each turn lets in a few, in the order in which they came', async () => {
  const { letIn, come } = slowDoor()
  const all = Array.from({ length: 20 }, (_, i) => i)
  for (const n of all) come(n)
  let before = letIn.length
  expect(before).toBeLessThanOrEqual(2)
  let turns = 0
  while (letIn.length < all.length && turns++ < 100) {
    await turn()
    expect(letIn.length - before).toBeLessThanOrEqual(2)
    before = letIn.length
  }
  expect(letIn).toEqual(all)
})

test('one whose socket fails while it waits harms nobody', async () => {
  const { letIn, come } = slowDoor()
  const sockets = Array.from({ length: 8 }, (_, i) => come(i))
  sockets.at(-1)!.destroy(new Error('reset'))
  while (letIn.length < sockets.length) await turn()
  expect(sockets.at(-1)!.listenerCount('error')).toBe(0)
})

test('who has been let in is forgotten, even where more come all the time and the line is never empty', async () => {
  const collect = collector()
  let letIn = 0
  const anteroom = new Anteroom(() => {
    const until = performance.now() + 1
    while (performance.now() < until) {}
    letIn++
  })
  const come = () => {
    const request = { url: '/' } as IncomingMessage
    anteroom.enter(request, new PassThrough(), HEAD)
    return new WeakRef(request)
  }
  const first = Array.from({ length: 20 }, come)
  while (letIn < first.length) {
    for (let i = 0; i < 5; i++) come()
    await turn()
  }
  collect()
  expect(first.filter(request => request.deref() !== undefined)).toHaveLength(0)
})

test('a crowd that comes at once gets in, and what is published meanwhile comes to all who are there', async () => {
  const { hub, client } = await startHub()
  const feed = hub.feed('f')
  const here = await client('/feeds/f')
  const crowd = await Promise.all(Array.from({ length: 200 }, () => client('/feeds/f')))
  feed.publish({ payload: 'now' })
  await until('all to have it', () => [here, ...crowd].every(({ messages }) => messages === 1))
  expect(hub.clients.size).toBe(201)
})
