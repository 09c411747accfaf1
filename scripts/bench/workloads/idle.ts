/** What a client costs in user space that is there and gets nothing. */
import { type Kind, UNGUARDED } from '../peers/index.ts'
import { wait } from '../run.ts'
import type { Weight } from '../server.ts'
import { during, type Settings, type Workload } from '../workload.ts'
import { finish } from './finish.ts'

/** To compare with: what a server needs that has nearly nobody. */
const FEW = 10

interface IdleSettings extends Settings {
  readonly clients: number
  readonly settle: number
}

const FULL: IdleSettings = { pairs: 5, clients: 10_000, settle: 1 }

export const idle: Workload<IdleSettings> = {
  name: 'idle',
  about:
    "Clients that are there and get nothing: the server's memory after garbage collection, less that of one with ten, by client. Resident is what the process holds; JavaScript is its heap and the buffers outside of it. Kernel memory is in neither.",
  kinds: UNGUARDED,
  sizes: {
    full: FULL,
    quick: { ...FULL, pairs: 1 },
    tiny: { ...FULL, pairs: 1, clients: 50, settle: 0.1 },
  },
  check: ({ clients }) =>
    clients > FEW ? undefined : `--clients: expected more than ${FEW}, which it is compared with, got ${clients}`,
  cases: ({ clients, settle }) => [
    {
      name: `${clients} clients`,
      async once(kind) {
        const weigh = (fast: number) => weighed(kind, fast, settle)
        const few = await weigh(FEW)
        const many = await weigh(clients)
        const each = (of: (weight: Weight) => number) => (of(many.weight) - of(few.weight)) / (clients - FEW)
        return {
          ...many.measured,
          measures: [
            { name: 'resident, each', unit: 'bytes', value: each(({ rss }) => rss), better: 'less' },
            { name: 'JavaScript, each', unit: 'bytes', value: each(({ held }) => held), better: 'less' },
            { name: 'RSS', unit: 'bytes', value: many.weight.rss },
          ],
        }
      },
    },
  ],
}

function weighed(kind: Kind, fast: number, settle: number) {
  return during(kind, { load: { fast } }, async run => {
    await run.span(settle)
    await wait(settle * 100)
    return { weight: await run.weigh(), measured: await finish(run, []) }
  })
}
