/**
 * A real Prometheus for a test: Debian's, on a free port of loopback, with our own configuration and rules, only that everything
 * goes faster: a scrape and an evaluation every second, and a minute of a rule passes in three seconds.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { parse, stringify } from 'yaml'
import { until } from '../support/until.ts'

export const FOLDER = join(import.meta.dirname, '../../grafana/prometheus')
const SECONDS_A_MINUTE = 3

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  /** Seconds since 1970, and the value. */
  readonly values: readonly (readonly [number, string])[]
}

export interface Rule {
  readonly name: string
  readonly type: 'recording' | 'alerting'
  readonly health: string
  readonly lastError?: string
}

export interface Prometheus {
  /** Every second from one time to another, as a graph asks. */
  range(expr: string, from: number, to: number): Promise<readonly Series[]>
  /** At one time, as a table asks. */
  instant(expr: string, at: number): Promise<readonly Series[]>
  rules(): Promise<readonly Rule[]>
  /** Labels of the alerts that fire now. */
  firing(): Promise<readonly Readonly<Record<string, string>>[]>
  /** Resolves when this is so. */
  eventually(what: string, condition: () => Promise<boolean>, within?: number): Promise<void>
}

/** Everything that is said in minutes and hours, so much shorter; `rate5m` is a name and stays. */
export function hastened(text: string): string {
  return text.replace(
    /(?<!\w)(\d+)([mh])\b/g,
    (_, n, unit) => `${Number(n) * (unit === 'h' ? 60 : 1) * SECONDS_A_MINUTE}s`,
  )
}

interface Configuration {
  readonly rule_files: readonly string[]
  readonly scrape_configs: readonly { readonly job_name: string }[]
}

/** The configuration of the repository, with the hub at another address. */
function configured(folder: string, target: string): string {
  const own = parse(readFileSync(join(FOLDER, 'prometheus.yml'), 'utf8')) as Configuration
  for (const name of own.rule_files) {
    const rules = hastened(readFileSync(join(FOLDER, name), 'utf8')).replace(/interval: \w+/g, 'interval: 1s')
    writeFileSync(join(folder, name), rules)
  }
  const job = own.scrape_configs.find(({ job_name }) => job_name === 'spillway')
  const config = {
    ...own,
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    scrape_configs: [{ ...job, static_configs: [{ targets: [target] }] }],
  }
  const file = join(folder, 'prometheus.yml')
  writeFileSync(file, stringify(config))
  return file
}

/** Starts it; it is gone, with all it stored, when the test is over. */
export async function startPrometheus(path: string, target: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-prometheus-'))
  const flags = [
    `--config.file=${configured(folder, target)}`,
    `--storage.tsdb.path=${join(folder, 'data')}`,
    '--web.listen-address=127.0.0.1:0',
  ]
  const child = spawn(path, flags, { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.on('data', chunk => {
    log += chunk
  })
  const exit = new Promise(resolve => child.on('exit', resolve))
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exit
    rmSync(folder, { recursive: true })
  })
  const address = () => /msg="Listening on" address=(\S+)/.exec(log)?.[1]
  const ready = () => log.includes('Server is ready to receive web requests')
  await until('Prometheus to be ready', () => (ready() && address() !== undefined) || child.exitCode !== null, 20_000)
  if (child.exitCode !== null) throw new Error(`Prometheus did not start:\n${log}`)
  return of(`http://${address()}/api/v1`)
}

function of(api: string): Prometheus {
  const ask = async <T>(path: string, parameters: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`${api}/${path}?${new URLSearchParams(parameters)}`)
    const answer = (await response.json()) as { readonly status: string; readonly error?: string; readonly data: T }
    if (answer.status !== 'success') throw new Error(`${JSON.stringify(parameters)}: ${answer.error}`)
    return answer.data
  }
  return {
    async range(query, from, to) {
      const parameters = { query, start: `${from}`, end: `${to}`, step: '1' }
      return (await ask<{ readonly result: readonly Series[] }>('query_range', parameters)).result
    },
    async instant(query, at) {
      type Sample = { readonly metric: Series['metric']; readonly value: Series['values'][0] }
      const { result } = await ask<{ readonly result: readonly Sample[] }>('query', { query, time: `${at}` })
      return result.map(({ metric, value }) => ({ metric, values: [value] }))
    },
    async rules() {
      const { groups } = await ask<{ readonly groups: readonly { readonly rules: readonly Rule[] }[] }>('rules')
      return groups.flatMap(({ rules }) => rules)
    },
    async firing() {
      type Alert = { readonly state: string; readonly labels: Readonly<Record<string, string>> }
      const { alerts } = await ask<{ readonly alerts: readonly Alert[] }>('alerts')
      return alerts.filter(({ state }) => state === 'firing').map(({ labels }) => labels)
    },
    eventually: (what, condition, within = 20_000) => until(what, condition, within, 200),
  }
}
