/** Who takes part. A kind is a peer's name on the command line and in results. */
import { guarded, loop } from './loop.ts'
import type { Peer } from './peer.ts'
import { socketcluster } from './socketcluster.ts'
import { socketio } from './socketio.ts'
import { off, spillway } from './spillway.ts'

export const PEERS = { spillway, off, loop, guarded, socketio, socketcluster } as const satisfies Record<string, Peer>
export type Kind = keyof typeof PEERS

export const KINDS = Object.keys(PEERS) as readonly Kind[]
/** The hub and what people would run in its place. */
export const ALL: readonly Kind[] = ['spillway', 'loop', 'guarded', 'socketio', 'socketcluster']
/** Where the guard has nothing to do, the guarded loop is the loop. */
export const UNGUARDED: readonly Kind[] = ['spillway', 'loop', 'socketio', 'socketcluster']
/** Where each run takes long, and the others have shown elsewhere that they are like these. `--kinds` takes all. */
export const FEW: readonly Kind[] = ['spillway', 'loop', 'socketio']

export const peerOf = (kind: Kind): Peer => PEERS[kind]
/** Who has a window, an account and positions. */
export const isHub = (kind: Kind): boolean => kind === 'spillway' || kind === 'off'
