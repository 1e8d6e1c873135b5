/** The values of the command line: money, periods, lengths of time and moments, each read exactly or refused with a word on how to write it. */

import { LIMIT_MAX } from '../keys/directory-edit.ts'
import type { BudgetPeriod } from '../ledger/budget.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import { readUsd } from '../ledger/usd.ts'
import { CommandRefusal } from './refusal.ts'

const PERIODS: readonly BudgetPeriod[] = ['day', 'week', 'month', 'total']

/** `5`, `$0.01`, `12.50 USD`. */
export function readMoney(text: string): NanoUsd {
  const amount = readUsd(
    text
      .trim()
      .replace(/^\$\s*/, '')
      .replace(/\s*(?:usd|\$)$/i, ''),
  )
  if (amount !== undefined && amount > 0) return amount
  throw new CommandRefusal(
    `${shown(text)} is no amount of dollars: write 5 or 0.01, at most 1000000, with at most nine decimals`,
  )
}

export function readPeriod(text: string): BudgetPeriod {
  const word = text.trim().toLowerCase()
  const period = PERIODS.find((one) => one === word) ?? OTHER_WORDS.get(word)
  if (period !== undefined) return period
  throw new CommandRefusal(`${shown(text)} is no period: write ${PERIODS.join(', ')}`)
}

const OTHER_WORDS: ReadonlyMap<string, BudgetPeriod> = new Map([
  ['daily', 'day'],
  ['weekly', 'week'],
  ['monthly', 'month'],
  ['ever', 'total'],
])

/** `5/day`, `5 per day`, `0.01 total`; an amount alone is one for ever. */
export function readAllowance(text: string): {
  readonly limitNanoUsd: NanoUsd
  readonly period: BudgetPeriod
} {
  const match = /^(.+?)(?:\s*\/\s*|\s+per\s+|\s+)([a-z]+)$/i.exec(text.trim())
  if (match === null || /^usd$/i.test(match[2] ?? ''))
    return { limitNanoUsd: readMoney(text), period: 'total' }
  return { limitNanoUsd: readMoney(match[1] ?? ''), period: readPeriod(match[2] ?? '') }
}

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}
/** Ten years, ms. */
const LENGTH_MAX_MS = 315_360_000_000
const LENGTH_MAX = '3650d'

/** `30d`, `24h`, `15m`; `0` for none. */
export function readLength(text: string): number {
  const match = /^(\d+)\s*([smhdw])$/.exec(text.trim())
  const lengthMs = text.trim() === '0' ? 0 : Number(match?.[1]) * (UNITS_MS[match?.[2] ?? ''] ?? Number.NaN)
  if (lengthMs <= LENGTH_MAX_MS) return lengthMs
  if (lengthMs > LENGTH_MAX_MS)
    throw new CommandRefusal(`${shown(text)} is too long a time: at most ${LENGTH_MAX}`)
  throw new CommandRefusal(`${shown(text)} is no length of time: write 30d, 24h or 15m`)
}

/** A day, a moment (UTC where it names no zone), or how long ago: `2026-11-01`, `2026-11-01T12:00`, `7d`. */
export function readMoment(text: string, nowMs: number): number {
  const word = text.trim()
  if (/^\d+\s*[smhdw]$/.test(word)) return nowMs - readLength(word)
  const match =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)(Z|[+-]\d{2}:\d{2})?)?$/.exec(word)
  const atMs =
    match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`)
  // Days that are none roll over into the next month.
  const isDay =
    match !== null &&
    (match[3] !== undefined || new Date(atMs || 0).toISOString().startsWith(match[1] ?? '-'))
  if (Number.isFinite(atMs) && isDay) return atMs
  throw new CommandRefusal(
    `${shown(text)} is no moment: write 2026-11-01, 2026-11-01T12:00, or 7d for seven days ago`,
  )
}

const COUNT_DEFAULT = 20
const COUNT_MAX = 500

/** How many lines are shown, of `--limit`. */
export function readCount(text: string | undefined): number {
  return text === undefined ? COUNT_DEFAULT : readWhole(text, 'limit', COUNT_MAX)
}

/** `largest`: the largest that is taken. Default: that of limits. */
export function readWhole(text: string, name: string, largest = LIMIT_MAX): number {
  const value = /^\d+$/.test(text.trim()) ? Number(text) : 0
  if (value > largest) throw new CommandRefusal(`--${name}: ${shown(text)} is too large: at most ${largest}`)
  if (value >= 1) return value
  throw new CommandRefusal(`--${name}: ${shown(text)} is no whole number from 1 on`)
}

/** `a,b c`: names with commas or spaces between them. */
export function readNames(text: string): readonly string[] {
  return [...new Set(text.split(/[,\s]+/).filter((name) => name !== ''))]
}

export function shown(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text)
}
