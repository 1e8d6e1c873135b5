/** Says an amount of money in dollars, exactly: `0.000041` for 41,000 nano-dollars. */

import type { NanoUsd } from './prices.ts'

const DECIMALS = 9

/** Without a currency sign and without zeros at the end; `unknown` where the amount is. */
export function formatUsd(amount: NanoUsd | undefined): string {
  if (amount === undefined) return 'unknown'
  const digits = String(amount).padStart(DECIMALS + 1, '0')
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '')
  const whole = digits.slice(0, -DECIMALS)
  return fraction === '' ? whole : `${whole}.${fraction}`
}
