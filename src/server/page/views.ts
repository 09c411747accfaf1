/**
 * The ways a feed can be shown, side by side: the first that fits the newest message is taken. What a view is given is
 * what came since the last frame, at most 200 messages, the newest last; it draws them at once and keeps what
 * it needs within bounds of its own. To add one: a module beside table.ts, a template, and a line here.
 */
import { figuresIn, figuresView } from './figures.ts'
import { messagesView } from './messages.ts'
import type { Message } from './newest.ts'
import { quoteIn, tableView } from './table.ts'

export interface View {
  readonly element: HTMLElement
  draw(messages: readonly Message[]): void
}

export const VIEWS = {
  /** Quotes: a row for each symbol. */
  table: { fits: (message: Message) => quoteIn(message) !== undefined, make: tableView },
  /** Measurements: a tile for each figure. */
  figures: { fits: (message: Message) => figuresIn(message).length > 0, make: figuresView },
  /** Anything: the payloads as they came. */
  messages: { fits: () => true, make: messagesView },
} as const satisfies Record<string, { fits: (message: Message) => boolean; make: () => View }>

export type ViewName = keyof typeof VIEWS

export function viewFor(message: Message): ViewName {
  const names = Object.keys(VIEWS) as ViewName[]
  return names.find(name => VIEWS[name].fits(message)) ?? 'messages'
}
