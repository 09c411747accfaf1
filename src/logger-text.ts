/**
 * The words of the log: its formats and levels, and a line as people read it on a terminal.
 *
 *     03:12:04.118 warn   client 17 evicted from feed prices (lag): 1,204 messages …  address=10.0.0.7:40112 lagBytes=1250304
 *
 * What clients and commands say ends up in these lines, so nothing in them may move the cursor, change a colour or begin a line
 * of its own: control characters are written out. Pure; called by logger.ts.
 */
import type { LogFields } from './options.ts'

export const LOG_FORMATS = ['auto', 'json', 'text'] as const
export type LogFormat = (typeof LOG_FORMATS)[number]

/** From the most to say to the least. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

const COLOURS: Readonly<Record<LogLevel, string>> = { debug: '\x1b[2m', info: '', warn: '\x1b[33m', error: '\x1b[31m' }
const DIM = '\x1b[2m'
const PLAIN = '\x1b[0m'

export interface TextStyle {
  /** Colours, and the time of day alone: whoever looks knows what day it is. */
  readonly terminal: boolean
  readonly colours: boolean
}

export function textLine(
  level: LogLevel,
  line: string,
  fields: LogFields | undefined,
  at: Date,
  { terminal, colours }: TextStyle,
): string {
  const iso = (terminal ? new Date(at.getTime() - at.getTimezoneOffset() * 60_000) : at).toISOString()
  const time = terminal ? iso.slice(11, -1) : iso
  const rest = fieldsText(fields)
  const [colour, dim, plain] = colours ? [COLOURS[level], DIM, PLAIN] : ['', '', '']
  return `${dim}${time}${plain} ${colour}${level.padEnd(5)}${plain} ${visible(line)}${rest === '' ? '' : `  ${dim}${rest}${plain}`}\n`
}

/** `name=value`, one level deep; what is undefined is left out. The event is in the sentence. */
function fieldsText(fields: LogFields = {}, prefix = ''): string {
  return Object.entries(fields)
    .filter(([name, value]) => value !== undefined && !(prefix === '' && name === 'event'))
    .map(([name, value]) => {
      if (isObject(value)) return fieldsText(value, `${prefix}${name}.`)
      return `${prefix}${name}=${valueText(value)}`
    })
    .join(' ')
}

const isObject = (value: unknown): value is LogFields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function valueText(value: unknown): string {
  if (typeof value === 'number') return String(Math.round(value * 1_000) / 1_000)
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))
  return visible(/^[^\s"=]+$/.test(text) ? text : JSON.stringify(text))
}

/** Control characters, and those that turn the direction of a line (Unicode TR 9), as \u and four digits. */
function visible(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu,
    character => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
