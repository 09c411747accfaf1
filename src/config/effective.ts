/**
 * A configuration as it holds, part by part: every option, its value, and the flag, variable or line that it came from. `spillway check`
 * prints it; `spillway serve` tells it to the admin port, which knows better than the table what hub and feeds made of it.
 */
import { existsSync } from 'node:fs'
import type { Checked, FeedPlan } from '../config.ts'
import type { OriginPart } from '../server/admin/configuration.ts'
import { SETTINGS, type Setting } from '../settings.ts'
import type { Given } from './given.ts'
import { sourceText } from './spec.ts'
import { readValue, writeValue } from './values.ts'

export interface Row {
  readonly option: string
  /** As a person would write it. */
  readonly text: string
  /** In the option's own unit; undefined if it was not given, and its default is no value. */
  readonly value: unknown
  readonly from: string
}

export interface Part {
  readonly part: OriginPart['part']
  readonly rows: readonly Row[]
}

export function effectiveParts({ given, feeds }: Pick<Checked, 'given' | 'feeds'>): readonly Part[] {
  return [
    { part: 'serve', rows: rows(SETTINGS, 'serve', given) },
    { part: 'hub', rows: rows(SETTINGS, 'hub', given) },
    ...feeds.map(plan => ({ part: { feed: plan.name }, rows: feedRows(plan) })),
  ]
}

/** For the admin port. */
export function originsOf(checked: Pick<Checked, 'given' | 'feeds'>): readonly OriginPart[] {
  return effectiveParts(checked).map(({ part, rows }) => ({
    part,
    options: rows.map(({ option, text, value, from }) => ({ option, value: value ?? text, from })),
  }))
}

function feedRows({ source, from, replaced, given, code }: FeedPlan): readonly Row[] {
  const instead = replaced === undefined ? from : `${from}, instead of ${sourceText(replaced)}`
  const table = (SETTINGS as readonly Setting[]).filter(({ sources }) => sources?.includes(source.kind) ?? true)
  const stages = Object.entries(code).map(([option, value]): Row => {
    const text = `${Array.isArray(value) ? value.length : 1} of its own`
    return { option, text, value: text, from: from.replace(/:\d+$/, '') }
  })
  const missing = 'path' in source && !existsSync(source.path) ? ' (not there yet)' : ''
  const text = `${sourceText(source)}${missing}`
  return [
    { option: 'source', text, value: text, from: instead },
    ...rows(table, 'feed', given),
    ...rows(table, 'source', given),
    ...stages,
  ]
}

function rows(table: readonly Setting[], part: Setting['into'][0], given: ReadonlyMap<string, Given>): readonly Row[] {
  return table
    .filter(({ into, means }) => into[0] === part && means === undefined)
    .map(setting => {
      const value = given.get(setting.flag)
      const option = setting.into[1]
      const otherwise = setting.default === '' ? 'off' : setting.default
      if (value === undefined) {
        return { option, text: otherwise, value: readValue(setting.kind, setting.default), from: 'default' }
      }
      const text = written(setting, value)
      return { option, text, value: setting.kind === 'secret' ? text : value.value, from: value.from }
    })
}

function written({ kind }: Setting, { value }: Given): string {
  return typeof value === 'boolean' ? (value ? 'on' : 'off') : writeValue(kind, value)
}
