/**
 * Slow clients: who is behind, by how much, where what they wait for is, and what the hub did about it. From top to bottom: at a
 * glance, how far behind, where it is (queued in the hub or in flight), what pongs say of links, what the policies did, how
 * clients went. Single clients have no series of their own: they are on the hub's page and in its admin API.
 */
import { board } from './board.ts'
import { acts, gone } from './slow-clients/acts.ts'
import { far, where } from './slow-clients/behind.ts'
import { glance } from './slow-clients/glance.ts'
import { pongs } from './slow-clients/pongs.ts'

export const slowClients = board({
  uid: 'spillway-slow-clients',
  title: 'Spillway: slow clients',
  about: 'Who is behind, by how much, where what they wait for is, and what the hub did about it.',
  sections: [glance, far, where, pongs, acts, gone],
})
