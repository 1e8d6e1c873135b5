/**
 * The one parser of what providers write into Retry-After and reset headers: seconds, durations and dates in half a
 * dozen spellings. A value that makes no sense is ignored and named, never guessed at.
 */

/** Why a value was ignored; a bounded set, fit for counting. */
export type ResetAnomaly = 'unparsable' | 'negative' | 'over-24-hours' | 'undated'

export interface RetryAfter {
  /** How long the provider asks us to wait, ms. Absent where it says nothing that makes sense. */
  readonly waitMs?: number
  /** What was ignored on the way to that. */
  readonly anomaly?: ResetAnomaly
}

/** A wait longer than this is taken for a mistake, or for something that no retry should wait for. */
export const RESET_MAX_MS = 86_400_000

/** Plain numbers above this are points in time: seconds since the Unix epoch, or milliseconds. */
const EPOCH_MIN = 1e9
/** Epoch seconds stay below this for the next three thousand years; epoch milliseconds were above it in 1973. */
const EPOCH_MS_MIN = 1e11
/** No sane value is longer; the bound keeps hostile headers cheap. */
const VALUE_LENGTH_MAX = 128

/**
 * How long to wait by a response's headers (lower-case names). `retry-after-ms` wins over `retry-after`, since it says
 * the same more finely. Dates are read against the response's own `date`, so that a provider's skewed clock does no
 * harm; `wallMs`, ms since the Unix epoch, stands in where the response has none.
 */
export function parseRetryAfter(headers: Readonly<Record<string, string>>, wallMs?: number): RetryAfter {
  const fine = headers['retry-after-ms']
  const coarse = headers['retry-after']
  const fromFine = fine === undefined ? undefined : toRetryAfter(readMilliseconds(fine))
  if (fromFine?.waitMs !== undefined || coarse === undefined) return fromFine ?? {}
  const nowMs = parseDate(headers['date'] ?? '') ?? wallMs
  return { ...fromFine, ...toRetryAfter(readReset(coarse, nowMs)) }
}

/**
 * The ms until the moment `text` names: seconds (`7`, `24479.62`), a duration (`34.4s`, `6m0s`, `1h2m3.5s`, `120ms`),
 * an HTTP date, an RFC 3339 date, epoch seconds or milliseconds. Points in time need `nowMs`, ms since the Unix
 * epoch. `undefined` for what is negative, longer than 24 hours or none of these.
 */
export function parseDuration(text: string, nowMs?: number): number | undefined {
  const reset = readReset(text, nowMs)
  return typeof reset === 'number' ? reset : undefined
}

type Reset = number | ResetAnomaly

function toRetryAfter(reset: Reset): RetryAfter {
  return typeof reset === 'number' ? { waitMs: reset } : { anomaly: reset }
}

function readReset(text: string, nowMs: number | undefined): Reset {
  if (text.length > VALUE_LENGTH_MAX) return 'unparsable'
  const value = text.trim()
  const number = parseNumber(value)
  if (number !== undefined)
    return number > EPOCH_MIN ? until(epochMs(number), nowMs) : bounded(number * 1_000)
  const durationMs = parseGoDuration(value)
  if (durationMs !== undefined) return bounded(durationMs)
  const dateMs = parseDate(value)
  return dateMs === undefined ? 'unparsable' : until(dateMs, nowMs)
}

function readMilliseconds(text: string): Reset {
  const number = text.length > VALUE_LENGTH_MAX ? undefined : parseNumber(text.trim())
  return number === undefined ? 'unparsable' : bounded(number)
}

function until(momentMs: number, nowMs: number | undefined): Reset {
  return nowMs === undefined ? 'undated' : bounded(momentMs - nowMs)
}

function bounded(durationMs: number): Reset {
  if (durationMs < 0) return 'negative'
  return durationMs > RESET_MAX_MS ? 'over-24-hours' : durationMs + 0
}

function epochMs(value: number): number {
  return value < EPOCH_MS_MIN ? value * 1_000 : value
}

/** A plain decimal number: `Number` alone would also take '', '0x10', '1e9' and 'Infinity'. */
function parseNumber(value: string): number | undefined {
  return /^-?(?:\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : undefined
}

const UNIT_MS: Readonly<Record<string, number>> = {
  d: 86_400_000,
  h: 3_600_000,
  m: 60_000,
  s: 1_000,
  ms: 1,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ns: 1e-6,
}

/** Go's `time.Duration`, and days. */
function parseGoDuration(value: string): number | undefined {
  const isNegative = value.startsWith('-')
  const body = isNegative ? value.slice(1) : value
  if (!/^(?:\d+(?:\.\d*)?(?:ns|us|µs|μs|ms|[dhms]))+$/.test(body)) return undefined
  let sumMs = 0
  for (const [, amount, unit] of body.matchAll(/([\d.]+)([^\d.]+)/g)) {
    sumMs += Number(amount) * (UNIT_MS[unit ?? ''] ?? Number.NaN)
  }
  return isNegative ? -sumMs : sumMs
}

const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/
const MONTH = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)'
/** The three forms of RFC 9110, section 5.6.7. The week day is not held against the date. */
const IMF_FIXDATE = new RegExp(`^[A-Z][a-z]{2}, \\d\\d ${MONTH} \\d{4} \\d\\d:\\d\\d:\\d\\d GMT$`)
const RFC_850_DATE = new RegExp(`^[A-Z][a-z]{5,8}, \\d\\d-${MONTH}-\\d\\d \\d\\d:\\d\\d:\\d\\d GMT$`)
const ASCTIME_DATE = new RegExp(`^[A-Z][a-z]{2} ${MONTH} [ \\d]\\d \\d\\d:\\d\\d:\\d\\d \\d{4}$`)

/** Ms since the Unix epoch. The shapes are checked here, since `Date.parse` alone takes almost anything for a date. */
function parseDate(value: string): number | undefined {
  if (RFC_3339.test(value)) return finite(Date.parse(value.toUpperCase().replace(' ', 'T')))
  if (IMF_FIXDATE.test(value) || RFC_850_DATE.test(value)) return finite(Date.parse(value))
  if (ASCTIME_DATE.test(value)) return finite(Date.parse(`${value} GMT`))
  return undefined
}

function finite(momentMs: number): number | undefined {
  return Number.isFinite(momentMs) ? momentMs : undefined
}
