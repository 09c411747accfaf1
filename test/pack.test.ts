/** What npm would publish, installed elsewhere: it imports, it runs, and nothing is missing or too much. */
import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { until } from './support/until.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

test('npm pack, install elsewhere: the library imports and the command runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-pack-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  // --ignore-scripts: dist is there, built before the tests; building it again would pull it from under the others.
  const pack = await run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], { cwd: root })
  const [packed] = JSON.parse(pack.stdout) as [Packed]
  const paths = packed.files.map(({ path }) => path)
  for (const file of [
    'dist/index.js',
    'dist/index.d.ts',
    'dist/cli.js',
    'dist/server/page/index.html',
    'dist/server/page/page.js',
    'data/earthquakes.ndjson',
    'LICENSE',
    'README.md',
  ]) {
    expect(paths).toContain(file)
  }
  expect(paths.filter(path => /^(src|test|scripts|node_modules|\.ci)\//.test(path))).toEqual([])
  // what its README points to is there
  const links = [...readFileSync(join(root, 'README.md'), 'utf8').matchAll(/\]\(([^):#]+)(?:#[^)]*)?\)/g)]
  expect(links.map(([, path]) => path!).filter(path => !paths.includes(path))).toEqual([])

  writeFileSync(join(folder, 'package.json'), '{ "type": "module", "private": true }')
  const install = [
    'install',
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    '--ignore-scripts',
    join(folder, packed.filename),
  ]
  await run('npm', install, { cwd: folder })
  const script = `
    import { Hub, SpillwayError, attach, serve, ticker } from 'spillway'
    const hub = new Hub()
    hub.feed('ticks', { source: ticker() })
    const { url, close } = await serve(hub, { port: 0 })
    const page = await (await fetch(url)).text()
    await close({ drainMs: 0 })
    console.log(JSON.stringify([typeof attach, new SpillwayError('feed_full', 'x').code, page.includes('Spillway')]))`
  writeFileSync(join(folder, 'try.js'), script)
  const tried = await run(process.execPath, ['try.js'], { cwd: folder })
  expect(JSON.parse(tried.stdout)).toEqual(['function', 'feed_full', true])

  const bin = join(folder, 'node_modules/.bin/spillway')
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  expect((await run(bin, ['--version'])).stdout).toBe(`${version}\n`)
  const hub = spawn(bin, ['serve', '--port', '0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void hub.kill('SIGKILL'))
  let out = ''
  hub.stdout.on('data', chunk => {
    out += chunk
  })
  await until('the banner', () => out.includes('memory'))
  const url = /ws:\S+ticks/.exec(out)![0]
  const ticks = (await run(bin, ['tail', url, '--count', '2'])).stdout.trim().split('\n')
  expect(ticks.map(line => typeof (JSON.parse(line) as { price: number }).price)).toEqual(['number', 'number'])
}, 120_000)
