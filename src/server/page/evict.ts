/**
 * Evicting one client, on the admin port: a question that says whom, then the request, then what came of it. The hub closes
 * the client with 4408; it may come back. Called by the table of the slowest.
 */
import type { Door } from './door.ts'
import { byId, setText } from './draw.ts'
import type { SlowReport } from './report.ts'

export class Evictor {
  readonly #door: Door
  readonly #dialog = byId('evict-dialog') as HTMLDialogElement
  readonly #reason = byId('evict-reason') as HTMLInputElement
  #client: SlowReport | undefined

  /** `onEvicted` is called when the hub has done it. */
  constructor(door: Door, onEvicted: () => void) {
    this.#door = door
    byId('evict-cancel').addEventListener('click', () => this.#dialog.close())
    byId('evict-form').addEventListener('submit', event => {
      event.preventDefault()
      this.#dialog.close()
      if (this.#client !== undefined) void this.#evict(this.#client, this.#reason.value.trim()).then(onEvicted)
    })
  }

  ask(client: SlowReport): void {
    this.#client = client
    setText(byId('evict-whom'), whom(client))
    this.#reason.value = ''
    this.#dialog.showModal()
    byId('evict-cancel').focus() // the harmless one, for who presses Enter too soon
  }

  async #evict(client: SlowReport, reason: string): Promise<void> {
    const result = byId('evict-result')
    setText(result, `Evicting client #${client.id}…`)
    try {
      const response = await this.#door.fetch(`/clients/${client.id}/evict`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify(reason === '' ? {} : { reason }),
      })
      setText(result, response.ok ? `Client #${client.id} is evicted (4408).` : await refusalIn(response))
    } catch {
      setText(result, `The hub did not answer: it is not known whether client #${client.id} is evicted.`)
    }
  }
}

function whom({ id, feed, address, agent, name }: SlowReport): string {
  const more = [name ? `named ${name}` : '', address ?? '', agent ?? ''].filter(Boolean)
  return `Client #${id} of feed ${feed}${more.length > 0 ? `: ${more.join(', ')}` : ''}`
}

async function refusalIn(response: Response): Promise<string> {
  const { error } = ((await response.json().catch(() => ({}))) ?? {}) as { error?: { message?: string } }
  return `Not evicted: ${error?.message ?? `the hub answered ${response.status}`}.`
}
