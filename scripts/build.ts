/** Builds dist/: the hub for Node, the page for browsers, and the page's files as they are. Run with tsx, by `npm run build`. */
import { execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, readdirSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..')
const page = join(root, 'src/server/page')
const dist = join(root, 'dist')
const compiler = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc')

const compile = (...args: string[]) =>
  execFileSync(process.execPath, [compiler, ...args], { cwd: root, stdio: 'inherit' })

rmSync(dist, { recursive: true, force: true })
compile('-p', 'tsconfig.build.json')
compile('-p', page, '--noEmit', 'false', '--rootDir', page, '--outDir', join(dist, 'server/page'))
for (const file of readdirSync(page)) {
  if (/\.(html|css|svg)$/.test(file)) copyFileSync(join(page, file), join(dist, 'server/page', file))
}
chmodSync(join(dist, 'cli.js'), 0o755)
