/** Money as people and programs write it: dollars as text, exact, of whole billionths. */

import { BUDGET_NANO_USD_MAX } from './budget.ts'
import type { NanoUsd } from './prices.ts'

const DECIMALS = 9
const ZERO = 0x30
const DOLLARS = /^(\d{1,7})(?:\.(\d{1,9}))?$/

/** For people, without a currency sign and without zeros at the end: `0.000041`; `unknown` where the amount is. */
export function formatUsd(amount: NanoUsd | undefined): string {
  if (amount === undefined) return 'unknown'
  const text = writeUsd(amount)
  const point = text.length - DECIMALS - 1
  // By hand: it is made for every answer, and a pattern costs as much as the rest of it.
  let end = text.length
  while (end > point + 1 && text.charCodeAt(end - 1) === ZERO) end -= 1
  return text.slice(0, end === point + 1 ? point : end)
}

/** With all nine decimals: `12.500000000`. */
export function writeUsd(nanoUsd: number): string {
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
