/** The Prometheus text format, read: it complains about whatever is none. */

export interface Family {
  type: string
  help: string
  /** By labels as they are written: `feed="f",reason="lag"`, or empty; parts of a histogram begin with what they are. */
  readonly series: Map<string, number>
}

export function parse(text: string): Map<string, Family> {
  const families = new Map<string, Family>()
  const family = (name: string) => {
    const found = families.get(name) ?? { type: '', help: '', series: new Map<string, number>() }
    families.set(name, found)
    return found
  }
  if (!text.endsWith('\n')) throw new Error('expected a line end at the end')
  for (const line of text.split('\n').filter(line => line !== '')) {
    const comment = /^# (HELP|TYPE) ([a-z0-9_]+) (.+)$/.exec(line)
    if (comment !== null) {
      family(comment[2]!)[comment[1] === 'TYPE' ? 'type' : 'help'] = comment[3]!
      continue
    }
    const sample = /^([a-z0-9_]+)(?:\{((?:[a-z]+="[^"\\\n]*",?)+)\})? (\S+)$/.exec(line)
    if (sample === null) throw new Error(`neither a comment nor a sample: ${line}`)
    const [, whole, labelled = '', value] = sample
    // What a histogram is made of are samples of its own name and more.
    const part = /^(.+)_(bucket|sum|count)$/.exec(whole!)
    const isPart = part !== null && families.get(part[1]!)?.type === 'histogram'
    const [name, labels] = isPart ? [part[1]!, `${part[2]} ${labelled}`.trim()] : [whole!, labelled]
    const { series } = family(name)
    if (series.has(labels)) throw new Error(`twice: ${line}`)
    series.set(labels, value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value))
  }
  return families
}

/** What `/metrics` of a server says. */
export async function scrape(url: string): Promise<Map<string, Family>> {
  const response = await fetch(`${url}metrics`)
  const type = response.headers.get('content-type')
  if (type !== 'text/plain; version=0.0.4; charset=utf-8') throw new Error(`unexpected content type ${type}`)
  return parse(await response.text())
}
