/** Each behaviour does what its name says, as seen from a server that it is sent against. */
import { describe, expect, test } from 'vitest'
import { JUNK } from '../../scripts/swarm/junk.ts'
import { until } from '../support/until.ts'
import { type Connection, type RawServer, rawServer } from './raw-server.ts'
import { send } from './sent.ts'

const PONG = 10
const CLOSE = 8

async function connected(server: RawServer, n = 1): Promise<Connection> {
  await until('the client', () => server.connections.filter(({ upgraded }) => upgraded).length >= n)
  return server.connections[n - 1]!
}

/** Sends pings until one is answered: the client has begun to do what it does. */
async function answered(connection: Connection): Promise<void> {
  connection.ping('there?')
  await until('a pong', () => connection.payloads(PONG).includes('there?'))
}

describe('healthy', () => {
  test('reads all it gets, at once, and answers pings with their payload, masked', async () => {
    const server = await rawServer()
    const { populations } = send(server.port, [{ behaviour: 'healthy', count: 1 }])
    const connection = await connected(server)
    connection.flood()
    connection.ping('are you there?')
    await until('everything to be taken', () => !connection.stuck)
    await until('the pong', () => connection.payloads(PONG).includes('are you there?'))
    expect(connection.frames.every(({ masked, final }) => masked && final)).toBe(true)
    await until('the messages to be counted', () => populations[0]!.messages === 64)
  })

  test('answers a close frame with the same code, and is counted as closed, and as evicted where the code says so', async () => {
    const server = await rawServer()
    const { end } = send(server.port, [{ behaviour: 'healthy', count: 2 }])
    const [first, second] = [await connected(server), await connected(server, 2)]
    for (const [connection, code] of [
      [first, 4408],
      [second, 1000],
    ] as const) {
      connection.close(code)
      await until('the answer', () => connection.frames.some(({ opcode }) => opcode === CLOSE))
      expect(connection.frames.at(-1)!.payload.readUInt16BE()).toBe(code)
      connection.socket.end()
    }
    await until('both to be gone', () => first.gone && second.gone)
    const [population] = (await end()).populations
    expect(Object.fromEntries(population!.closes)).toEqual({ 1000: 1, 4408: 1 })
    expect([population!.connected, population!.closed, population!.evicted]).toEqual([0, 2, 1])
  })

  test('lost without a close frame counts as 1006', async () => {
    const server = await rawServer()
    const { populations } = send(server.port, [{ behaviour: 'healthy', count: 1 }])
    ;(await connected(server)).socket.destroy()
    await until('the loss', () => populations[0]!.closes.get(1006) === 1)
  })

  test('refused is counted by status, and so is an answer with the wrong key', async () => {
    for (const [options, status] of [
      [{ status: 503 }, 503],
      [{ wrongKey: true }, 0],
    ] as const) {
      const server = await rawServer(options)
      const { populations } = send(server.port, [{ behaviour: 'healthy', count: 3 }])
      await until('three refusals', () => populations[0]?.refusals.get(status) === 3)
      expect(populations[0]!.closes.size).toBe(0)
    }
  })
})

describe('what is measured of messages', () => {
  const message = (number: number, agoMs = 0) => `${(Date.now() - agoMs) * 1_000} ${number}`

  test('gaps, what is missed in them, and repeats, by the numbers behind the times', async () => {
    const server = await rawServer()
    const { populations } = send(server.port, [{ behaviour: 'healthy', count: 1 }])
    const connection = await connected(server)
    for (const number of [7, 8, 9, 12, 13, 13, 3, 4]) connection.send(message(number))
    await until('all of them', () => populations[0]!.messages === 8)
    const [{ gaps, missed, repeats }] = populations as [(typeof populations)[0]]
    expect({ gaps, missed, repeats }).toEqual({ gaps: 1, missed: 2, repeats: 2 })
  })

  test('latency, from the time in a message to having read it', async () => {
    const server = await rawServer()
    const { populations, end } = send(server.port, [{ behaviour: 'healthy', count: 1 }])
    const connection = await connected(server)
    await until('messages, after the ramp too', () => {
      connection.send(message(0, 5_000))
      return populations[0]!.messages >= 50
    })
    const [population] = (await end()).populations
    expect(population!.latency.samples).toBeGreaterThan(0)
    expect(population!.latency.at(0.01)).toBeGreaterThan(4_900)
  })

  test('who resumes and is not given what it missed has a gap; who begins again at the head has none', async () => {
    for (const [behaviour, gaps] of [
      [{ behaviour: 'resume', after: '1s', away: '10ms' }, 1],
      [{ behaviour: 'flapping', asleep: '50ms' }, 0],
    ] as const) {
      const server = await rawServer()
      const { populations } = send(server.port, [{ ...behaviour, count: 1 }])
      const first = await connected(server)
      for (const number of [1, 2]) first.send(message(number))
      await until('both to be read', () => populations[0]!.messages === 2)
      if (gaps === 0) first.socket.end()
      const second = await connected(server, 2)
      second.send(message(5))
      await until('the third to be read', () => populations[0]!.messages === 3)
      expect(populations[0]!.gaps, behaviour.behaviour).toBe(gaps)
    }
  })
})

test('never-reads takes the handshake and nothing after it, and stays', async () => {
  const server = await rawServer()
  const { populations, end } = send(server.port, [{ behaviour: 'never-reads', count: 1 }])
  const connection = await connected(server)
  await until('the client to know that it is open', () => populations[0]!.clients[0]!.connected)
  connection.ping('there?')
  connection.flood()
  await until('a kernel that is full', () => connection.stuck)
  expect(populations[0]!.bytes).toBe(0)
  expect(connection.frames).toEqual([])
  const [population] = (await end()).populations
  expect(population!.connected).toBe(1)
})

test('never-reads is found to have been evicted when all is over', async () => {
  const server = await rawServer()
  const { populations, end } = send(server.port, [{ behaviour: 'never-reads', count: 1 }])
  const connection = await connected(server)
  await until('the client to know that it is open', () => populations[0]!.clients[0]!.connected)
  connection.send('something')
  connection.close(4409)
  connection.socket.end()
  const [population] = (await end()).populations
  expect([population!.evicted, population!.connected]).toEqual([1, 0])
  expect(population!.readMessages).toBe(0)
})

test('trickle reads no faster than it may, and goes on', async () => {
  const server = await rawServer()
  const rate = 50_000
  const { populations } = send(server.port, [{ behaviour: 'trickle', count: 1, rate: `${rate}` }])
  const connection = await connected(server)
  const started = performance.now()
  connection.flood()
  await until('a second of its rate', () => populations[0]!.bytes > rate)
  // It may begin with what its bucket holds, 50 ms, and read a bufferful too much.
  expect(performance.now() - started).toBeGreaterThan(900)
  expect(connection.stuck).toBe(true)
})

test('stalls reads, stops after a while, and goes on after a while', async () => {
  const server = await rawServer()
  const { populations } = send(server.port, [{ behaviour: 'stalls', count: 1, after: '100ms', for: '300ms' }])
  const connection = await connected(server)
  await answered(connection)
  // Little pings until one is not answered: only then is it certain that it has stopped.
  let pings = 0
  await until('a stall', () => {
    connection.ping(`${++pings}`)
    return connection.payloads(PONG).length < pings - 20
  })
  connection.flood()
  await until('everything to be read in the end', () => populations[0]!.messages === 64)
})

test('never-pongs reads all it gets and answers no ping', async () => {
  const server = await rawServer()
  const { populations } = send(server.port, [{ behaviour: 'never-pongs', count: 1 }])
  const connection = await connected(server)
  connection.ping('there?')
  connection.flood()
  await until('everything to be read', () => populations[0]!.messages === 64)
  expect(connection.frames).toEqual([])
})

test('half-open is there at first, then neither reads nor writes, and does not answer a FIN', async () => {
  const server = await rawServer()
  send(server.port, [{ behaviour: 'half-open', count: 1, after: '200ms' }])
  const connection = await connected(server)
  await answered(connection)
  let pings = 1
  await until('silence', () => {
    connection.ping(`${++pings}`)
    return connection.payloads(PONG).length < pings - 20
  })
  const frames = connection.frames.length
  connection.close(4409)
  connection.socket.end()
  const again = await rawServer()
  // What takes the same way for somebody else: by then an answer would have come.
  send(again.port, [{ behaviour: 'healthy', count: 1 }])
  await answered(await connected(again))
  expect([connection.frames.length, connection.finished, connection.gone]).toEqual([frames, false, false])
})

test('flapping sleeps through its eviction, and comes back at once when it wakes: over and over', async () => {
  const server = await rawServer()
  const { populations } = send(server.port, [{ behaviour: 'flapping', count: 1, asleep: '100ms' }])
  for (let n = 1; n <= 3; n++) {
    const connection = await connected(server, n)
    connection.close(4408)
    connection.socket.end()
    await until('it to be over', () => connection.gone)
  }
  await until('the fourth time', () => server.connections.length === 4)
  expect([populations[0]!.reconnects, populations[0]!.closes.get(4408)]).toEqual([3, 3])
})

describe('resume', () => {
  test('drops, stays away, and all come back from the position they had, counted from the header', async () => {
    const server = await rawServer({ headers: n => ({ 'Spillway-Position': `life:${n * 100}` }) })
    const { populations } = send(server.port, [{ behaviour: 'resume', count: 3, after: '1s', away: '200ms' }])
    await connected(server, 3)
    const first = server.connections.slice(0, 3)
    for (const connection of first) for (let i = 0; i < 7; i++) connection.send('x')
    await until('all to have dropped', () => first.every(({ gone, finished }) => gone || finished))
    expect(server.connections).toHaveLength(3)
    await until('all to be back', () => server.connections.filter(({ upgraded }) => upgraded).length === 6)
    const from = server.connections.slice(3).map(({ request }) => /from=(\S+)/.exec(request)?.[1])
    expect(from.sort()).toEqual(['life%3A107', 'life%3A207', 'life%3A307'])
    expect([populations[0]!.reconnects, populations[0]!.closes.size]).toEqual([3, 0])
  })

  test('comes back from where it is told, and where a server knows no positions just comes back', async () => {
    for (const [params, query] of [
      [{ from: '-5m' }, '?from=-5m'],
      [{}, ''],
    ] as const) {
      const server = await rawServer()
      send(server.port, [{ behaviour: 'resume', count: 1, after: '10ms', away: '10ms', ...params }])
      const { request } = await connected(server, 2)
      expect(request.split(' ')[1]).toBe(`/feeds/f${query}`)
    }
  })
})

test('liar answers pings it has not read, with payloads it had, guesses and invents', async () => {
  const server = await rawServer()
  send(server.port, [{ behaviour: 'liar', count: 1, after: '100ms' }])
  const connection = await connected(server)
  await answered(connection)
  const asked = connection.payloads(PONG).length
  await until('lies', () => connection.payloads(PONG).length > asked + 6)
  connection.flood()
  await until('a kernel that is full, for it does not read', () => connection.stuck)
  const lies = connection.frames.slice(asked).filter(({ opcode }) => opcode === PONG)
  expect(lies.some(({ payload }) => payload.toString() === 'there?')).toBe(true)
  expect(
    lies.some(
      ({ payload }) =>
        payload.toString() === 'therf?' || payload.readInt32BE() === Buffer.from('there?').readInt32BE() + 1,
    ),
  ).toBe(true)
  expect(
    new Set(lies.filter(({ payload }) => payload.length === 8).map(({ payload }) => payload.toString('hex'))).size,
  ).toBeGreaterThan(1)
})

describe('junk', () => {
  const sends = async (kind: string, what: string, seen: (connection: Connection) => boolean) => {
    const server = await rawServer()
    send(server.port, [{ behaviour: 'junk', count: 1, kind }])
    await until('the client', () => server.connections.length > 0)
    const [connection] = server.connections
    await until(what, () => seen(connection!))
    return { server, connection: connection! }
  }

  test('oversize sends a message whose header says 64 MiB, and goes on with it', async () => {
    await sends('oversize', 'more than its first piece', ({ received }) => received > 100_000)
  })

  test('bad-opcode sends a frame with opcode 3', async () => {
    await sends('bad-opcode', 'the frame', ({ frames }) => frames.some(({ opcode, masked }) => opcode === 3 && masked))
  })

  test('unmasked sends a frame without a mask', async () => {
    await sends('unmasked', 'the frame', ({ frames }) => frames.some(({ opcode, masked }) => opcode === 1 && !masked))
  })

  test('endless-fragments goes on with a message and never ends it', async () => {
    const { connection } = await sends('endless-fragments', 'fragments', ({ frames }) => frames.length > 5)
    expect(connection.frames.every(({ final }) => !final)).toBe(true)
    expect(connection.frames.map(({ opcode }) => opcode).slice(0, 3)).toEqual([1, 0, 0])
  })

  test('ping-flood sends pings by the hundred and does not read', async () => {
    const { connection } = await sends('ping-flood', 'pings', ({ frames }) => frames.length > 1_000)
    expect(connection.frames.every(({ opcode }) => opcode === 9)).toBe(true)
    connection.flood()
    await until('a kernel that is full', () => connection.stuck)
  })

  test('half-handshake sends half a request and no more', async () => {
    const { connection } = await sends('half-handshake', 'the half', ({ request }) => request.includes('Host:'))
    expect(connection.request).not.toContain('\r\n\r\n')
    expect(connection.upgraded).toBe(false)
  })

  test('turned away, comes back with the same', async () => {
    const { server, connection } = await sends('unmasked', 'the frame', ({ frames }) => frames.length > 0)
    connection.close(1002)
    connection.socket.end()
    await until('the second time', () => server.connections.length === 2 && server.connections[1]!.frames.length > 0)
    expect(server.connections[1]!.frames[0]!.masked).toBe(false)
  })

  test('mixed, is of every kind, and the same for the same seed', async () => {
    const kinds = async (seed: number) => {
      const server = await rawServer()
      const { populations, end } = send(server.port, [{ behaviour: 'junk', count: 60 }], { seed })
      await until('all', () => server.connections.length === 60)
      const lots = populations[0]!.clients.map(({ lot }) => Math.floor(lot * Object.keys(JUNK).length))
      await end()
      return lots
    }
    const first = await kinds(1)
    expect(new Set(first).size).toBe(Object.keys(JUNK).length)
    expect(await kinds(1)).toEqual(first)
    expect(await kinds(2)).not.toEqual(first)
  })
})
