/** The outlet of the log: what it could not write is counted, and the count is not lost. */
import { expect, test } from 'vitest'
import { Outlet } from '../src/outlet.ts'
import { until } from './support/until.ts'

test('what was dropped is told in full, though the disk had no room for the line that first told it', async () => {
  const writes: { readonly text: string; readonly done: (error?: Error) => void }[] = []
  const outlet = new Outlet(
    (bytes, done) => void writes.push({ text: bytes.toString(), done }),
    count => `${count} dropped\n`,
  )
  outlet.write('first\n')
  for (let i = 0; i < 2_000; i++) outlet.write(`${'x'.repeat(1_023)}\n`)
  writes[0]!.done()
  expect(writes[1]!.text).toMatch(/\n9\d\d dropped\n$/)
  writes[1]!.done(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' }))
  await until('it to be tried again', () => writes.length === 3)
  expect(writes[2]!.text).toBe('2000 dropped\n')
  const flushed = outlet.flush(10_000)
  writes[2]!.done()
  expect(await flushed).toBe(true)
})
