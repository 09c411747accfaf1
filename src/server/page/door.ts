/**
 * Requests to the hub that this page came from. Where it wants a token (the admin port of a hub that is not only on
 * loopback), the page asks for it, once, and keeps it in this object alone: not in storage, not in the address. Used by
 * the poll and by whoever evicts.
 */
import { byId, setText } from './draw.ts'

const UNAUTHORIZED = 401
const PATIENCE_MS = 5_000
const WRONG = 'The hub does not know this token.'

export class Door {
  #token = ''
  /** The question that is open, if one is: whoever comes meanwhile waits for the same answer. */
  #asking: Promise<void> | undefined

  /** As `fetch`, but a 401 is answered with the token, once somebody has given it. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    for (;;) {
      const token = this.#token
      const headers = new Headers(init.headers)
      if (token !== '') headers.set('Authorization', `Bearer ${token}`)
      const response = await fetch(path, { ...init, headers, signal: AbortSignal.timeout(PATIENCE_MS) })
      if (response.status !== UNAUTHORIZED) return response
      if (token !== this.#token) continue // somebody else has asked meanwhile
      this.#asking ??= this.#ask(token !== '').finally(() => {
        this.#asking = undefined
      })
      await this.#asking
    }
  }

  async #ask(wrong: boolean): Promise<void> {
    const dialog = byId('token-dialog') as HTMLDialogElement
    const input = byId('token') as HTMLInputElement
    setText(byId('token-wrong'), wrong ? WRONG : '')
    input.value = ''
    dialog.showModal()
    await new Promise<void>(resolve => {
      const stop = new AbortController()
      const on = { signal: stop.signal }
      // there is nothing to see behind it, so Escape does not leave it
      dialog.addEventListener('cancel', event => event.preventDefault(), on)
      byId('token-form').addEventListener(
        'submit',
        event => {
          event.preventDefault()
          // No hub has a token of other characters, and `fetch` would throw at each poll.
          if (!/^[\x21-\x7e]+$/.test(input.value)) return setText(byId('token-wrong'), WRONG)
          this.#token = input.value
          input.value = ''
          stop.abort()
          dialog.close()
          resolve()
        },
        on,
      )
    })
  }
}
