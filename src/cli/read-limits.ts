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
