/** What the kernel says of this machine's sockets and of a process. Linux; elsewhere it says nothing: NaN. */
import { readFileSync } from 'node:fs'

const PAGE_BYTES = 4_096
const ESTABLISHED = '01'

/** Memory of the kernel's TCP sockets, of all processes together (/proc/net/sockstat counts pages). */
export function kernelTcp(): number {
  return Number(/^TCP:.* mem (\d+)/m.exec(contents('/proc/net/sockstat'))?.[1]) * PAGE_BYTES
}

/** Resident memory of a process: also when it is too busy to say. */
export function rssOf(pid: number): number {
  return Number(contents(`/proc/${pid}/statm`).split(' ')[1]) * PAGE_BYTES
}

function contents(file: string): string {
  try {
    return readFileSync(file, 'latin1')
  } catch {
    return ''
  }
}

/** Established sockets of a server's port: neither side needs to have noticed anything. NaN where nobody says. */
export function established(port: number): number {
  const local = `:${port.toString(16).toUpperCase().padStart(4, '0')}`
  const rows = contents('/proc/net/tcp').split('\n').slice(1)
  if (rows.length === 0) return Number.NaN
  return rows.filter(row => {
    const [, address, , state] = row.trim().split(/\s+/)
    return state === ESTABLISHED && address?.endsWith(local)
  }).length
}
