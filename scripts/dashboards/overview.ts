/**
 * Overview: is all well, and if not, where. From top to bottom: the hub at a glance, each feed in a line, what goes in and comes
 * out, whether a source waits, who is behind, what was lost and why, who comes and goes, and the machine below.
 */
import { board } from './board.ts'
import { doors, machine } from './overview/around.ts'
import { flow, source } from './overview/flow.ts'
import { glance } from './overview/glance.ts'
import { behind, lost } from './overview/losses.ts'

export const overview = board({
  uid: 'spillway-overview',
  title: 'Spillway: overview',
  about: 'What goes in, what comes out, whether a source waits, who is behind, and what was lost and why.',
  sections: [glance, flow, source, behind, lost, doors, machine],
})
