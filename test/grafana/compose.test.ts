/**
 * docker-compose.yml, Dockerfile and what they mount, as far as that can be known without a Docker engine: paths exist, ports and
 * addresses meet, commands are ones that the programs understand, everything is pinned and confined. (dclint reads the file too:
 * `npm run lint`.) What only an engine can tell is in grafana/README.md.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { DASHBOARDS } from '../../scripts/dashboards.ts'
import { readOrders } from '../../scripts/swarm/arguments.ts'
import { readConfiguration } from '../../src/config.ts'
import { hubSettings } from '../../src/options.ts'
import { BACKLOG } from '../../src/server/http.ts'
import { run } from '../cli/run.ts'
import { needs } from '../support/tools.ts'

const root = join(import.meta.dirname, '../..')
const text = (file: string) => readFileSync(join(root, file), 'utf8')
const yaml = <T>(file: string) => parse(text(file), { merge: true }) as T

interface Service {
  readonly image?: string
  readonly build?: { readonly context: string; readonly target: string }
  readonly command?: readonly string[]
  readonly user?: string
  readonly init?: boolean
  readonly read_only?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly ports?: readonly string[]
  readonly volumes?: readonly string[]
  readonly profiles?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
  readonly depends_on?: Readonly<Record<string, { readonly condition: string }>>
  readonly stop_grace_period?: string
  readonly mem_limit?: string
  readonly sysctls?: Readonly<Record<string, string>>
  readonly ulimits?: { readonly nofile: { readonly soft: number; readonly hard: number } }
  readonly environment?: Readonly<Record<string, string>>
}

const { services, volumes: named } = yaml<{
  readonly services: Readonly<Record<string, Service>>
  readonly volumes: Readonly<Record<string, unknown>>
}>('docker-compose.yml')
const { hub, prometheus, grafana } = services as Record<'hub' | 'prometheus' | 'grafana', Service>
const swarms = Object.entries(services).filter(([, { profiles }]) => profiles?.includes('swarm'))

const dockerfile = text('Dockerfile')
/** Each stage: its name, and its instructions. */
const stages = dockerfile
  .split(/^FROM /m)
  .slice(1)
  .map(stage => ({ name: / AS (\w+)/.exec(stage)![1]!, from: stage.split(' ')[0]!, text: stage }))
const stage = (name: string) => stages.find(one => one.name === name)!.text
const WORKDIR = '/app'

/** What the hub of the compose file runs with. */
const flags = hub.command!.slice(1)
const given = await readConfiguration(
  flags.map(flag => (flag.endsWith('.json') ? join(root, flag) : flag)),
  { environment: {}, piped: false },
)

/** `HOST:CONTAINER[:ro]`, and where in the repository a path of the container is. */
const mounts = ({ volumes = [] }: Service) =>
  volumes.map(volume => volume.split(':') as [host: string, container: string, mode?: string])
function inRepository(service: Service, path: string): string {
  const [host, container] = mounts(service).find(([host, to]) => host.startsWith('./') && path.startsWith(to))!
  return join(root, host, path.slice(container.length))
}
const published = ({ ports = [] }: Service) => ports.map(port => port.split(':'))
const seconds = (time: string) => Number(/^(\d+)s$/.exec(time)![1])
const bytes = (size: string) => Number.parseInt(size, 10) * { g: 2 ** 30, m: 2 ** 20 }[size.at(-1) as 'g' | 'm']

describe.each(Object.entries(services))('the service %s', (name, service) => {
  test('is pinned to a version, or built here', () => {
    if (service.build === undefined) expect(service.image).toMatch(/^[\w/]+:v?\d+\.\d+\.\d+$/)
    else expect(stages.map(one => one.name)).toContain(service.build.target)
  })

  test('is nobody in particular, and may do nothing but its work', () => {
    expect(Number(service.user!.split(':')[0])).toBeGreaterThan(0)
    expect(service).toMatchObject({ init: true, read_only: true, cap_drop: ['ALL'] })
    expect(service.security_opt).toEqual(['no-new-privileges:true'])
    expect(service.mem_limit !== undefined || service.profiles !== undefined).toBe(true)
  })

  test('mounts what there is, and cannot change it', () => {
    for (const [host, , mode] of mounts(service)) {
      if (!host.startsWith('.')) expect(Object.keys(named)).toContain(host)
      else {
        expect(existsSync(join(root, host)), host).toBe(true)
        expect(mode, host).toBe('ro')
      }
    }
  })

  test('can be reached from this machine only', () => {
    for (const [address] of published(service)) expect(address).toBe('127.0.0.1')
  })

  test('says whether it is well, and waits for those it needs to be', () => {
    const checked = service.healthcheck !== undefined || stage(service.build!.target).includes('HEALTHCHECK ')
    expect(checked || service.profiles !== undefined, name).toBe(true)
    for (const [needed, { condition }] of Object.entries(service.depends_on ?? {})) {
      expect(Object.keys(services)).toContain(needed)
      expect(condition).toBe('service_healthy')
    }
  })
})

describe('the hub', () => {
  const [, container, inside] = published(hub)[0]!

  test('is started with what spillway check finds nothing wrong with', async () => {
    expect(hub.command![0]).toBe('serve')
    const { code, out, errors } = await run(['check', ...flags], { cwd: root })
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(out).toContain('nothing is wrong')
  })

  test('finds its configuration where it is mounted, and its recording where the image has it', () => {
    expect(inRepository(hub, `${WORKDIR}/${flags[1]}`)).toBe(given.file)
    const recordings = given.feeds.flatMap(({ source }) => ('path' in source ? [source.path] : []))
    expect(recordings.map(path => relative(root, resolve(path)))).toEqual(['data/earthquakes.ndjson'])
    expect(stage('hub')).toContain('COPY data ./data')
  })

  test('listens where it is published, exposed, asked for its health and scraped', () => {
    const { port, host } = given.serve
    expect([container, inside, host]).toEqual([`${port}`, `${port}`, '0.0.0.0'])
    expect(stage('hub')).toContain(`EXPOSE ${port}\n`)
    expect(stage('hub')).toContain(`http://127.0.0.1:${port}/readyz`)
    const { scrape_configs } = yaml<{
      readonly scrape_configs: readonly {
        readonly static_configs: readonly { readonly targets: readonly string[] }[]
      }[]
    }>('grafana/prometheus/prometheus.yml')
    expect(scrape_configs[0]!.static_configs).toEqual([{ targets: [`hub:${port}`] }])
  })

  test('has time for its drain, a descriptor for each client, and the memory it says it may need', () => {
    const { maxClients, evictGraceMs } = hubSettings(given.hub)
    expect(seconds(hub.stop_grace_period!) * 1_000).toBeGreaterThan(given.serve.drainMs + evictGraceMs)
    expect(hub.ulimits!.nofile.soft).toBeGreaterThan(maxClients * 2)
    expect(bytes(hub.mem_limit!)).toBeGreaterThan(given.memory.total + given.memory.kernel)
  })

  test('has a kernel that takes a crowd, and lets go of clients that vanished', () => {
    expect(Object.entries(hub.sysctls!).sort()).toEqual([
      ['net.core.somaxconn', `${BACKLOG}`],
      ['net.ipv4.tcp_orphan_retries', '3'],
      ['net.ipv4.tcp_retries2', '8'],
    ])
    const operations = text('docs/operations.md')
    for (const name of Object.keys(hub.sysctls!)) expect(operations, name).toContain(name)
  })

  test('has a feed for each of three policies', () => {
    expect(given.feeds.map(({ options }) => options.overflow).sort()).toEqual(['evict', 'pause', 'skip'])
  })
})

describe('Prometheus', () => {
  const path = needs('prometheus')
  const promtool = needs('promtool')

  test.skipIf(promtool === undefined)('finds nothing to object to in its configuration and the rules it names', () => {
    const file = join(root, 'grafana/prometheus/prometheus.yml')
    const { status, stdout, stderr } = spawnSync(promtool!, ['check', 'config', file], { encoding: 'utf8' })
    expect(status, stdout + stderr).toBe(0)
    expect(stdout).toContain('SUCCESS')
  })

  test.skipIf(path === undefined)('knows its flags', () => {
    const { stderr, stdout } = spawnSync(path!, ['--help'], { encoding: 'utf8' })
    for (const flag of prometheus.command!)
      expect(stdout + stderr, flag).toMatch(new RegExp(`^ +${flag.split('=')[0]!.replaceAll('.', '\\.')}[= ]`, 'm'))
  })

  test('finds its configuration and rules where they are mounted', () => {
    const config = prometheus.command!.find(flag => flag.startsWith('--config.file='))!.split('=')[1]!
    const file = inRepository(prometheus, config)
    const { rule_files } = parse(readFileSync(file, 'utf8')) as { readonly rule_files: readonly string[] }
    expect(rule_files.length).toBeGreaterThan(1)
    for (const name of rule_files) expect(existsSync(join(file, '..', name)), name).toBe(true)
  })

  test('keeps what it stores in a volume', () => {
    const storage = prometheus.command!.find(flag => flag.startsWith('--storage.tsdb.path='))!.split('=')[1]
    expect(mounts(prometheus)).toContainEqual(['prometheus-data', storage])
  })
})

describe('Grafana', () => {
  interface DataSource {
    readonly type: string
    readonly url: string
    readonly isDefault: boolean
    readonly jsonData: { readonly timeInterval: string; readonly manageAlerts: boolean }
  }

  test('has Prometheus as its data source, at its address and its interval, and shows its alerts', () => {
    const { datasources } = yaml<{ readonly datasources: readonly DataSource[] }>(
      'grafana/provisioning/datasources/prometheus.yml',
    )
    const { global } = yaml<{ readonly global: { readonly scrape_interval: string } }>(
      'grafana/prometheus/prometheus.yml',
    )
    const [, port] = published(prometheus)[0]!
    expect(datasources).toMatchObject([
      {
        type: 'prometheus',
        url: `http://prometheus:${port}`,
        isDefault: true,
        jsonData: { timeInterval: global.scrape_interval, manageAlerts: true },
      },
    ])
  })

  test('finds its dashboards where they are mounted, and opens with the overview', () => {
    const { providers } = yaml<{ readonly providers: readonly { readonly options: { readonly path: string } }[] }>(
      'grafana/provisioning/dashboards/spillway.yml',
    )
    const folder = inRepository(grafana, providers[0]!.options.path)
    expect(readdirSync(folder).sort()).toEqual(Object.keys(DASHBOARDS).sort())
    const home = grafana.environment!['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']!
    expect(JSON.parse(readFileSync(inRepository(grafana, home), 'utf8'))).toMatchObject({ uid: 'spillway-overview' })
  })

  test('has all of grafana/provisioning where it looks for it, and keeps what its image has besides', () => {
    for (const part of readdirSync(join(root, 'grafana/provisioning')))
      expect(mounts(grafana)).toContainEqual([
        `./grafana/provisioning/${part}`,
        `/etc/grafana/provisioning/${part}`,
        'ro',
      ])
  })
})

describe('the swarm', () => {
  test('is there only when it is asked for, and then at every feed', () => {
    expect(swarms.length).toBeGreaterThan(0)
    const feeds = swarms.map(([, { command }]) => /^ws:\/\/hub:8080\/feeds\/(\w+)$/.exec(command![0]!)?.[1])
    expect(feeds.sort()).toEqual(given.feeds.map(({ name }) => name).sort())
  })

  test.each(swarms)('%s is told what it understands', (_, { command }) => {
    const orders = readOrders(command!)
    expect(orders?.target).toMatchObject({ host: 'hub', port: given.serve.port })
    expect(orders!.scenarios[0]!.populations.length).toBeGreaterThan(1)
  })
})

describe('the Dockerfile', () => {
  const copied = [...dockerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, files]) => files!.split(' '))

  test('copies what there is, and .dockerignore lets through that and no more', () => {
    for (const file of copied) expect(existsSync(join(root, file)), file).toBe(true)
    const [all, ...through] = text('.dockerignore')
      .split('\n')
      .filter(line => line !== '' && !line.startsWith('#'))
    expect(all).toBe('*')
    expect(through.sort()).toEqual([...new Set(copied)].map(file => `!${file.replace('./', '')}`).sort())
  })

  test('builds on one pinned Node, of a version that Spillway runs on', () => {
    const [, version = ''] = /^ARG NODE_IMAGE=node:(\d+\.\d+\.\d+)-/m.exec(dockerfile) ?? []
    const { engines } = JSON.parse(text('package.json')) as { readonly engines: { readonly node: string } }
    const [least, own] = [engines.node.replace('>=', ''), version].map(v => v.split('.').map(Number))
    expect(own![0]! * 1_000 + own![1]!).toBeGreaterThanOrEqual(least![0]! * 1_000 + least![1]!)
    const earlier = stages.map(one => one.name)
    for (const { from } of stages) expect(['$' + '{NODE_IMAGE}', ...earlier]).toContain(from)
  })

  test('ends as the hub: without what is for development, without rights, with SIGTERM going to node itself', () => {
    const last = stages.at(-1)!
    expect(last.name).toBe('hub')
    expect(stage('dependencies')).toContain('npm ci --omit=dev')
    expect(last.text).toContain('COPY --from=dependencies /app/node_modules')
    expect(last.text).not.toContain('COPY --from=tools')
    for (const name of ['hub', 'swarm']) {
      expect(stage(name)).toMatch(/^USER node$/m)
      expect(stage(name)).toMatch(/^ENTRYPOINT \["node", /m)
    }
    expect(last.text).toContain('ENTRYPOINT ["node", "dist/cli.js"]')
  })
})
