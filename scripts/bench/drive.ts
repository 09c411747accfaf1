/** Runs a workload: every case, every kind, as often as asked, alternating. One run that fails does not cost the others. */
import type { Kind } from './peers/index.ts'
import { type Measured, ratiosOf, rowsOf, type Sample, type Table } from './results.ts'
import type { Case, Settings, Workload } from './workload.ts'

/** Who goes first changes from round to round: a machine that slows down does so for all. */
export function* rounds(pairs: number, kinds: readonly Kind[]): Generator<{ kind: Kind; pair: number }> {
  for (let pair = 0; pair < pairs; pair++) {
    for (const kind of pair % 2 === 0 ? kinds : [...kinds].reverse()) yield { kind, pair }
  }
}

export interface Drive {
  readonly kinds: readonly Kind[]
  readonly settings: Settings
  /** Told of each run, in a line. */
  readonly progress: (line: string) => void
  /** Whether a run fails where a client is missing at its end, or a figure. */
  readonly strict?: boolean
}

export async function drive(workload: Workload, options: Drive): Promise<Table> {
  const { kinds, settings, progress, strict = false } = options
  const samples: Sample[] = []
  const failures: string[] = []
  const once = async ({ name: variant, once }: Case, kind: Kind, pair: number) => {
    const started = performance.now()
    const title = `${workload.name}, ${variant}, ${kind}`
    try {
      const measured = await once(kind)
      if (strict) complete(measured)
      samples.push({ ...measured, variant, kind, pair })
      const seconds = Math.round((performance.now() - started) / 1_000)
      const told = measured.measures.map(({ name, value }) => `${name} ${Number(value.toPrecision(3))}`).join(', ')
      progress(`${title}: ${told}; ${measured.connected} connected; ${seconds} s`)
    } catch (error) {
      failures.push(`${title}: ${error instanceof Error ? error.message : String(error)}`)
      progress(failures.at(-1)!)
    }
  }
  for (const of of workload.cases(settings)) {
    for (const { kind, pair } of rounds(settings.pairs, kinds)) await once(of, kind, pair)
  }
  const first = kinds[0]!
  const sorted = inOrder(samples, workload.cases(settings), kinds)
  return {
    workload: workload.name,
    about: workload.about,
    settings,
    first,
    ratios: ratiosOf(workload.name, first, sorted),
    rows: rowsOf(workload.name, sorted),
    failures,
  }
}

/** Everybody is there, and there is a number of everything that ratios are told of. */
function complete({ measures, connected, clients }: Measured): void {
  if (!(connected >= clients)) throw new Error(`${connected} of ${clients} connected at the end`)
  for (const { name, value, better } of measures) {
    if (better !== undefined && !Number.isFinite(value)) throw new Error(`${name} is ${value}`)
  }
}

/** By case, then in the order of kinds, then by pair. */
function inOrder(samples: readonly Sample[], cases: readonly Case[], kinds: readonly Kind[]): readonly Sample[] {
  return cases.flatMap(({ name }) =>
    kinds.flatMap(kind =>
      samples.filter(sample => sample.variant === name && sample.kind === kind).sort((a, b) => a.pair - b.pair),
    ),
  )
}
