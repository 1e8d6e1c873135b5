/** Numbers of a report as people read them, the same in text and page. */

import { formatUsd } from '../ledger/format-usd.ts'
import type { NanoUsd } from '../ledger/prices.ts'
import type { CostReport, JudgedObjective } from './report.ts'

export function sayShare(share: number | undefined): string {
  return share === undefined ? '-' : `${(share * 100).toFixed(share > 0.99 && share < 1 ? 2 : 1)} %`
}

export function sayMs(ms: number | undefined): string {
  if (ms === undefined) return '-'
  return ms < 1_000 ? `${Math.round(ms)} ms` : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 1)} s`
}

/** `14:05` of the played day. */
export function sayMoment(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`
}

export function sayCost({ basis, total, waste, extraShare }: CostReport): string {
  const said = basis === 'calls' ? `${waste} of ${total} calls` : `${usd(waste)} of ${usd(total)} USD`
  return `${sayShare(extraShare)} (${said})`
}

function usd(nanoUsd: number): string {
  // Sound: amounts of a report are whole numbers of nano-dollars once rounded.
  return formatUsd(Math.round(nanoUsd) as NanoUsd)
}

const NAMES: Readonly<Record<JudgedObjective['objective'], string>> = {
  answeredShare: 'answered',
  firstTokenP99Ms: 'first token p99',
  extraCostShare: 'extra cost',
  truncatedShare: 'truncated',
}

/** `answered 99.95 % (at least 99.90 %)`. */
export function sayObjective({ objective, limit, measured }: JudgedObjective): string {
  const say = objective === 'firstTokenP99Ms' ? sayMs : sayShare
  const bound = objective === 'answeredShare' ? 'at least' : 'at most'
  return `${NAMES[objective]} ${say(measured)} (${bound} ${say(limit)})`
}

/** The latest timeline spans, which a report is too short for, are counted. */
export const SPANS_SHOWN_MAX = 8
