/** Trials come in two sizes: a small one in `npm test`, the whole one with `npm run trials` (TRIAL=full). */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { onTestFinished } from './together.ts'

export const FULL = process.env['TRIAL'] === 'full'

/** Says what was measured; the figures of a trial are for people. */
export function tell(title: string, figures: Readonly<Record<string, unknown>>): void {
  console.log(`${title}: ${JSON.stringify(figures)}`)
}

/** A file of pseudo-random bytes, gone when the test is over. */
export async function randomFile(bytes: number): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const path = join(folder, 'file.bin')
  await pipeline(noise(bytes), createWriteStream(path))
  return path
}

/** xorshift32, because a file of gigabytes should not wait for the kernel's random numbers. */
function* noise(bytes: number): Generator<Buffer> {
  let state = 0x9e3779b9
  for (let left = bytes; left > 0; ) {
    const words = new Uint32Array(16 * 1024)
    for (let i = 0; i < words.length; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      words[i] = state
    }
    const chunk = Buffer.from(words.buffer).subarray(0, left)
    left -= chunk.length
    yield chunk
  }
}
