/** A public model name and how it is served. */

import type { Target } from '../providers/provider.ts'

export interface Route {
  readonly name: string
  /** In order of preference; never empty. */
  readonly targets: readonly Target[]
  /** Limit over everything that is done for one request, ms. */
  readonly deadlineMs: number
  /** Second tries, over all targets; every target gets its first try whatever this says, within ATTEMPTS_MAX. */
  readonly retries: number
  /** Refuse rather than lose: a request that a target cannot fully express skips that target. */
  readonly isStrict: boolean
}
