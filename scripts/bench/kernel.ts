/** What the kernel says of sockets: of all processes, whether or not they have time to say anything themselves. */
import { readFileSync } from 'node:fs'

export const PAGE_BYTES = 4_096
const ESTABLISHED = '01'

/** Memory of the kernel's TCP sockets (/proc/net/sockstat counts pages); NaN where there is no such file. */
export function kernelTcp(): number {
  try {
    return Number(/^TCP:.* mem (\d+)/m.exec(readFileSync('/proc/net/sockstat', 'latin1'))?.[1]) * PAGE_BYTES
  } catch {
    return Number.NaN
  }
}

/** Established sockets of a server's port: neither side needs to have noticed anything. NaN where nobody says. */
export function established(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  try {
    const rows = readFileSync('/proc/net/tcp', 'latin1').split('\n').slice(1)
    return rows.filter(row => {
      const [, address, , state] = row.trim().split(/\s+/)
      return state === ESTABLISHED && address?.endsWith(local)
    }).length
  } catch {
    return Number.NaN
  }
}
