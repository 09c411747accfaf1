/** What serve and check both say: amounts of memory, and the bound. */
import type { MemoryBound } from './memory.ts'

export function mebibytes(bytes: number): string {
  const amount = bytes / 2 ** 20
  return `${amount < 10 ? Number(amount.toFixed(2)) : Math.round(amount)} MiB`
}

export function memoryLines(bound: MemoryBound, maxClients: number): readonly [string, string] {
  const { process: base, logs, clients, pinned, total, kernel } = bound
  const parts = `process ${mebibytes(base)}, logs ${mebibytes(logs)}, ${maxClients} clients ${mebibytes(clients)}`
  const inFlight =
    kernel === Number.POSITIVE_INFINITY ? 'in flight, without a bound' : `at most ${mebibytes(kernel)} in flight`
  return [
    `  memory  at most ${mebibytes(total)}: ${parts}, their unfinished writes ${mebibytes(pinned)}`,
    `  kernel  ${inFlight}`,
  ]
}
