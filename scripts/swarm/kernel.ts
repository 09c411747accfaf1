/** What the kernel says of this machine's sockets and of a process. Linux; elsewhere it says nothing: NaN. */
import { readFileSync } from 'node:fs'

const PAGE_BYTES = 4_096

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
