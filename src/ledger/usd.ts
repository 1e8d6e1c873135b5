/** Money as the admin API says it: dollars as text with nine digits, exact, and beside it whole billionths. */

import { BUDGET_NANO_USD_MAX } from '../../ledger/budget.ts'
import type { NanoUsd } from '../../ledger/prices.ts'

const DECIMALS = 9
const DOLLARS = /^(\d{1,7})(?:\.(\d{1,9}))?$/

/** `12.500000000` for twelve and a half dollars. */
export function sayUsd(nanoUsd: number): string {
  const digits = String(nanoUsd).padStart(DECIMALS + 1, '0')
  return `${digits.slice(0, -DECIMALS)}.${digits.slice(-DECIMALS)}`
}

/** `undefined` where the text is no amount of dollars, or more than a budget may hold. */
export function readUsd(text: string): NanoUsd | undefined {
  const [, whole, fraction = ''] = DOLLARS.exec(text) ?? []
  if (whole === undefined) return undefined
  const nanoUsd = Number(whole + fraction.padEnd(DECIMALS, '0'))
  // Sound: a whole number, from digits alone, within the bound that is checked here.
  return nanoUsd <= BUDGET_NANO_USD_MAX ? (nanoUsd as NanoUsd) : undefined
}
