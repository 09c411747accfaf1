/** `/metrics`, of those who are behind: bands that add up, a lag that is the cursor's, and headroom that falls before anything is lost. */
import { expect } from 'vitest'
import { scrape } from '../support/exposition.ts'
import { startHub } from '../support/hub.ts'
import { together } from '../support/together.ts'
import { until } from '../support/until.ts'

const { test } = together()

test('bands of lag add up to the readers, and who waits longer is in a later one', async () => {
  const { hub, url, client } = await startHub({ stallTimeoutMs: 0 })
  const feed = hub.feed('f', { capacity: 1_000_000 })
  hub.feed('empty')
  await Promise.all(Array.from({ length: 4 }, () => client('/feeds/f', { keep: false })))
  const stuck = await client('/feeds/f')
  feed.publish({ payload: 'x' })
  await until('all to have answered', () => hub.readers().every(({ account }) => account.taken === 1))
  stuck.stop()
  feed.publish({ payload: 'x'.repeat(100_000) })
  const bands = async (name: string) =>
    [...(await scrape(url)).get('spillway_readers_by_lag')!.series]
      .filter(([labels]) => labels.includes(`feed="${name}"`))
      .map(([, value]) => value)
  await until('the stuck one to wait for a second', () =>
    hub.readers().some(({ dataAgeSeconds }) => dataAgeSeconds > 1),
  )
  expect(await bands('f')).toEqual([4, 0, 1, 0, 0])
  expect(await bands('empty')).toEqual([0, 0, 0, 0, 0])
})

test('lag is what lies between what is confirmed and the head', async () => {
  const { hub, url, client } = await startHub({ stallTimeoutMs: 0 })
  const feed = hub.feed('f', { capacity: 1_000_000 })
  const stuck = await client('/feeds/f')
  feed.publish({ payload: 'x' })
  await until('it to have answered', () => hub.readers().every(({ account }) => account.taken === 1))
  stuck.stop()
  const before = feed.log.bytes
  for (let i = 0; i < 50; i++) feed.publish({ payload: 'x'.repeat(2_000) })
  await until('a full window', () => hub.readers().some(({ state }) => state === 'full'))
  const families = await scrape(url)
  const most = (name: string) => families.get(`spillway_${name}`)!.series.get('feed="f",stat="max"')
  expect(most('reader_lag_messages')).toBe(50)
  expect(most('reader_lag_bytes')).toBe(feed.log.bytes - before)
  expect(most('reader_queued_bytes')! + most('reader_in_flight_bytes')!).toBe(most('reader_lag_bytes'))
})

test('headroom is that of the slowest reader, and falls long before the gap', async () => {
  const { hub, url, client } = await startHub({ stallTimeoutMs: 0 })
  const feed = hub.feed('f', { capacity: 1_000_000, maxLag: 500_000 })
  const headroom = async () => {
    const families = await scrape(url)
    const of = (name: string) => families.get(`spillway_${name}`)!.series.get('feed="f"')!
    return { bytes: of('headroom_bytes'), ratio: of('headroom_ratio') }
  }
  expect(await headroom()).toEqual({ bytes: 500_000, ratio: 1 })
  const healthy = await client('/feeds/f', { keep: false })
  const stuck = await client('/feeds/f')
  feed.publish({ payload: 'x' })
  await until('both to have answered', () => hub.readers().every(({ account }) => account.taken === 1))
  expect(await headroom()).toEqual({ bytes: 500_000, ratio: 1 })
  stuck.stop()
  await until('the stuck one to be behind by 400 kB', () => {
    feed.publish({ payload: 'x'.repeat(1_000) })
    return hub.readers().some(({ queued }) => queued.bytes > 400_000)
  })
  await until('the healthy one to have everything', () => healthy.messages === feed.log.count)
  const [, behind] = hub.readers().sort((a, b) => a.queued.bytes - b.queued.bytes)
  const { bytes, ratio } = await headroom()
  expect(feed.gaps.overflow).toBe(0)
  expect(bytes).toBe(500_000 - behind!.queued.bytes)
  expect(ratio).toBeCloseTo(bytes / 500_000)
  expect(ratio).toBeLessThan(0.2)
})
