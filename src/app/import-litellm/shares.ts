/** How much of the traffic each deployment of a name has, and what becomes of the fields that say it. */

import type { Findings } from './findings.ts'
import type { Deployment } from './read-deployment.ts'

const FIELDS = ['weight', 'rpm', 'tpm'] as const
type ShareField = (typeof FIELDS)[number]

export interface Shares {
  readonly field: ShareField
  /** One for each deployment, in their order. */
  readonly weights: readonly number[]
}

const WEIGHT_MAX = 1_000_000

/**
 * As LiteLLM draws (litellm/router_strategy/simple_shuffle.py, 1.110): by weight where any deployment has one, else by
 * requests, else by tokens a minute; one that does not say it counts as zero. `undefined`: evenly.
 */
export function sharesOf(deployments: readonly Deployment[]): Shares | undefined {
  for (const field of FIELDS) {
    const values = deployments.map((deployment) => deployment[field] ?? 0)
    const largest = Math.max(...values)
    if (largest <= 0) continue
    const scale = largest > WEIGHT_MAX ? WEIGHT_MAX / largest : 1
    return { field, weights: values.map((value) => Math.round(value * scale * 1_000) / 1_000) }
  }
  return undefined
}

const LIMITS = 'limits are set on keys (holdfast key create --rpm --tpm)'

/** `counted`: what the deployments are drawn by; absent where nothing is drawn by shares. */
export function sayShares(
  deployments: readonly Deployment[],
  counted: ShareField | undefined,
  findings: Findings,
): void {
  for (const deployment of deployments) {
    const { params, place } = deployment
    for (const field of FIELDS) {
      if (deployment[field] === undefined || (field === 'weight' && field === counted)) continue
      if (field === counted)
        findings.changes(
          params.at(field),
          `counts as its weight among the deployments of its name; ${LIMITS}`,
        )
      else if (counted !== undefined)
        findings.cannot(
          params.at(field),
          `does not count: those of its name are drawn by ${counted}; ${LIMITS}`,
        )
      else if (field === 'weight')
        findings.cannot(params.at(field), 'does not count: nothing is drawn by weight')
      else findings.cannot(params.at(field), `does not count: nothing is drawn by weight; ${LIMITS}`)
    }
    if (counted !== undefined && deployment[counted] === undefined)
      findings.changes(
        place,
        `has no ${counted} where others of its name do, and so counts 0 as LiteLLM draws: it is asked when they fail`,
      )
  }
}
