/** What somebody may have meant: the nearest of the known words, if one is near enough. For sentences about unknown ones. */

/** Undefined if none is near: then a guess would mislead. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  let best: string | undefined
  let least = Number.POSITIVE_INFINITY
  for (const other of known) {
    const edits = distance(plain(word), plain(other))
    if (edits < least) [best, least] = [other, edits]
  }
  return least <= Math.max(2, Math.ceil(word.length / 3)) && least < word.length ? best : undefined
}

/** `max-clients`, `maxClients` and `max_clients` are one word. */
const plain = (word: string) => word.toLowerCase().replace(/[-_]/g, '')

/** Letters to insert, leave out, replace or swap with their neighbour (optimal string alignment). */
function distance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)]
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let edits = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) edits = Math.min(edits, before[j - 2]! + 1)
      row.push(edits)
    }
    before = last
    last = row
  }
  return last[b.length]!
}
