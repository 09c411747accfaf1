/**
 * Assertions: what must hold when the attack is over, or the exit code is 1.
 *
 *     healthy.p99 < 50ms        a figure, an operator, a value in the figure's unit
 *     hub.rss < bound           or another figure of the same unit
 *     healthy.p99 < 2 * healthy.p50
 *
 * Read before anything starts, so that a misspelled one costs nothing. The figures are those of figures.ts.
 */
import type { Seen } from './attack.ts'
import { figureNamed, figureNames, type Named } from './figures.ts'
import { read, refuse, show, UNITS } from './units.ts'

const OPERATORS = {
  '<': (a: number, b: number) => a < b,
  '<=': (a: number, b: number) => a <= b,
  '>': (a: number, b: number) => a > b,
  '>=': (a: number, b: number) => a >= b,
  '==': (a: number, b: number) => a === b,
  '!=': (a: number, b: number) => a !== b,
} as const
type Operator = keyof typeof OPERATORS

export interface Assertion {
  /** As it was written, but for spaces. */
  readonly text: string
  readonly left: Named
  readonly operator: Operator
  /** A value, or a factor and the figure it goes with. */
  readonly right: { readonly value: number } | { readonly factor: number; readonly figure: Named }
}

/** What became of an assertion. */
export interface Verdict {
  readonly text: string
  readonly holds: boolean
  /** Whether both sides were measured; if not, it does not hold. */
  readonly known: boolean
  /** What was measured, or why not. */
  readonly measured: string
}

const FORM = /^([a-z][\w.-]*)\s*([<>=!]+)\s*(.+)$/i
const PRODUCT = /^(\d+(?:\.\d+)?)\s*\*\s*(\S+)$/
const NAME = /^[a-z]/i

/** Only figures of these populations can be asserted. @throws SpillwayError `bad_option` */
export function parseAssertion(source: string, populations: readonly string[], what = '--assert'): Assertion {
  const [, name = '', operator = '', value = ''] =
    FORM.exec(source.trim()) ?? refuse(what, "FIGURE OPERATOR VALUE, as in 'healthy.p99 < 50ms'", source)
  const left = figure(name, populations, what)
  if (!Object.hasOwn(OPERATORS, operator)) refuse(what, `${Object.keys(OPERATORS).join(' ')} after ${name}`, operator)
  const right = rightSide(value.trim(), left, populations, what)
  return { text: `${name} ${operator} ${value.trim()}`, left, operator: operator as Operator, right }
}

function figure(name: string, populations: readonly string[], what: string): Named {
  return figureNamed(name, populations) ?? refuse(what, `a figure (${figureNames(populations)})`, name)
}

function rightSide(text: string, left: Named, populations: readonly string[], what: string): Assertion['right'] {
  const product = PRODUCT.exec(text)
  if (product === null && !NAME.test(text)) {
    return {
      value: read(left.unit, text) ?? refuse(what, `${UNITS[left.unit].rule} to compare ${left.name} with`, text),
    }
  }
  const right = figure(product?.[2] ?? text, populations, what)
  if (right.unit !== left.unit)
    refuse(what, `a ${left.unit}, as ${left.name} is, on the right`, `${right.name}, a ${right.unit}`)
  return { factor: Number(product?.[1] ?? 1), figure: right }
}

export function judge({ text, left, operator, right }: Assertion, seen: Seen): Verdict {
  const measured = left.of(seen)
  if (measured === undefined) return { text, holds: false, known: false, measured: `unknown: ${left.unless}` }
  const told = show(left.unit, measured)
  if ('value' in right) return { text, holds: OPERATORS[operator](measured, right.value), known: true, measured: told }
  const other = right.figure.of(seen)
  if (other === undefined) {
    return {
      text,
      holds: false,
      known: false,
      measured: `${told}; ${right.figure.name} is unknown: ${right.figure.unless}`,
    }
  }
  const holds = OPERATORS[operator](measured, right.factor * other)
  return { text, holds, known: true, measured: `${told}; ${right.figure.name} is ${show(left.unit, other)}` }
}

/** One line: what was asserted, and what was measured. */
export function told({ text, holds, measured }: Verdict): string {
  return holds ? `✓ ${text} (${measured})` : `✗ ${text}: ${measured}`
}
