/** Sockets: how many there are, who was not let in, who left and how, their windows and pings, and what writing to them takes. */
import { CLOSE_CODES } from '../../clients/closes.ts'
import type { Initiator, Outcome } from '../../events.ts'
import { REFUSALS, type RefusalReason } from '../request.ts'
import { STATS } from '../stats.ts'
import { histogram, type Metric, metric, ofHub } from './metric.ts'

const INITIATORS = Object.keys(CLOSE_CODES) as Initiator[]
const OUTCOMES: readonly Outcome[] = ['clean', 'terminated']
const REASONS = Object.entries(REFUSALS) as [RefusalReason, number][]

const comingAndGoing: readonly Metric[] = [
  ofHub(
    'gauge',
    'clients',
    'Sockets the hub serves. Each has one reader: what state they are in is told by spillway_readers.',
    ({ figures }) => figures.clients,
  ),
  ofHub('gauge', 'max_clients', 'How many it takes (maxClients).', ({ hub }) => hub.settings.maxClients),
  metric(
    'counter',
    'refused_clients_total',
    'Newcomers that were not let in, by close code and reason.',
    ['code', 'reason'],
    ({ door }, add) => {
      for (const [reason, code] of REASONS) add(door.refusals.get(reason) ?? 0, String(code), reason)
    },
  ),
  metric(
    'counter',
    'closed_clients_total',
    'Clients that left, by close code and by who closed.',
    ['code', 'initiator'],
    ({ hub }, add) => {
      for (const initiator of INITIATORS) {
        for (const code of CLOSE_CODES[initiator]) add(hub.closes.count(initiator, code), String(code), initiator)
        add(hub.closes.count(initiator), 'other', initiator)
      }
    },
  ),
  metric(
    'counter',
    'close_outcomes_total',
    'Clients that left, by whether the close was answered (clean) or the socket ended without (terminated).',
    ['outcome'],
    ({ hub }, add) => {
      for (const outcome of OUTCOMES) add(hub.closes.outcomes[outcome], outcome)
    },
  ),
]

const windows: readonly Metric[] = [
  metric('gauge', 'client_window_bytes', 'How much may be in flight to a client.', ['stat'], ({ figures }, add) => {
    const { windows } = figures
    const { p50, max } = windows.spread
    add(windows.min, 'min')
    add(p50, 'p50')
    add(max, 'max')
  }),
  metric(
    'gauge',
    'client_buffered_bytes',
    'Bytes in user space that the kernel has not taken (bufferedAmount).',
    ['stat'],
    ({ figures }, add) => {
      const { spread } = figures.buffered
      for (const stat of STATS) add(spread[stat], stat)
    },
  ),
  ofHub(
    'gauge',
    'unconfirmed_clients',
    'Clients that have never answered a ping: nothing is known to be taken.',
    ({ figures }) => figures.unconfirmed,
  ),
  ofHub('counter', 'pings_total', 'Pings written to ask what was taken.', ({ hub }) => hub.windows?.pings.sent ?? 0),
  ofHub(
    'counter',
    'stray_pongs_total',
    'Pongs that answer nothing that was asked: unsolicited or invented.',
    ({ hub }) => hub.windows?.pings.strays ?? 0,
  ),
  histogram(
    'pong_delay_seconds',
    'From a ping to its pong: what is in front of it, the way there and back, and the client.',
    ({ hub }) => hub.windows?.pings.delays,
  ),
]

const writing: readonly Metric[] = [
  histogram(
    'publish_to_write_seconds',
    'From the publishing of the oldest message of a turn until all live readers were sent it; one sample for each feed and turn.',
    ({ hub }) => hub.timing.delays,
  ),
  histogram(
    'flush_duration_seconds',
    'How long a turn of the flush takes, over all feeds.',
    ({ hub }) => hub.timing.turns,
  ),
  histogram(
    'write_messages',
    'Messages in a run that is handed to a client: one write, unless its window has less room.',
    ({ hub }) => hub.timing.messages,
  ),
]

export const CLIENTS: readonly Metric[] = [...comingAndGoing, ...windows, ...writing]
