/**
 * The effective configuration: every option with its value and where that came from, and what was changed since, by whom. Whoever starts
 * the hub says where values came from (the command line knows flags, variables and files); what hub and feeds know themselves
 * is asked of them, so it is what holds and not what was meant. Secrets are not told.
 */
import type { Feed } from '../../feed.ts'
import type { Hub } from '../../hub.ts'
import { type Limits, limitsOf } from '../../limits.ts'
import type { FeedSettings } from '../../options.ts'

/** An option as it was given. */
export interface Origin {
  readonly option: string
  /** In the option's own unit; of a default that nobody else knows, as a person would write it. */
  readonly value: unknown
  /** The flag, variable or line that it came from, or `default`. */
  readonly from: string
}

/** Options that belong together: `serve`, `hub`, or a feed by its name. */
export interface OriginPart {
  readonly part: 'serve' | 'hub' | { readonly feed: string }
  readonly options: readonly Origin[]
}

export interface Change {
  /** When, in milliseconds since the Unix epoch. */
  readonly at: number
  readonly by: string
  readonly before: unknown
}

/** Values by option; those in several units as `maxLag.bytes`. */
type Values = Readonly<Record<string, unknown>>

export class Configuration {
  readonly #hub: Hub
  readonly #origins: readonly OriginPart[]
  readonly #file: string | undefined
  readonly #changes = new Map<string, Map<string, Change>>()

  constructor(hub: Hub, origins: readonly OriginPart[] = [], file?: string) {
    this.#hub = hub
    this.#origins = origins
    this.#file = file
  }

  /** Limits of a feed were changed; returns what is other than it was. */
  changed(
    { name }: Feed,
    before: Limits,
    after: Limits,
    by: string,
  ): Readonly<Record<string, readonly [unknown, unknown]>> {
    const [old, now] = [flat(before), flat(after)]
    const known = this.#changes.get(name) ?? new Map<string, Change>()
    const differing: Record<string, readonly [unknown, unknown]> = {}
    for (const option of new Set([...Object.keys(old), ...Object.keys(now)])) {
      const pair = [old[option] ?? null, now[option] ?? null] as const
      if (pair[0] === pair[1]) continue
      differing[option] = pair
      known.set(option, { at: Date.now(), by, before: pair[0] })
    }
    this.#changes.set(name, known)
    return differing
  }

  told() {
    const { settings, feeds } = this.#hub
    const { logger: _, ...hub } = settings
    const parts = this.#origins.filter(({ part }) => part === 'serve').map(({ options }) => options.map(told))
    return {
      file: this.#file ?? null,
      serve: parts.flat(),
      hub: rows(hub, this.#of('hub'), undefined),
      feeds: Object.fromEntries(
        [...feeds.values()].map(({ name, settings }) => [
          name,
          rows(valuesOf(settings), this.#of({ feed: name }), this.#changes.get(name)),
        ]),
      ),
    }
  }

  #of(part: OriginPart['part']): readonly Origin[] {
    const same = (other: OriginPart['part']) =>
      typeof part === 'string' || typeof other === 'string' ? part === other : part.feed === other.feed
    return this.#origins.find(({ part }) => same(part))?.options ?? []
  }
}

/** What holds, with its origins; and the options that only whoever started it knows. */
function rows(values: Values, origins: readonly Origin[], changes: ReadonlyMap<string, Change> | undefined) {
  const holding = Object.entries(values).map(([option, value]) => {
    const from = origins.find(origin => origin.option === option)?.from ?? 'default'
    const changed = changes?.get(option)
    return { ...told({ option, value, from }), ...(changed === undefined ? {} : { changed }) }
  })
  return [...origins.filter(({ option }) => !(option in values)).map(told), ...holding]
}

const told = ({ option, value, from }: Origin) => ({
  option,
  value: value === Number.POSITIVE_INFINITY || value === undefined ? null : value,
  from,
})

function valuesOf(settings: FeedSettings): Values {
  const { format, overflow, allow, capacity, maxMessageBytes, minClients, lag } = settings
  const soft = Object.fromEntries(Object.entries(lag.soft).map(([unit, value]) => [`softLag.${unit}`, value]))
  return {
    format,
    overflow,
    allow,
    ...flat({ capacity, maxLag: lag.max }),
    ...soft,
    ...flat({ softForMs: lag.softForMs, ...limitsOf(settings), maxLag: lag.max }),
    maxMessageBytes,
    minClients,
  }
}

/** `{ maxLag: { bytes } }` as `maxLag.bytes`. */
function flat(values: object): Values {
  return Object.fromEntries(
    Object.entries(values).flatMap(([name, value]) =>
      typeof value === 'object' && value !== null
        ? Object.entries(value).map(([unit, amount]) => [`${name}.${unit}`, amount] as const)
        : [[name, value] as const],
    ),
  )
}
