// A hub in a process of its own, so that its memory can be measured: casts a file into one binary feed through a transform, the way
// people would write it, and tells what happened as JSON when it is done.
import { createReadStream } from 'node:fs'
import { Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { Hub, serve } from '../../dist/index.js'

const [path, clients] = process.argv.slice(2)
const hub = new Hub({ logger: console })
const serving = await serve(hub, { port: 0 })
const feed = hub.feed('cast', { format: 'binary', overflow: 'pause', minClients: Number(clients) })
const seen = { falses: 0, drains: 0 }
const inverted = new Transform({
  transform(chunk, _, done) {
    for (let i = 0; i < chunk.length; i++) chunk[i] ^= 0xff
    done(null, chunk)
  },
})
const writable = feed.writable()
const write = writable.write.bind(writable)
writable.write = (...args) => {
  const more = write(...args)
  if (!more) seen.falses++
  return more
}
writable.on('drain', () => seen.drains++)
process.stdout.write(`${JSON.stringify({ port: Number(new URL(serving.url).port) })}\n`)
await pipeline(createReadStream(path, { highWaterMark: 64 * 1024 }), inverted, writable)
await hub.finished()
const [pausedSeconds, messages] = [feed.demand.pausedSeconds(performance.now()), feed.log.count]
process.stdout.write(`${JSON.stringify({ ...seen, pausedSeconds, messages, ending: feed.ending })}\n`)
await serving.close({ drainMs: 0 })
