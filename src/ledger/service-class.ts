/**
 * What providers call the classes of service that they bill apart: which of them a request asks for, and which of them
 * its answer is billed in. The words are those of OpenAI, Anthropic, Google, Amazon and Groq.
 */

import type { Prices, ServiceClass } from './prices.ts'

/** `any`: the provider chooses. `other`: a class that no price is published under, such as one that is paid for beforehand. */
export type AskedClass = ServiceClass | 'any' | 'other'

/** `other` has no price. */
export type BilledClass = ServiceClass | 'other'

/** What a request asks for of how it is served, or an answer tells of it, in the provider's words. */
export interface ServiceWords {
  readonly serviceTier?: string | undefined
  /** Anthropic's, which goes before the tier: what is fast is sold in no other class. */
  readonly speed?: string | undefined
}

/** The class that is asked for; `undefined` where it is the usual one. */
export function askedClass({ serviceTier, speed }: ServiceWords): AskedClass | undefined {
  const fast = namedClass(speed)
  return fast === undefined || fast === 'any' ? namedClass(serviceTier) : fast
}

function namedClass(word: string | undefined): AskedClass | undefined {
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
  { told, asked }: { readonly told: ServiceWords; readonly asked: AskedClass | undefined },
  { classes }: Pick<Prices, 'classes'>,
): BilledClass | undefined {
  const { serviceTier, speed } = told
  const fast = namedClass(speed)
  if (fast !== undefined && fast !== 'any') return fast
  // A tier that is told says nothing of the speed.
  if (asked === 'fast' && !speed) return asked
  return billedTier(serviceTier, asked === 'any' || asked === 'fast' ? undefined : asked, classes)
}

function billedTier(
  told: string | undefined,
  wanted: BilledClass | undefined,
  classes: Prices['classes'],
): BilledClass | undefined {
  if (told === undefined || told === '') return wanted
  const billed = namedClass(told)
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
  return asked === 'other' || (isDearer(asked) && classes?.[asked] === undefined)
}

function isDearer(asked: AskedClass | undefined): asked is 'priority' | 'fast' {
  return asked === 'priority' || asked === 'fast'
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
  ['fast', 'fast'],
])
const PAID_BEFOREHAND: ReadonlySet<string> = new Set(['scale', 'reserved', 'provisioned_throughput'])
