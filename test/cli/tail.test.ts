/** `spillway tail`, as people use it: in a pipe, with somebody at the other end who may stop reading or leave. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Feed } from '../../src/index.ts'
import { tailCommand } from '../../src/tail.ts'
import { serveCli } from '../support/cli.ts'
import { type Served, startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'
import { run, type Started, start } from './run.ts'

const MIB = 1024 * 1024

/** A hub with feed `f`, and `spillway tail` on it. */
async function tailing(
  flags: readonly string[],
  publish: (feed: Feed) => void = () => {},
): Promise<Served & Started & { readonly feed: Feed }> {
  const served = await startHub()
  const feed = served.hub.feed('f', { epoch: 'e', allow: ['pause', 'evict'] })
  publish(feed)
  const tail = start(['tail', `ws://127.0.0.1:${served.port}/feeds/f`, ...flags])
  await until('it to listen', () => feed.readers.size === 1 || tail.child.exitCode !== null)
  return { ...served, ...tail, feed }
}

const publishAll = (feed: Feed, payloads: readonly string[]) => {
  for (const payload of payloads) feed.publish({ payload })
}

describe('what it prints', () => {
  test('is a line for each message, until the feed ends', async () => {
    const { feed, out, errors, exit } = await tailing([])
    publishAll(feed, ['one', '', 'zwölf 😀', '{"a":1}'])
    feed.end()
    expect(await exit).toBe(0)
    expect(out().toString()).toBe('one\n\nzwölf 😀\n{"a":1}\n')
    expect(errors()).toBe('')
  })

  test('ends after --count messages, and the hub is told', async () => {
    const { hub, feed, out, exit } = await tailing(['--count', '3'])
    publishAll(feed, ['1', '2', '3', '4', '5'])
    expect(await exit).toBe(0)
    expect(out().toString()).toBe('1\n2\n3\n')
    await until('it to have left', () => hub.clients.size === 0)
  })

  test('begins where --from says', async () => {
    const { out, exit } = await tailing(['--from', 'earliest', '--count', '3'], feed =>
      publishAll(feed, ['1', '2', '3']),
    )
    expect(await exit).toBe(0)
    expect(out().toString()).toBe('1\n2\n3\n')
    const { out: last, exit: ended } = await tailing(['--from', '-1', '--count=1'], feed =>
      publishAll(feed, ['1', '2']),
    )
    expect(await ended).toBe(0)
    expect(last().toString()).toBe('2\n')
  })

  test('of a binary feed is its bytes and nothing else', async () => {
    const { hub, port } = await startHub()
    const feed = hub.feed('f', { format: 'binary' })
    const payloads = [1, 0, 125, 126, 65_535, 65_536, 1_000_000].map(size => randomBytes(size))
    for (const payload of payloads) feed.publish({ payload })
    feed.end()
    const { out, exit } = start(['tail', `ws://127.0.0.1:${port}/feeds/f`, '--from', 'earliest'])
    expect(await exit).toBe(0)
    expect(out().equals(Buffer.concat(payloads))).toBe(true)
  })

  test('is followed by rates on standard error with --stats: each second, and in all', async () => {
    const { feed, out, errors, exit } = await tailing(['--stats'])
    publishAll(feed, ['12345', '12345'])
    await until('the first second', () => errors().includes('\n'))
    expect(errors()).toMatch(/^2 messages, 10 bytes; \d+ messages\/s, \d+ B\/s\n/)
    feed.end()
    expect(await exit).toBe(0)
    expect(errors()).toMatch(/\nin all: 2 messages, 10 bytes; \d+ messages\/s, \d+ B\/s\n$/)
    expect(out().toString()).toBe('12345\n12345\n')
  })
})

test('what it asks for with flags is what the hub gives', async () => {
  const { hub } = await tailing(['--overflow', 'evict', '--name', 'desk 7', '--from=-5m'])
  expect(hub.readers()[0]).toMatchObject({ overflow: 'evict', client: { name: 'desk 7' } })
  const sampled = await tailing(['--max-rate', '5'])
  expect(sampled.hub.readers()[0]).toMatchObject({ overflow: 'skip', state: 'sampled' })
})

test('takes the address of a page, too', async () => {
  const { hub, port } = await startHub()
  const feed = hub.feed('f')
  publishAll(feed, ['x'])
  const { code, out } = await run(['tail', `http://localhost:${port}/feeds/f`, '--from', 'earliest', '--count', '1'])
  expect({ code, out }).toEqual({ code: 0, out: 'x\n' })
})

describe('how it ends', () => {
  test.each([
    ['an unknown feed', 'g', [], 2, 'refused with 404: path: expected /feeds/NAME with one of f, got "/feeds/g"\n'],
    [
      'a from beyond the head',
      'f',
      ['--from', 'e:9'],
      2,
      'refused with 400: from: expected at most 0 (the head), got "e:9"\n',
    ],
    [
      'another epoch',
      'f',
      ['--from', 'x:9'],
      2,
      'refused with 410: from: expected a position of epoch e, now at 0, got "x:9"\n',
    ],
    [
      'a policy not allowed',
      'f',
      ['--overflow', 'pause'],
      2,
      'refused with 403: overflow: expected one of those feed f allows (skip, evict), got "pause"\n',
    ],
  ] as const)('refused, with 2 and the sentence of the hub: %s', async (_, feed, flags, code, sentence) => {
    const { hub, port } = await startHub()
    hub.feed('f', { epoch: 'e' })
    const ran = await run(['tail', `ws://127.0.0.1:${port}/feeds/${feed}`, ...flags])
    expect(ran).toEqual({ code, out: '', errors: sentence })
  })

  test('with 1 at a hub that is closing: it may come back', async () => {
    const { hub, port } = await startHub()
    hub.feed('f')
    await hub.close()
    const ran = await run(['tail', `ws://127.0.0.1:${port}/feeds/f`])
    expect(ran).toEqual({ code: 1, out: '', errors: 'refused with 503: the hub is restarting; retry=5s\n' })
  })

  test('with 1 and a line where no hub is', async () => {
    const ran = await run(['tail', 'ws://127.0.0.1:1/feeds/f'])
    expect(ran).toEqual({ code: 1, out: '', errors: 'lost: connect ECONNREFUSED 127.0.0.1:1\n' })
  })

  test('with 2 and a line at an address that is no feed', async () => {
    const { port } = await startHub()
    const { code, out, errors } = await run(['tail', `ws://127.0.0.1:${port}/healthz`])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(errors).toMatch(/^refused with 404: .*\n$/)
  })

  test('with 1 when the hub is gone without a word', async () => {
    const { child, port, exit } = await serveCli(['--feed', 'f=ticker'])
    const tail = start(['tail', `ws://127.0.0.1:${port}/feeds/f`])
    await until('a first line', () => tail.out().length > 0)
    child.kill('SIGKILL')
    await exit
    expect(await tail.exit).toBe(1)
    expect(tail.errors()).toBe('closed with 1006\n')
  })

  test('with 1 and the words of the hub when it restarts', async () => {
    const { hub, exit, errors } = await tailing([])
    await hub.close()
    expect(await exit).toBe(1)
    expect(errors()).toMatch(/^closed with 1012 restarting; retry=\ds\n$/)
  })

  test('with 0 at Ctrl-C, and says goodbye', async () => {
    const { hub, child, exit, errors } = await tailing([])
    const outcomes: string[] = []
    hub.events$.subscribe(event => void (event.type === 'client-left' && outcomes.push(event.outcome)))
    child.kill('SIGINT')
    expect(await exit).toBe(0)
    expect(errors()).toBe('')
    await until('it to have left', () => outcomes.length === 1)
    expect(outcomes).toEqual(['clean'])
  })
})

describe('wrong input', () => {
  const URL_RULE = 'URL: expected ws://HOST:PORT/feeds/NAME, got'
  const FLAGS = 'flag: expected one of --count, --stats, --from, --overflow, --max-rate, --name, got'
  const url = 'ws://127.0.0.1:1/feeds/f'

  test.each([
    [[], `${URL_RULE} nothing`],
    [['--count', '5'], `${URL_RULE} nothing`],
    [['feeds/f'], `${URL_RULE} "feeds/f"`],
    [['ftp://h/feeds/f'], `${URL_RULE} "ftp://h/feeds/f"`],
    [['ws://h/'], `${URL_RULE} "ws://h/"`],
    [[url, url], `argument: expected one URL, got "${url}"`],
    [[url, '--form', 'latest'], `${FLAGS} "--form"`],
    [[url, '--constructor'], `${FLAGS} "--constructor"`],
    [[url, '--count', '0'], '--count: expected a whole number from 1 up, got "0"'],
    [[url, '--count', '1.5'], '--count: expected a whole number from 1 up, got "1.5"'],
    [[url, '--count'], '--count: expected a value, got nothing'],
    [[url, '--stats=1'], '--stats: expected no value, got "1"'],
  ])('is refused before anything is connected: %j', async (args, message) => {
    await expect(tailCommand(args)).rejects.toMatchObject({ code: 'bad_option', message })
  })

  test('ends it with 2 and one line', async () => {
    const ran = await run(['tail'])
    expect(ran).toEqual({ code: 2, out: '', errors: `spillway: ${URL_RULE} nothing\n` })
  })
})

describe('whoever reads its output', () => {
  test('may leave after a line, as head does, and nothing is said', async () => {
    const { feed, child, out, errors, exit } = await tailing([])
    publishAll(feed, ['1'])
    await until('the line', () => out().length > 0)
    child.stdout!.destroy()
    await until('it to have noticed', () => {
      feed.publish({ payload: 'more' })
      return child.exitCode !== null
    })
    expect(await exit).toBe(0)
    expect(errors()).toBe('')
  })

  test('may stop: then it is a slow client of the hub, and takes no more memory', async () => {
    const { hub, port } = await startHub()
    const feed = hub.feed('f', { capacity: 4 * MIB })
    const { child } = start(['tail', `ws://127.0.0.1:${port}/feeds/f`], { reading: false })
    await until('it to listen', () => feed.readers.size === 1)
    const payload = 'x'.repeat(10_000)
    await until('64 MiB to be published, most of them over its head', () => {
      for (let i = 0; i < 50; i++) feed.publish({ payload })
      return feed.log.bytes > 64 * MIB && feed.gaps.overflow > 0
    })
    const [reader] = hub.readers()
    expect(reader!.state).toBe('full')
    expect(reader!.inFlightBytes).toBeLessThanOrEqual(MIB)
    expect(reader!.account.taken * payload.length).toBeLessThan(32 * MIB)
    if (process.platform === 'linux') expect(residentBytes(child.pid!)).toBeLessThan(160 * MIB)

    child.stdout!.resume()
    feed.publish({ payload: 'the newest' })
    let last = ''
    child.stdout!.on('data', chunk => {
      last = `${last}${chunk}`.slice(-50)
    })
    await until('the newest message', () => last.endsWith('the newest\n'))
  })
})

function residentBytes(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4_096
}
