/** Rules and alerts: promtool is content, they fire when they should, and they name nothing that is not there. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { NODE } from '../../src/server/metrics/process.ts'
import { METRICS } from '../../src/server/metrics.ts'
import { parse } from '../support/exposition.ts'
import { startHub } from '../support/hub.ts'
import { needs } from '../support/tools.ts'
import { until } from '../support/until.ts'

const PROMETHEUS = join(import.meta.dirname, '../../grafana/prometheus')
const CASES = join(import.meta.dirname, 'prometheus')
const read = (folder: string, file: string) => readFileSync(join(folder, file), 'utf8')
const rules = read(PROMETHEUS, 'rules.yml')
const alerts = read(PROMETHEUS, 'alerts.yml')
const names = (text: string, key: 'record' | 'alert') =>
  [...text.matchAll(new RegExp(`^ +- ${key}: (\\S+)$`, 'gm'))].map(([, name]) => name!)

const promtool = needs('promtool')

/** What promtool has to say; throws if it is not content. */
function run(args: readonly string[], input = ''): string {
  const { status, stdout, stderr } = spawnSync(promtool!, args, { input, encoding: 'utf8' })
  if (status !== 0) throw new Error(`promtool ${args.join(' ')}: ${stdout}${stderr}`)
  return stdout + stderr
}

/** A hub in which something has happened. */
async function exposition(): Promise<string> {
  const { hub, url, client } = await startHub()
  const feed = hub.feed('quiet', { overflow: 'pause' })
  hub.feed('told', { source: (async function* () {})() })
  const listener = await client('/feeds/quiet')
  await client('/feeds/quiet?from=other:1')
  feed.publish({ payload: 'x' })
  await until('the message to be taken', () => listener.messages === 1 && feed.totals().delivered === 1)
  return (await fetch(`${url}metrics`)).text()
}

describe.skipIf(promtool === undefined)('promtool', () => {
  test('finds nothing to object to in /metrics', async () => {
    expect(run(['check', 'metrics'], await exposition())).toBe('')
  })

  test('finds rules and alerts well-formed', () => {
    expect(run(['check', 'rules', join(PROMETHEUS, 'rules.yml')])).toContain('SUCCESS')
    expect(run(['check', 'rules', join(PROMETHEUS, 'alerts.yml')])).toContain('SUCCESS')
  })

  test('finds that recording rules come to what they say', () => {
    expect(run(['test', 'rules', join(CASES, 'rules.test.yml')])).toContain('SUCCESS')
  })

  test('finds that alerts fire when they should, and at no other time', () => {
    expect(run(['test', 'rules', join(CASES, 'alerts.test.yml')])).toContain('SUCCESS')
  })
})

describe('the rules', () => {
  /** Every selector: a name that is one of ours, of Node or of a rule, and its matchers if it has some. */
  const selectors = [
    ...`${rules}${alerts}`
      .replaceAll(/^ *#.*$/gm, '')
      .matchAll(/\b((?:spillway|nodejs|process)[_:][a-z0-9_:]+)(?:\{([^}]*)\})?/g),
  ].map(([, name, matchers = '']) => ({ name: name!, matchers }))
  const records = names(rules, 'record')

  test('name no metric that does not exist', () => {
    const known = new Set([...METRICS.map(({ name }) => name), ...Object.keys(NODE), ...records])
    for (const { type, name } of METRICS) if (type === 'histogram') known.add(`${name}_bucket`)
    expect(selectors.length).toBeGreaterThan(40)
    expect([...new Set(selectors.map(({ name }) => name))].filter(name => !known.has(name))).toEqual([])
  })

  test('name no label, and no value of a label, that its metric does not have', async () => {
    const families = parse(await exposition())
    let checked = 0
    for (const { name, matchers } of selectors) {
      const series = [...(families.get(name)?.series.keys() ?? [])].join(',')
      for (const [, label, values] of matchers.matchAll(/(\w+)!?=~?"([^"]*)"/g)) {
        if (label === 'job') continue
        for (const value of values!.split('|')) expect(series, name).toContain(`${label}="${value}"`)
        checked++
      }
    }
    expect(checked).toBeGreaterThan(8)
  })

  test('are each in a case of promtool’s', () => {
    const cases = read(CASES, 'rules.test.yml')
    for (const record of records) expect(cases).toMatch(new RegExp(`expr: .*${record}`))
  })
})

describe('an alert', () => {
  const cases = read(CASES, 'alerts.test.yml')

  test.each(names(alerts, 'alert'))('%s says how bad it is, what is the matter and what to do', name => {
    const [, body] = new RegExp(`- alert: ${name}\n(.*?)(?=\n *- alert:|$(?![\\s\\S]))`, 's').exec(alerts)!
    expect(body).toMatch(/severity: (page|ticket)/)
    expect(body).toMatch(/summary: \S/)
    expect(body).toMatch(/description: \S/)
    expect(body).toContain(`runbook_url: docs/operations.md#${name.toLowerCase()}\n`)
  })

  test.each(names(alerts, 'alert'))('%s has a case in which it fires, and one in which it does not', name => {
    const checks = [...cases.matchAll(new RegExp(`alertname="${name}".*\n.*\n +exp_samples: (.*)`, 'g'))]
    expect(checks.some(([, samples]) => samples === '[]')).toBe(true)
    expect(checks.some(([, samples]) => samples !== '[]')).toBe(true)
  })
})
