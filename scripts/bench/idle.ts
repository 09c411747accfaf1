/** What a client costs that is there and gets nothing. */
import { kinds, number } from './args.ts'
import { mib, start, wait } from './run.ts'

export async function idle(): Promise<void> {
  const clients = number('clients', 1_000)
  for (const kind of kinds(['spillway', 'loop'])) {
    const few = await start(kind, { load: { fast: 10 } })
    const empty = (await few.server())?.rss ?? Number.NaN
    await few.close()
    const many = await start(kind, { load: { fast: clients } })
    await wait(3_000)
    const rss = (await many.server())?.rss ?? Number.NaN
    const { connected } = many
    await many.close()
    console.log(
      `${kind}: ${connected} connected, rss ${mib(rss)}, ${((rss - empty) / connected / 1_024).toFixed(1)} KiB each`,
    )
  }
}
