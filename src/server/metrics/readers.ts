/** Who is behind, and how far: the readers of each feed by state and by lag, and what is left to the slowest before its policy acts. */
import { READER_STATES } from '../../reader.ts'
import { BANDS } from '../watch/bands.ts'
import { type Metric, ofFeed, ofFeedBy, ofReaders } from './metric.ts'

export const READERS: readonly Metric[] = [
  ofFeedBy('state', 'gauge', 'readers', 'Cursors in the feed, by state.', ({ states }, add) => {
    for (const state of READER_STATES) add(states[state], state)
  }),
  ofFeedBy(
    'band',
    'gauge',
    'readers_by_lag',
    'Readers by the age of the oldest message they wait for: at most so long. The bands add up to all readers.',
    ({ bands }, add) => {
      for (const [band] of BANDS) add(bands[band], band)
    },
  ),
  ofReaders('reader_lag_messages', 'From what is confirmed to the head, in messages.', ({ lag }) => lag.messages),
  ofReaders('reader_lag_bytes', 'From what is confirmed to the head, in bytes.', ({ lag }) => lag.bytes),
  ofReaders(
    'reader_data_age_seconds',
    'Age of the oldest message a reader waits for: asked about and not answered, or queued.',
    ({ dataAge }) => dataAge,
  ),
  ofReaders('reader_queued_messages', 'Lag of what is not yet written, in messages.', ({ queued }) => queued.messages),
  ofReaders('reader_queued_bytes', 'Lag of what is not yet written, in bytes.', ({ queued }) => queued.bytes),
  ofReaders('reader_queued_seconds', 'Lag of what is not yet written, in seconds.', ({ queued }) => queued.seconds),
  ofReaders(
    'reader_in_flight_bytes',
    'Bytes written and not yet taken: in sockets, kernels and browsers.',
    ({ inFlightBytes }) => inFlightBytes,
  ),
  ofFeed(
    'gauge',
    'headroom_bytes',
    'What may still be published before the policy acts on the slowest reader: the next gap, eviction or pause.',
    ({ headroom }) => headroom.bytes,
  ),
  ofFeed(
    'gauge',
    'headroom_ratio',
    'The same as a share of the limit it is nearest to: 1 = all of it is left, 0 = it is reached.',
    ({ headroom }) => headroom.ratio,
  ),
]
