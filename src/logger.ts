/**
 * The log of `spillway serve`: what the hub tells its logger, as lines on standard error. JSON by pino, for programs (the only door of
 * that package), or text for people; one level and format for the life of the process. How the lines get out without ever holding up
 * the hub, and what happens when nobody takes them, is in outlet.ts. The library itself never prints: it takes a logger.
 */
import { isatty } from 'node:tty'
import { pino } from 'pino'
import { LOG_LEVELS, type LogFormat, type LogLevel, textLine } from './logger-text.ts'
import type { LogFields, Logger } from './options.ts'
import { Outlet, standardError } from './outlet.ts'

export interface LogOptions {
  readonly format: LogFormat
  readonly level: LogLevel
}

export interface Log extends Logger {
  /** Whether what goes to `debug` is wanted: it need not be put into words if not. */
  readonly chatty: boolean
  debug(line: string, fields?: LogFields): void
  /** Resolves when all is written, or after a second; then with false: whoever takes the lines has stopped to. */
  close(): Promise<boolean>
}

const CLOSE_MS = 1_000

export function openLog({ format, level }: LogOptions): Log {
  const terminal = isatty(2)
  const asText = format === 'text' || (format === 'auto' && terminal)
  const compose = asText ? texts(terminal) : jsons()
  const dropped = (count: number) =>
    compose('warn', `${count} lines of the log were dropped: nobody took them in time`, { event: 'log-dropped', count })
  const outlet = new Outlet(standardError(), dropped)
  const tell = (level: LogLevel) => (line: string, fields?: LogFields) => outlet.write(compose(level, line, fields))
  const least = LOG_LEVELS.indexOf(level)
  const from = (level: LogLevel) => (LOG_LEVELS.indexOf(level) >= least ? tell(level) : () => {})
  return {
    chatty: least === 0,
    debug: from('debug'),
    info: from('info'),
    warn: from('warn'),
    error: from('error'),
    close: () => outlet.flush(CLOSE_MS),
  }
}

type Compose = (level: LogLevel, line: string, fields?: LogFields) => string

/** `NO_COLOR`: see no-color.org. */
function texts(terminal: boolean): Compose {
  const colours = terminal && !process.env['NO_COLOR']
  return (level, line, fields) => textLine(level, line, fields, new Date(), { terminal, colours })
}

/** Levels as words and times as ISO 8601, because people read this too; host and process are known to whoever collects lines. */
function jsons(): Compose {
  let written = ''
  const sink = {
    write: (line: string) => {
      written = line
    },
  }
  const options = {
    level: 'debug',
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  }
  const logger = pino(options, sink)
  return (level, line, fields) => {
    logger[level](fields ?? {}, line)
    return written
  }
}
