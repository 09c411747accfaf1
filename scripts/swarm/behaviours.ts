/**
 * How clients can be bad, side by side, and the one good one. A behaviour is what a client does from the moment it is open, in
 * the verbs of client.ts; whatever it does not say, the client does as a healthy one. Times count from the opening, or from the
 * end of the ramp where that is later, so that what is to happen to all at once does.
 */
import { type Behaviour, behaviour } from './behaviour.ts'
import type { Client } from './client.ts'
import { junk } from './junk.ts'
import { frame, OPCODE } from './socket.ts'

/** An invented pong each. */
const LIE_MS = 100
const REFUSED_MS = 100

export const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  healthy: behaviour({
    about: 'Reads all it gets, at once, and answers pings.',
    params: {},
  }),

  'never-reads': behaviour({
    about: 'Reads the answer to its handshake and nothing after it: a laptop that was closed.',
    params: {},
    begin: client => client.stop(),
  }),

  trickle: behaviour({
    about: 'Reads so many bytes a second and no more: a bad link.',
    params: { rate: { unit: 'size', default: '16KB', about: 'bytes a second' } },
    paced: true,
    begin: (client, { rate }) => client.readAt(rate),
  }),

  stalls: behaviour({
    about: 'Is healthy, stops reading after a while for a while, and goes on: over and over.',
    params: {
      after: { unit: 'time', default: '2s', about: 'how long it reads' },
      for: { unit: 'time', default: '4s', about: 'how long it does not' },
    },
    begin: (client, { after, for: pause }) => stall(client, after, pause),
  }),

  'never-pongs': behaviour({
    about: 'Reads all it gets and answers no ping.',
    params: {},
    begin: client => {
      client.answers = false
    },
  }),

  'half-open': behaviour({
    about:
      'Is healthy, then vanishes without a FIN: reads nothing, writes nothing, closes nothing. (The kernel of a machine that is gone would not even acknowledge; this one does until its buffer is full.)',
    params: { after: { unit: 'time', default: '2s', about: 'when it vanishes' } },
    begin: (client, { after }) =>
      client.later(after, () => {
        client.answers = false
        client.stop()
      }),
  }),

  flapping: behaviour({
    about: 'Sleeps without reading, wakes, and comes back at once if it was closed meanwhile: over and over.',
    params: {
      asleep: { unit: 'time', default: '2s', about: 'how long it does not read; then it reads for a fifth of that' },
    },
    begin: (client, { asleep }) => sleep(client, asleep),
    closed: client => {
      // At once, unless it was not let in: a loop of refusals would measure nothing but itself.
      if (client.lastedMs > 0) client.connect()
      else client.grounds.later(REFUSED_MS, () => client.connect())
    },
  }),

  resume: behaviour({
    about: 'Is healthy, drops, and comes back from where it was, all of them at the same moment: a thundering herd.',
    params: {
      after: { unit: 'time', default: '1s', about: 'when it drops' },
      away: { unit: 'time', default: '4s', about: 'how long it stays away' },
      from: {
        unit: 'word',
        default: 'position',
        about: 'where it comes back from: `position`, where it was; or what `?from=` takes',
      },
    },
    begin: (client, { after, away, from }) => {
      if (client.dropped) return
      client.later(after, () => {
        client.dropped = true
        const place = from === 'position' ? placeOf(client) : from
        client.drop()
        client.grounds.later(away, () => client.connect(place === undefined ? {} : { from: place }))
      })
    },
  }),

  liar: behaviour({
    about:
      'Is healthy for a while, then reads nothing and answers all the same: pings it has had, pings it can only guess, payloads it has invented.',
    params: { after: { unit: 'time', default: '1s', about: 'how long it is honest' } },
    begin: (client, { after }) =>
      client.later(after, () => {
        client.stop()
        lie(client)
      }),
  }),

  junk,
}

function stall(client: Client, reads: number, pauses: number): void {
  client.later(reads, () => {
    client.stop()
    client.later(pauses, () => {
      client.go()
      stall(client, reads, pauses)
    })
  })
}

function sleep(client: Client, ms: number): void {
  client.stop()
  client.later(ms, () => {
    client.go()
    client.later(ms / 5, () => sleep(client, ms))
  })
}

function lie(client: Client): void {
  const invented = Buffer.from(Array.from({ length: 8 }, () => Math.floor(client.grounds.random() * 256)))
  client.send(frame(OPCODE.pong, invented))
  const had = client.lastPing
  if (had !== undefined && had.length >= 4) {
    const guessed = Buffer.from(had)
    guessed.writeInt32BE((had.readInt32BE(0) + 1) | 0)
    client.send(frame(OPCODE.pong, had))
    client.send(frame(OPCODE.pong, guessed))
  }
  client.later(LIE_MS, () => lie(client))
}

/** PROTOCOL.md 2.3: who counts knows its position at all times. */
function placeOf({ position, messages }: Client): string | undefined {
  const parts = /^(.*):(\d+)$/.exec(position ?? '')
  return parts === null ? undefined : `${parts[1]}:${Number(parts[2]) + messages}`
}
