/** A feed as a stream that is written to: Node's rules and WHATWG's, held against the stream's own documentation. */
import { once } from 'node:events'
import { PassThrough, Readable, Transform, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { describe, expect, test } from 'vitest'
import { holdWriting, openHub, payloadsOf, promptly, turns } from '../sources/helpers.ts'
import { startHub } from '../support/hub.ts'
import { until } from '../support/until.ts'

/** Writes until the stream says stop; returns how many it took. */
function fill(writable: Writable, chunk: unknown): number {
  let written = 1
  while (writable.write(chunk)) written++
  return written
}

/** A feed whose demand the test holds in its hand, and its stream. */
function open(options: Parameters<typeof holdWriting>[1] = {}, writing = {}) {
  let writable!: Writable
  const held = holdWriting(async feed => {
    writable = feed.writable(writing)
    writable.on('error', () => {})
  }, options)
  return { ...held, writable }
}

describe('feed.writable()', () => {
  test('makes a message of every line, however the bytes were cut, and ends the feed with the stream', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    const pieces = ['one\r\ntw', 'o\n', '\nthr', 'ee: é']
      .flatMap(text => [...Buffer.from(text)])
      .map(byte => Buffer.of(byte))
    await pipeline(Readable.from(pieces, { objectMode: false }), feed.writable())
    expect(payloadsOf(feed)).toEqual(['one', 'two', '', 'three: é'])
    expect(feed.ending).toEqual({ code: 1000, reason: 'feed ended' })
    expect(feed.source.state).toBe('ended')
  })

  test('makes a message of every write on a binary feed, cut where it is too large', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { format: 'binary', maxMessageBytes: 4 })
    const writable = feed.writable()
    for (const chunk of ['ab', 'cdefghijk', '']) writable.write(chunk)
    writable.end('l')
    await until('the end', () => feed.ending !== undefined)
    expect(payloadsOf(feed)).toEqual(['ab', 'cdef', 'ghij', 'k', 'l'])
  })

  test('takes payloads and messages in object mode, with keys and offsets', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    const items = ['a\nb', { payload: 'c', key: 'k', offset: 10 }, Buffer.from('d')]
    await pipeline(Readable.from(items), feed.writable({ objectMode: true }))
    expect(payloadsOf(feed)).toEqual(['a\nb', 'c', 'd'])
    expect(feed.log.head).toBe(12)
  })

  test('write() answers false while the feed takes no more, and drain comes when it does', async () => {
    const { feed, writable, flush } = open({ capacity: { messages: 400 } }, { objectMode: true, highWaterMark: 10 })
    const written = fill(writable, 'x')
    await turns(3)
    expect(feed.demand.open).toBe(false)
    // What the feed took, and what Node holds for it: no more.
    expect(written).toBe(feed.log.count + 9)
    expect(writable.writableNeedDrain).toBe(true)
    let drained = 0
    writable.on('drain', () => drained++)
    await turns(5)
    expect(drained).toBe(0)
    flush()
    await until('drain', () => drained === 1)
    expect(feed.log.count).toBe(written)
  })

  test('calls back each write when the feed has it and takes more, in order', async () => {
    const { feed, writable, flush } = open({ capacity: { messages: 4 } }, { objectMode: true })
    const done: number[] = []
    for (let i = 0; i < 4; i++) writable.write(`${i}`, () => done.push(i))
    await turns(3)
    expect(feed.demand.open).toBe(false)
    expect(done).toEqual([])
    await until('all', () => {
      flush()
      return done.length === 4
    })
    expect(done).toEqual([0, 1, 2, 3])
  })

  test('does not publish before the clients are there that its feed waits for', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { minClients: 1 })
    const piping = pipeline(Readable.from(['a\n', 'b\n'], { objectMode: false }), feed.writable())
    await turns(5)
    expect(feed.log.count).toBe(0)
    const a = await client('/feeds/f')
    await piping
    await until('both', () => a.messages === 2)
  })

  test('passes over what the feed refuses: counted and told, and the stream goes on', async () => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f', { maxMessageBytes: 5 })
    await pipeline(
      Readable.from([Buffer.from('ok\ntoo long\n\xff', 'latin1'), Buffer.from('\nend')], { objectMode: false }),
      feed.writable(),
    )
    expect(payloadsOf(feed)).toEqual(['ok', 'end'])
    expect(feed.source.refused).toBe(2)
    expect(lines[0]).toMatch(/^warn: feed f: refused a message: line: expected a line of at most 5 bytes/)
  })

  test('makes its lines of what was written, though the writer uses its buffer again', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    const writable = feed.writable()
    const buffer = Buffer.alloc(3)
    for (const piece of ['one', ' tw', 'o\nt', 'hre', 'e\n\n']) {
      buffer.write(piece)
      await new Promise(resolve => writable.write(buffer, resolve))
    }
    expect(payloadsOf(feed)).toEqual(['one two', 'three', ''])
  })

  test('with `end: false` tells why it broke off, and the feed goes on', async () => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f')
    feed
      .writable({ end: false })
      .on('error', () => {})
      .destroy(new Error('cable pulled'))
    await until('it to be told', () => feed.source.state === 'failed')
    expect([feed.takesMore, feed.source.error]).toEqual([true, 'cable pulled'])
    expect(lines).toEqual(['warn: feed f: what was written to it broke off: cable pulled'])
    await pipeline(Readable.from(['x']), feed.writable())
    expect([payloadsOf(feed), feed.source.state]).toEqual([['x'], 'ended'])
  })

  test('with `end: false` leaves the feed open, for the next one', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    const cast = (text: string) => pipeline(Readable.from([text], { objectMode: false }), feed.writable({ end: false }))
    await cast('a\n')
    await cast('b')
    await expect(pipeline(Readable.from(broken()), feed.writable({ end: false, objectMode: true }))).rejects.toThrow(
      'out of ink',
    )
    expect(feed.takesMore).toBe(true)
    expect(feed.source.state).toBe('failed')
    feed.publish({ payload: 'c' })
    expect(payloadsOf(feed)).toEqual(['a', 'b', 'a\n', 'c'])
  })

  test('destroyed with an error ends the feed with 4500 and the reason', async () => {
    const { hub, lines } = openHub()
    const feed = hub.feed('f')
    await expect(pipeline(Readable.from(broken()), new PassThrough(), feed.writable())).rejects.toThrow('out of ink')
    expect(feed.ending).toEqual({ code: 4500, reason: 'source failed: out of ink' })
    expect(lines).toEqual(['error: feed f: its source failed: out of ink'])
  })

  test('destroyed without one, before its end, is no end either', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    feed.writable().destroy()
    await until('the feed to end', () => feed.ending !== undefined)
    expect(feed.ending).toEqual({ code: 4500, reason: 'source failed: destroyed before its end' })
  })

  test.each(['the hub closes', 'the owner ends the feed'])(
    'is destroyed with feed_ended when %s, so a pipeline rejects',
    async how => {
      const { hub } = openHub()
      const feed = hub.feed('f', { capacity: { messages: 8 } })
      const endless = Readable.from(forever())
      const piping = pipeline(endless, feed.writable({ objectMode: true }))
      const rejected = expect(piping).rejects.toThrow(expect.objectContaining({ code: 'feed_ended' }))
      await until('some', () => feed.log.count > 0)
      if (how === 'the hub closes') await promptly('close()', hub.close({ drainMs: 0 }))
      else feed.end({ code: 1000, reason: 'enough' })
      await rejected
      expect(endless.destroyed).toBe(true)
      if (how !== 'the hub closes') expect(feed.ending).toEqual({ code: 1000, reason: 'enough' })
    },
  )

  test('that nobody listens to does not end the process when its hub closes', async () => {
    const { hub } = openHub()
    const writable = hub.feed('f').writable()
    await promptly('close()', hub.close({ drainMs: 0 }))
    expect(writable.errored).toMatchObject({ code: 'feed_ended' })
  })

  test('held by the feed when it is destroyed publishes nothing more', async () => {
    const { feed, writable, flush } = open({ capacity: { messages: 4 } }, { objectMode: true, end: false })
    for (let i = 0; i < 10; i++) writable.write('x')
    await turns(3)
    const { count } = feed.log
    writable.destroy()
    flush()
    await turns(5)
    expect(feed.log.count).toBe(count)
  })

  test('is one at a time, and none beside a source', () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    feed.writable()
    const taken = (by: string) =>
      expect.objectContaining({ code: 'feed_taken', message: expect.stringContaining(`got "one that has ${by}"`) })
    expect(() => feed.writable()).toThrow(taken('a writable'))
    expect(() => feed.writableStream()).toThrow(taken('a writable'))
    const fed = hub.feed('fed', { source: Readable.from(forever()) })
    expect(() => fed.writable()).toThrow(taken('a source'))
    feed.end()
    expect(() => feed.writable()).toThrow(expect.objectContaining({ code: 'feed_ended' }))
  })

  test.each<[object, string]>([
    [{ highWaterMark: -1 }, 'f.writable.highWaterMark: expected at least 0, got -1'],
    [{ objectMode: 'yes' }, 'f.writable.objectMode: expected a boolean, got "yes"'],
    [{ close: false }, 'f.writable: expected no option but objectMode, highWaterMark, end, got "close"'],
  ])('with %j is refused with a sentence, and the feed is free', (options, message) => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    expect(() => feed.writable(options)).toThrow(expect.objectContaining({ code: 'bad_option', message }))
    feed.writable()
  })

  test('carries what is behind transforms to every client, whole', async () => {
    const { hub, client } = await startHub()
    const feed = hub.feed('f', { overflow: 'pause', minClients: 2 })
    const clients = [await client('/feeds/f'), await client('/feeds/f')]
    const upper = new Transform({ transform: (chunk, _, done) => done(null, String(chunk).toUpperCase()) })
    const lines = Array.from({ length: 20_000 }, (_, i) => `line ${i}\n`)
    await pipeline(Readable.from(lines, { objectMode: false }), upper, feed.writable())
    for (const { closed } of clients.map(c => ({ closed: c.closed() }))) expect(await closed).toBe(1000)
    for (const { texts } of clients) expect(texts.join('\n')).toBe(lines.join('').trimEnd().toUpperCase())
  })
})

describe('feed.writableStream()', () => {
  test('takes bytes with back-pressure: its writer is ready when the feed is', async () => {
    const { feed, flush } = holdWriting(async () => {}, { capacity: { messages: 40 } })
    const writer = feed.writableStream({ highWaterMark: 4 }).getWriter()
    let written = 0
    const write = () => {
      written++
      writer.write(Buffer.from('x\n')).catch(() => {})
    }
    while ((writer.desiredSize ?? 0) > 0) write()
    await until('the feed to have enough', () => {
      if ((writer.desiredSize ?? 0) > 0) write()
      return !feed.demand.open
    })
    while ((writer.desiredSize ?? 0) > 0) write()
    let ready = false
    void writer.ready.then(() => {
      ready = true
    })
    await turns(5)
    expect(ready).toBe(false)
    flush()
    await until('the writer to be ready', () => ready)
    await until('what was written', () => {
      flush()
      return feed.log.count === written
    })
    await writer.close()
    expect(feed.ending?.code).toBe(1000)
  })

  test('aborted ends the feed with 4500 and the reason', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    await feed.writableStream().abort(new Error('changed my mind'))
    expect(feed.ending).toEqual({ code: 4500, reason: 'source failed: changed my mind' })
  })

  test('aborted while a write of its is held is over at once, and the write with it', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f', { overflow: 'pause', minClients: 1 })
    const writer = feed.writableStream().getWriter()
    const written = writer.write(Buffer.from('one\n'))
    written.catch(() => {})
    await turns(3)
    await promptly('abort()', writer.abort(new Error('changed my mind')))
    await expect(written).rejects.toThrow('changed my mind')
    expect(feed.ending).toEqual({ code: 4500, reason: 'source failed: changed my mind' })
    expect([feed.source.state, feed.source.error, feed.log.count]).toEqual(['failed', 'changed my mind', 0])
  })

  test('is errored when the feed ends, so that pipeTo() rejects', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    const writer = feed.writableStream().getWriter()
    feed.end()
    await expect(writer.closed).rejects.toMatchObject({ code: 'feed_ended' })
    await expect(writer.write('x')).rejects.toMatchObject({ code: 'feed_ended' })
    expect(feed.ending?.code).toBe(1000)
  })

  test('refuses what is neither bytes nor text, and fails', async () => {
    const { hub } = openHub()
    const feed = hub.feed('f')
    const writer = feed.writableStream().getWriter()
    writer.closed.catch(() => {})
    await expect(writer.write(42)).rejects.toThrow('chunk: expected a string or a Uint8Array (or objectMode), got 42')
    expect(feed.ending?.code).toBe(4500)
  })
})

test('an end of input while the feed is held waits for it', async () => {
  const { feed, writable, flush } = open({ capacity: { messages: 4 } })
  writable.end('a\nb\nc')
  const finished = once(writable, 'finish')
  await turns(3)
  expect(feed.ending).toBeUndefined()
  await until('the end', () => {
    flush()
    return feed.ending !== undefined
  })
  await finished
  expect(feed.log.count).toBe(3)
})

async function* broken(): AsyncGenerator<string, void> {
  yield 'a\n'
  throw new Error('out of ink')
}

async function* forever(): AsyncGenerator<string, void> {
  for (;;) yield 'x'
}
