/**
 * What no client should send, each kind by itself, or mixed by the seed. A server turns it away (RFC 6455 §5, §7.4.1) or takes
 * no harm from it. Turned away, it comes back a second later with the same.
 */
import { type Behaviour, behaviour } from './behaviour.ts'
import type { Client } from './client.ts'
import { frame, OPCODE } from './socket.ts'

const TICK_MS = 10
const AGAIN_MS = 1_000
const CLAIMED_BYTES = 64 * 2 ** 20
const PIECE = Buffer.alloc(16 * 1024, 'x')
/** What a flood keeps in user space, when the server does not read it. */
const UNSENT_MOST = 256 * 1024
const FRAGMENT = frame(OPCODE.continuation, PIECE, { final: false })
const PINGS = Buffer.concat(Array.from({ length: 256 }, (_, i) => frame(OPCODE.ping, Buffer.from(`ping ${i}`))))

interface Junk {
  readonly about: string
  /** How much of the handshake it sends. */
  readonly share?: number
  begin(client: Client): void
}

export const JUNK: Readonly<Record<string, Junk>> = {
  oversize: {
    about: 'a message of 64 MiB, 1.6 MB of it a second',
    begin: client => {
      client.send(frame(OPCODE.binary, PIECE, { length: CLAIMED_BYTES }))
      keepOn(client, PIECE)
    },
  },
  'bad-opcode': {
    about: 'a frame with an opcode that means nothing',
    begin: client => client.send(frame(3, Buffer.from('what?'))),
  },
  unmasked: {
    about: 'a frame without the mask that clients owe',
    begin: client => client.send(frame(OPCODE.text, Buffer.from('bare'), { masked: false })),
  },
  'endless-fragments': {
    about: 'a message that goes on in fragments and never ends',
    begin: client => {
      client.send(frame(OPCODE.text, Buffer.from('once upon'), { final: false }))
      keepOn(client, FRAGMENT)
    },
  },
  'ping-flood': {
    about: '25,600 pings a second, and no look at what comes back',
    begin: client => {
      client.stop()
      keepOn(client, PINGS)
    },
  },
  'half-handshake': {
    about: 'half a request, and then nothing',
    share: 0.5,
    begin: () => {},
  },
}

const KINDS = Object.keys(JUNK)

export const junk: Behaviour = behaviour({
  about: 'Sends what breaks the protocol, and comes back a second after it is turned away.',
  params: {
    kind: {
      unit: 'word',
      default: 'mixed',
      about: `${KINDS.map(kind => `\`${kind}\``).join(', ')}, or \`mixed\` by the seed`,
      words: ['mixed', ...KINDS],
    },
  },
  connect: (client, { kind }) => client.connect({ share: junkOf(client, kind).share ?? 1 }),
  begin: (client, { kind }) => junkOf(client, kind).begin(client),
  closed: (client, { kind }) =>
    client.grounds.later(AGAIN_MS, () => client.connect({ share: junkOf(client, kind).share ?? 1 })),
})

/** The same for the same client, whenever it comes. */
function junkOf(client: Client, kind: string): Junk {
  return JUNK[kind] ?? JUNK[KINDS[Math.floor(client.lot * KINDS.length)]!]!
}

function keepOn(client: Client, piece: Buffer): void {
  client.later(TICK_MS, () => {
    if (client.unsent < UNSENT_MOST) client.send(piece)
    keepOn(client, piece)
  })
}
