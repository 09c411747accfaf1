/**
 * Numbers as people read them. Widths change as little as possible from one poll to the next, and units are the ones of
 * the documentation: KiB and MiB for bytes. Pure; called wherever the page shows a figure.
 */
const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const one = new Intl.NumberFormat('en', { minimumFractionDigits: 1, maximumFractionDigits: 1 })
const two = new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })
const tiny = new Intl.NumberFormat('en', { maximumSignificantDigits: 2 })
const signed = new Intl.NumberFormat('en', {
  style: 'percent',
  signDisplay: 'exceptZero',
  minimumFractionDigits: 2,
  maximumFractionDigits: 2,
})

const STEPS = [
  [1e12, 'T'],
  [1e9, 'G'],
  [1e6, 'M'],
] as const

/** A count: whole below a million, then `1.2 M`. */
export function count(value: number): string {
  for (const [step, unit] of STEPS) if (value >= step) return `${one.format(value / step)} ${unit}`
  return whole.format(value)
}

/** Messages per second: one decimal below a hundred, where it says something. */
export function perSecond(value: number | undefined): string {
  if (value === undefined) return '–'
  return value > 0 && value < 99.95 ? one.format(value) : count(value)
}

const BYTES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const

/** Bytes in binary units: `512 B`, `16 MiB`, `1.5 GiB`. */
export function bytes(value: number): string {
  const power = Math.min(BYTES.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10)))
  const scaled = value / 1024 ** power
  const digits = power === 0 || scaled >= 99.95 || Number.isInteger(scaled) ? whole : one
  return `${digits.format(scaled)} ${BYTES[power] ?? 'B'}`
}

/** A share of one: `0 %`, `7.4 %`, `62 %`. */
export function percent(share: number): string {
  const value = share * 100
  return `${value > 0 && value < 9.95 ? one.format(value) : whole.format(value)} %`
}

/** A relative change with its sign: `+1.32%`. */
export function change(share: number): string {
  return signed.format(share).replace('-', '\u2212')
}

/** Any other number: whole numbers whole, others to the hundredth, or to two digits where that would be nothing. */
export function plain(value: number): string {
  const size = Math.abs(value)
  const digits = size >= 10_000 ? count : Number.isInteger(size) ? whole.format : size < 0.01 ? tiny.format : two.format
  return (value < 0 ? '\u2212' : '') + digits(size)
}

/** A price with as many decimals as the source used, two at least. */
export function price(value: number): string {
  const decimals = Math.min(8, Math.max(2, String(value).split('.')[1]?.length ?? 0))
  return value.toLocaleString('en', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** A duration by its two largest units: `42 s`, `3 min 5 s`, `2 d 4 h`. */
export function duration(seconds: number): string {
  const s = Math.floor(seconds)
  if (s < 60) return `${s} s`
  if (s < 3_600) return `${Math.floor(s / 60)} min ${s % 60} s`
  if (s < 86_400) return `${Math.floor(s / 3_600)} h ${Math.floor((s % 3_600) / 60)} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor((s % 86_400) / 3_600)} h`
}

/** An age of data, in seconds, where what is small matters: `4 ms`, `4.2 s`, `48 s`, `3 min 5 s`. */
export function age(seconds: number): string {
  if (seconds < 0.995) return `${whole.format(Math.max(0, seconds) * 1_000)} ms`
  if (seconds >= 60) return duration(seconds)
  return `${(seconds >= 9.95 ? whole : one).format(seconds)} s`
}

/** The time of day something happened, in the visitor's zone: `14:03:05`. */
export function timeOfDay(at: number): string {
  return clock(at).slice(0, 8)
}

/** The time of day a message came, to the millisecond, in the visitor's zone. */
export function clock(at: number): string {
  const date = new Date(at)
  const pad = (n: number): string => String(n).padStart(2, '0')
  const ms = String(date.getMilliseconds()).padStart(3, '0')
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}.${ms}`
}
