#!/usr/bin/env node
/**
 * The command line: which command, its help, its exit code. The commands themselves are serve, check and tail, and each is loaded
 * when it is asked for. Only here and in those three is anything written to a terminal.
 */
import { reasonOf, SpillwayError } from './errors.ts'
import { checkHelp, serveHelp, TAIL_HELP, USAGE } from './help.ts'
import { VERSION } from './server/version.ts'

/** Exit codes. */
export const EXIT = { done: 0, failed: 1, wrongInput: 2 } as const

const HELP = ['--help', '-h']

async function main([command, ...args]: readonly string[]): Promise<number> {
  const wantsHelp = args.some(arg => HELP.includes(arg))
  if (command === undefined) {
    process.stderr.write(USAGE)
    return EXIT.wrongInput
  }
  if (command === 'help' || HELP.includes(command)) return say(USAGE)
  if (command === '--version' || command === '-v') return say(`${VERSION}\n`)
  if (command === 'serve')
    return wantsHelp ? say(serveHelp()) : (await import('./serve.ts')).serveCommand(args, VERSION)
  // Whatever a .js file opened when it was loaded need not keep this waiting.
  if (command === 'check') {
    return wantsHelp ? say(checkHelp()) : process.exit(await (await import('./check.ts')).checkCommand(args))
  }
  if (command === 'tail') return wantsHelp ? say(TAIL_HELP) : (await import('./tail.ts')).tailCommand(args)
  process.stderr.write(`command: expected serve, check or tail, got ${JSON.stringify(command)}\n\n${USAGE}`)
  return EXIT.wrongInput
}

function say(text: string): number {
  process.stdout.write(text)
  return EXIT.done
}

main(process.argv.slice(2)).then(
  code => {
    process.exitCode = code
  },
  (error: unknown) => {
    const text = error instanceof SpillwayError ? error.message : ((error as Error)?.stack ?? reasonOf(error))
    // Of a configuration every fault is told, a line each.
    const lines = error instanceof SpillwayError ? text.split('\n') : [text]
    process.stderr.write(lines.map(line => `spillway: ${line}\n`).join(''))
    process.exit(error instanceof SpillwayError ? EXIT.wrongInput : EXIT.failed)
  },
)
