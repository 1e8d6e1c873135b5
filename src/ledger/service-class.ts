/**
 * What providers call the classes of service that they bill apart: which of them a request asks for, and which of them
 * its answer is billed in. The words are those of OpenAI, Anthropic, Google, Amazon and Groq.
 */

import type { Prices, ServiceClass } from './prices.ts'

/** `any`: the provider chooses. `other`: a class that no price is published under, such as one that is paid for beforehand. */
export type AskedClass = ServiceClass | 'any' | 'other'

/** `other` has no price. */
export type BilledClass = ServiceClass | 'other'

/** The class that a word asks for; `undefined` where it is the usual one. */
export function askedClass(word: string | undefined): AskedClass | undefined {
  const name = word?.toLowerCase() ?? ''
  if (USUAL.has(name)) return undefined
  return name === ANY ? 'any' : (CLASSES.get(name) ?? 'other')
}

/**
 * The class that an answer is billed in, `undefined` for the usual one: what the answer tells, else what the request asked
 * for. A word that nobody here knows, told to a request that asked for no class at a model that is sold in none, is one
 * more word for the usual one.
 */
export function billedClass(
  { told, asked }: { readonly told: string | undefined; readonly asked: AskedClass | undefined },
  { classes }: Pick<Prices, 'classes'>,
): BilledClass | undefined {
  const wanted = asked === 'any' ? undefined : asked
  if (told === undefined || told === '') return wanted
  const billed = askedClass(told)
  if (billed === 'any') return wanted
  const isOwnWord = billed === 'other' && wanted === undefined && classes === undefined
  return isOwnWord && !PAID_BEFOREHAND.has(told.toLowerCase()) ? undefined : billed
}

/**
 * Whether a class is asked for that may cost more than all that is published of a model: one without a price, unless it is
 * a slower one, which is sold below the usual price wherever it is sold. A budget that pays for it refuses it, or takes the
 * price that is stated for what nobody knows: at the usual price the truth would pass the budget.
 */
export function isUnpriced(asked: AskedClass | undefined, { classes }: Pick<Prices, 'classes'>): boolean {
  return asked === 'other' || (asked === 'priority' && classes?.priority === undefined)
}

const ANY = 'auto'
const USUAL: ReadonlySet<string> = new Set([
  '',
  'default',
  'standard',
  'standard_only',
  'on_demand',
  'unspecified',
])
const CLASSES: ReadonlyMap<string, ServiceClass> = new Map([
  ['batch', 'batch'],
  ['flex', 'flex'],
  ['priority', 'priority'],
])
const PAID_BEFOREHAND: ReadonlySet<string> = new Set(['scale', 'reserved', 'provisioned_throughput'])
