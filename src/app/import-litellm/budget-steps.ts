/** Budgets of the imported file: none stands in a file here, so that each becomes a command. */

import type { BudgetPeriod } from '../../ledger/budget.ts'
import type { Fields } from './findings.ts'
import type { ImportContext } from './import-context.ts'

export interface BudgetAsk {
  /** What holds `max_budget` and `budget_duration`. */
  readonly fields: Fields
  /** As `holdfast budget create --for` takes it. */
  readonly scope: string
}

export function sayBudget({ fields, scope }: BudgetAsk, { findings, steps }: ImportContext): void {
  const limit = fields.number('max_budget')
  if (limit === undefined) return
  const duration = fields.text('budget_duration') ?? ''
  const found = periodOf(duration)
  if (found === undefined) {
    findings.cannot(fields.at('budget_duration'), NO_DURATION)
    findings.cannot(fields.at('max_budget'), 'is no budget while its duration cannot be read')
    return
  }
  const step = budgetStep(scope, limit, found.period)
  steps.push(step)
  findings.changes(fields.at('max_budget'), `a budget is made by a command: ${step}`)
  if (!found.isExact)
    findings.changes(fields.at('budget_duration'), inexactly({ duration, limit, period: found.period }))
}

const NO_DURATION =
  'is no duration such as 24h, 7d or 1mo: make the budget with holdfast budget create, --per day, week, month or total'

interface FoundPeriod {
  readonly period: BudgetPeriod
  /** Whether it is what the file says, or the nearest there is. */
  readonly isExact: boolean
}

const DAY_S = 86_400
const MONTH_S = 30 * DAY_S

/**
 * The shortest period that is as long as the duration: with the amount kept, a shorter one would let more be spent than
 * was meant. `undefined` where the text is no duration.
 */
function periodOf(duration: string): FoundPeriod | undefined {
  if (duration === '') return { period: 'total', isExact: true }
  const seconds = secondsOf(duration)
  if (seconds === undefined) return undefined
  if (seconds <= DAY_S) return { period: 'day', isExact: seconds === DAY_S }
  if (seconds <= 7 * DAY_S) return { period: 'week', isExact: seconds === 7 * DAY_S }
  if (seconds <= MONTH_S + DAY_S) return { period: 'month', isExact: seconds >= MONTH_S }
  return { period: 'total', isExact: false }
}

const unitSeconds: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3_600,
  d: DAY_S,
  w: 7 * DAY_S,
  mo: MONTH_S,
}

const words: Readonly<Record<string, number>> = { daily: DAY_S, weekly: 7 * DAY_S, monthly: MONTH_S }

function secondsOf(duration: string): number | undefined {
  if (Object.hasOwn(words, duration)) return words[duration]
  const [, number, unit = ''] = /^([1-9]\d{0,8})(mo|[smhdw])$/.exec(duration) ?? []
  const factor = unitSeconds[unit]
  return factor === undefined ? undefined : Number(number) * factor
}

interface InexactPeriod {
  readonly duration: string
  /** US dollars. */
  readonly limit: number
  readonly period: BudgetPeriod
}

function inexactly({ duration, limit, period }: InexactPeriod): string {
  const became =
    period === 'total'
      ? `${limit} in all, which never begins anew`
      : `${limit} per ${period}, the shortest period that is not shorter`
  return `there is no period of ${duration} here: it became ${became}, so that no more is spent than was meant; give another --limit where that is too little`
}

/** `holdfast budget create ...`, as it is to be typed. */
function budgetStep(scope: string, limit: number, period: BudgetPeriod): string {
  const target = /^[A-Za-z0-9._:/-]+$/.test(scope) ? scope : `'${scope.replaceAll("'", "'\\''")}'`
  return `holdfast budget create --for ${target} --limit ${limit} --per ${period}`
}
