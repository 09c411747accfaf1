/**
 * What the dashboards, rules and alerts come to in earnest: a real Prometheus scrapes a real hub, the one of docker-compose.yml,
 * while 200 healthy, 50 stalled and 50 trickling clients are connected, a feed evicts, and the source of another has to wait.
 */
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { DASHBOARDS } from '../../scripts/dashboards.ts'
import { attack } from '../../scripts/swarm/attack.ts'
import { scenarioOf } from '../../scripts/swarm/scenario.ts'
import { start } from '../cli/run.ts'
import { RawClient } from '../support/raw-client.ts'
import { needs } from '../support/tools.ts'
import { tell } from '../support/trial.ts'
import { until } from '../support/until.ts'
import { type Series, startPrometheus } from './prometheus.ts'
import { asked, filledIn } from './queries.ts'

const prometheusPath = needs('prometheus')
const CONFIG = join(import.meta.dirname, '../../docker/spillway.config.json')
const PAUSED = 'SpillwaySourcePaused'
/** Where 0 is what there is to see: nothing of the kind happens here. Everywhere else this swarm shows. */
const QUIET = [
  'Trouble at the source',
  'The account',
  'Never answered',
  'Clients over time',
  'Logs, and their capacity',
  'Left behind at the close',
  'What they were still owed',
  'Waiting in user space',
  'Pings, and pongs that answer nothing',
  'Dry run: who would have been evicted',
]
/** What must not fire, whatever clients do. */
const NEVER = ['SpillwayAccountOff', 'SpillwayLosslessFeedLost', 'SpillwaySourceFailed', 'SpillwayMemoryNearBound']

const PATIENT = ['--max-pause', '2m', '--stall-timeout', '2m']

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await until('a free port', () => server.listening)
  const { port } = server.address() as { readonly port: number }
  await new Promise(resolve => server.close(resolve))
  return port
}

/** The hub of docker-compose.yml, here. Its source may be held, and its clients be silent, as long as this test takes. */
async function startHub(port: number) {
  const flags = ['--config', CONFIG, '--host', '127.0.0.1', '--port', `${port}`, '--drain', '100ms', ...PATIENT]
  const hub = start(['serve', ...flags])
  await until('the banner', () => hub.out().includes('memory') || hub.child.exitCode !== null)
  expect(hub.child.exitCode, hub.errors()).toBeNull()
  return hub
}

/** Clients that come, and stay until the test is over. */
function send(port: number, feed: string, clients: readonly unknown[]): void {
  const stop = new AbortController()
  const target = { host: '127.0.0.1', port, path: `/feeds/${feed}` }
  const attacking = attack(scenarioOf({ about: feed, clients, duration: '2m' }, feed), target, { signal: stop.signal })
  onTestFinished(async () => {
    stop.abort()
    await attacking
  })
}

async function reader(port: number, path: string): Promise<RawClient> {
  const client = await RawClient.open(port, path, { keep: false })
  onTestFinished(() => client.destroy())
  return client
}

const figures = (series: readonly Series[]) => series.flatMap(({ values }) => values.map(([, value]) => Number(value)))
const now = () => Date.now() / 1_000

test.skipIf(prometheusPath === undefined)(
  'with slow clients connected every question has an answer, every rule holds, and the alert for a paused source fires and clears',
  async () => {
    const port = await freePort()
    const first = await startHub(port)
    const began = now()
    const prometheus = await startPrometheus(prometheusPath!, `127.0.0.1:${port}`)
    const scraped = async (expr: string) => (await prometheus.instant(expr, now())).length > 0
    // A hub that starts again, for what is said of that.
    await prometheus.eventually('a scrape', () => scraped('spillway_clients'))
    first.child.kill('SIGTERM')
    expect(await first.exit).toBe(0)
    await startHub(port)

    send(port, 'ticks', [
      { behaviour: 'healthy', count: 200 },
      { behaviour: 'never-reads', count: 50 },
      { behaviour: 'trickle', count: 50, rate: '16KB' },
    ])
    send(port, 'market', [
      { behaviour: 'healthy', count: 10 },
      { behaviour: 'flapping', count: 20, asleep: '4s' },
    ])
    const held = await reader(port, '/feeds/quakes')
    const healthy = await reader(port, '/feeds/quakes')
    await until('both to read', () => held.messages > 0 && healthy.messages > 0)
    await reader(port, '/feeds/nowhere')
    const { 'spillway-position': position = 'none' } = healthy.headers
    await reader(port, `/feeds/quakes?from=${position}`)

    held.stop()
    const firing = async () => (await prometheus.firing()).some(({ alertname }) => alertname === PAUSED)
    await prometheus.eventually('the alert for a paused source', firing, 30_000)
    expect(await prometheus.firing()).toContainEqual(
      expect.objectContaining({ alertname: PAUSED, feed: 'quakes', severity: 'page' }),
    )
    const stoodAt = healthy.messages
    held.go()
    await prometheus.eventually('the alert to clear', async () => !(await firing()))
    await until('the source to go on', () => healthy.messages > stoodAt)
    expect([held.gone, healthy.gone]).toEqual([false, false])
    await prometheus.eventually('evictions', () => scraped('sum(spillway_evictions_total{feed="market"}) > 0'))
    await prometheus.eventually('all 300', () => scraped('sum(spillway_readers{feed="ticks"}) >= 300'))

    const ended = now()
    const faults: string[] = []
    const questions = Object.values(DASHBOARDS).flatMap(asked)
    for (const { from, title, expr, legend, once } of questions) {
      const query = filledIn(expr, { rate: 10, range: 60 })
      const answering = once ? prometheus.instant(query, ended) : prometheus.range(query, began, ended)
      const answer = await answering.catch((error: Error) => error.message)
      if (typeof answer === 'string') {
        faults.push(`${from}: ${answer}`)
        continue
      }
      const values = figures(answer).filter(Number.isFinite)
      if (values.length === 0) faults.push(`${from}: no data for ${query}`)
      else if (values.every(value => value === 0) && !QUIET.includes(title)) faults.push(`${from}: nothing but 0`)
      for (const [, label = ''] of legend.matchAll(/\{\{(\w+)\}\}/g))
        if (answer.some(({ metric }) => metric[label] === undefined)) faults.push(`${from}: no label ${label}`)
      if (title === 'The account' && values.some(value => value !== 0)) faults.push(`${from}: it is off`)
    }
    expect(faults).toEqual([])

    const rules = await prometheus.rules()
    expect(rules.filter(({ health, lastError = '' }) => health !== 'ok' || lastError !== '')).toEqual([])
    const recorded = rules.filter(({ type }) => type === 'recording').map(({ name }) => name)
    const silent: string[] = []
    for (const name of recorded)
      if (!figures(await prometheus.range(name, began, ended)).some(Number.isFinite)) silent.push(name)
    expect(silent).toEqual([])

    const fired = await prometheus.range('ALERTS{alertstate="firing"}', began, ended)
    const names = [...new Set(fired.map(({ metric }) => metric['alertname']!))]
    expect(names).toContain(PAUSED)
    for (const name of NEVER) expect(names).not.toContain(name)
    const alerts = rules.length - recorded.length
    tell('prometheus', {
      questions: questions.length,
      recorded: recorded.length,
      alerts,
      seconds: Math.round(ended - began),
      fired: names,
    })
  },
  90_000, // 20 s on a machine that does nothing else
)
