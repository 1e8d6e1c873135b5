/** The limits of a key or a project as flags say them: the same flags for both, each for one limit. */

import type { RateLimits } from '../keys/records.ts'
import { readWhole } from './read-values.ts'

export interface LimitOptions {
  readonly rpm?: string
  readonly inputTpm?: string
  readonly outputTpm?: string
  readonly tpm?: string
  readonly concurrency?: string
}

const FIELDS = {
  rpm: 'requestsPerMinute',
  'input-tpm': 'inputTokensPerMinute',
  'output-tpm': 'outputTokensPerMinute',
  tpm: 'tokensPerMinute',
  concurrency: 'concurrentRequests',
} as const satisfies Record<string, keyof RateLimits>

/** The flags, without their dashes. */
export const LIMIT_FLAGS = Object.keys(FIELDS)

/** Without those that no flag names. */
export function readLimits({ rpm, inputTpm, outputTpm, tpm, concurrency }: LimitOptions): RateLimits {
  return {
    ...(rpm !== undefined && { requestsPerMinute: readWhole(rpm, 'rpm') }),
    ...(inputTpm !== undefined && { inputTokensPerMinute: readWhole(inputTpm, 'input-tpm') }),
    ...(outputTpm !== undefined && { outputTokensPerMinute: readWhole(outputTpm, 'output-tpm') }),
    ...(tpm !== undefined && { tokensPerMinute: readWhole(tpm, 'tpm') }),
    ...(concurrency !== undefined && { concurrentRequests: readWhole(concurrency, 'concurrency') }),
  }
}

/** Those that were, with what flags name in their place, and without what is taken away; `null` where none is left. */
export function changedLimits(
  before: RateLimits | undefined,
  options: LimitOptions,
  unset: ReadonlySet<string>,
): RateLimits | null {
  const gone = new Set<string>(
    Object.entries(FIELDS).flatMap(([flag, field]) => (unset.has(flag) ? field : [])),
  )
  const left = Object.entries({ ...before, ...readLimits(options) }).filter(([field]) => !gone.has(field))
  return left.length === 0 ? null : Object.fromEntries(left)
}

/** `rpm 60, tpm 10000`. */
export function sayLimits(limits: RateLimits = {}): string {
  const said = Object.entries(FIELDS).flatMap(([flag, field]) =>
    limits[field] === undefined ? [] : [`${flag} ${limits[field]}`],
  )
  return said.length === 0 ? 'no limits' : said.join(', ')
}
