/**
 * A metric in the Prometheus text format (version 0.0.4): its sentence, its type, and a line for each series. Not prom-client's, which
 * takes three times as long for two thousand of them, and all of it is time that messages wait.
 */
import type { Histogram } from '../../clients/histogram.ts'
import type { Metric, Scrape } from './metric.ts'

export function textOf(metric: Metric, scrape: Scrape): string {
  const { name, type, labels } = metric
  const lines = [`# HELP ${name} ${escaped(metric.help)}`, `# TYPE ${name} ${type}`]
  if (metric.type === 'histogram') pushBuckets(lines, name, metric.of(scrape))
  else {
    metric.collect(scrape, (value, ...given) => {
      let pairs = ''
      for (let i = 0; i < labels.length; i++) pairs += `${i === 0 ? '' : ','}${labels[i]}="${quoted(given[i]!)}"`
      lines.push(`${name}${pairs === '' ? '' : `{${pairs}}`} ${written(value)}`)
    })
  }
  return lines.join('\n')
}

/** Buckets are told cumulatively: how many values were at most so large. */
function pushBuckets(lines: string[], name: string, histogram: Histogram | undefined): void {
  if (histogram === undefined) return
  const { bounds, counts, sum } = histogram
  let count = 0
  for (let i = 0; i < counts.length; i++) {
    count += counts[i]!
    lines.push(`${name}_bucket{le="${bounds[i] ?? '+Inf'}"} ${count}`)
  }
  lines.push(`${name}_sum ${sum}`, `${name}_count ${count}`)
}

function written(value: number): string {
  return value === Number.POSITIVE_INFINITY ? '+Inf' : String(value)
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}

/** Names of feeds need no escaping; what comes from elsewhere might. */
function quoted(value: string): string {
  return /["\\\n]/.test(value) ? escaped(value).replaceAll('"', '\\"') : value
}
