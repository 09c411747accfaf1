/**
 * Any feed as a list of its newest messages, newest first: text as it came, binary as its size and first bytes. Never
 * more than 200 elements in the document, and old ones are written over instead of being made anew: at thousands of
 * messages a second that is the difference between a frame and a stutter.
 */
import { copyOf, part, setText } from './draw.ts'
import { bytes, clock, count } from './format.ts'
import { MESSAGES, type Message } from './newest.ts'
import type { View } from './views.ts'

const SHOWN_CHARACTERS = 400
const SHOWN_BYTES = 24

interface Line {
  readonly element: HTMLElement
  readonly time: HTMLElement
  readonly payload: HTMLElement
  readonly size: HTMLElement
}

export function messagesView(): View {
  const element = copyOf('messages')
  const lines: Line[] = [] // the oldest first, as in the ring they come from

  const draw = (messages: readonly Message[]): void => {
    const fresh = document.createDocumentFragment()
    for (const message of messages) {
      const line = (lines.length < MESSAGES ? undefined : lines.shift()) ?? newLine()
      lines.push(line)
      setText(line.time, clock(message.at))
      write(line, message)
      fresh.prepend(line.element)
    }
    element.prepend(fresh)
  }

  return { element, draw }
}

function newLine(): Line {
  const element = copyOf('message')
  return { element, time: part(element, 'time'), payload: part(element, 'payload'), size: part(element, 'size') }
}

function write(line: Line, { payload }: Message): void {
  if (typeof payload === 'string') {
    const whole = payload.length <= SHOWN_CHARACTERS
    setText(line.payload, whole ? payload : `${payload.slice(0, SHOWN_CHARACTERS)}…`)
    setText(line.size, whole ? '' : `${count(payload.length)} characters`)
    return
  }
  const start = new Uint8Array(payload, 0, Math.min(SHOWN_BYTES, payload.byteLength))
  const hex = Array.from(start, byte => byte.toString(16).padStart(2, '0')).join(' ')
  setText(line.payload, payload.byteLength > SHOWN_BYTES ? `${hex} …` : hex)
  setText(line.size, bytes(payload.byteLength))
}
