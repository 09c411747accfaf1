/** The house stands on floors: a room imports only what is below it, and packages enter through few doors. */
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const SRC = join(import.meta.dirname, '../src')

/** From the ground up. A room may import its own floor and those below. */
const FLOORS: readonly (readonly string[])[] = [
  ['log/', 'protocol.ts', 'errors.ts', 'events.ts', 'options.ts', 'parse.ts', 'memory.ts'],
  [
    'feed.ts',
    'accounts.ts',
    'readers.ts',
    'reader.ts',
    'demand.ts',
    'gate-clock.ts',
    'judge.ts',
    'limits.ts',
    'dry-run.ts',
    'sampler.ts',
    'message.ts',
    'cut.ts',
    'refusals.ts',
    'supply.ts',
    'writable.ts',
    'announce.ts',
    'journal.ts',
  ],
  ['sources/', 'clients/'],
  ['hub.ts'],
  ['server/'],
  [
    'cli.ts',
    'serve.ts',
    'check.ts',
    'tail.ts',
    'help.ts',
    'tell.ts',
    'logger.ts',
    'logger-text.ts',
    'outlet.ts',
    'config.ts',
    'config/',
    'settings.ts',
    'index.ts',
  ],
]

/** Where each package may be imported. */
const DOORS: Readonly<Record<string, readonly string[]>> = {
  ws: ['server/admit.ts', 'tail.ts'],
  rxjs: ['announce.ts', 'hub.ts', 'sources/'],
  pino: ['logger.ts'],
  'prom-client': ['server/metrics.ts'],
  // In config/ once: the shape of the configuration file is a schema, made of the table of settings.
  zod: ['options.ts', 'parse.ts', 'writable.ts', 'sources/', 'config/shape.ts'],
}

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter(
  file => file.endsWith('.ts') && !file.startsWith('server/page/'),
)
/** `import … from 'x'` and `export … from 'x'`, over several lines too. */
const IMPORT = /^(?:import|export)\s+(?:type\s+)?(?:\{[^}]*\}|\*(?:\s+as\s+\w+)?|\w+)\s+from\s+'([^']+)'/gm
const imports = files.flatMap(file =>
  [...readFileSync(join(SRC, file), 'utf8').matchAll(IMPORT)].map(([, target = '']) => {
    const own = target.startsWith('.')
    return { file, target: own ? relative(SRC, join(SRC, dirname(file), target)) : target, own }
  }),
)

const inRoom = (file: string, room: string) => file === room || (room.endsWith('/') && file.startsWith(room))
const floorOf = (file: string) => FLOORS.findIndex(rooms => rooms.some(room => inRoom(file, room)))

test('every file has a floor', () => {
  expect(files.filter(file => floorOf(file) < 0)).toEqual([])
  expect(imports.length).toBeGreaterThan(files.length)
})

test('nobody imports from a floor above', () => {
  const upward = imports.filter(({ file, target, own }) => own && floorOf(target) > floorOf(file))
  expect(upward).toEqual([])
})

test('sources and clients do not know each other', () => {
  const between = imports.filter(
    ({ file, target }) =>
      (inRoom(file, 'sources/') && inRoom(target, 'clients/')) ||
      (inRoom(file, 'clients/') && inRoom(target, 'sources/')),
  )
  expect(between).toEqual([])
})

test('the log knows nothing but itself: no package, no Node module, no clock', () => {
  const foreign = imports.filter(({ file, target }) => inRoom(file, 'log/') && !inRoom(target, 'log/'))
  expect(foreign).toEqual([])
  const clocks = files.filter(
    file =>
      inRoom(file, 'log/') &&
      /performance\.|Date\.|setTimeout|setImmediate|process\./.test(readFileSync(join(SRC, file), 'utf8')),
  )
  expect(clocks).toEqual([])
})

test('packages enter through their doors', () => {
  const packages = imports.filter(({ target, own }) => !own && !target.startsWith('node:'))
  const elsewhere = packages.filter(({ file, target }) => !DOORS[target]?.some(door => inRoom(file, door)))
  expect(elsewhere).toEqual([])
})

test('the protocol runs anywhere: it imports nothing', () => {
  expect(imports.filter(({ file }) => file === 'protocol.ts')).toEqual([])
})

test('only the command line writes to the terminal', () => {
  const printing = files.filter(file => /console\.|process\.std(out|err)/.test(readFileSync(join(SRC, file), 'utf8')))
  expect(printing.sort()).toEqual(['check.ts', 'cli.ts', 'outlet.ts', 'serve.ts', 'tail.ts'])
})
