/**
 * A Readable of the bytes that a generator gives, for sources that read for themselves (exec, follow). It is never ahead by more than
 * one piece, so that what was given before a failure is not thrown away with it: Node drops what a stream has buffered
 * when it is destroyed. And stopping reaches a generator that waits, which its own `return()` would queue behind.
 */
import { Readable } from 'node:stream'

/** `stop` must end what the generator is waiting for. */
export function readableFrom(bytes: AsyncGenerator<Buffer, void>, stop: () => void): Readable {
  return new Readable({
    highWaterMark: 1,
    read() {
      bytes.next().then(
        ({ done, value }) => this.push(done === true ? null : value),
        error => this.destroy(error),
      )
    },
    destroy(error, done) {
      stop()
      bytes.return().then(
        () => done(error),
        () => done(error),
      )
    },
  })
}
