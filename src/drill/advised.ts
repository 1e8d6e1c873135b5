/** What advice is given from, and the questions that several rules ask of it. Pure. */

import type { ConfiguredRoute, HoldfastConfig } from '../app/config/config.ts'
import type { Objectives } from './scenario.ts'
import type { RouteReport, Verdict } from './report.ts'

export interface Advised {
  readonly report: RouteReport
  readonly verdict: Verdict
  /** Absent where a model was asked for directly. */
  readonly route: ConfiguredRoute | undefined
  readonly config: Pick<HoldfastConfig, 'providers' | 'limits'>
}

/** Whole sentences; `undefined` where the rule has nothing to say. */
export type Rule = (advised: Advised) => string | undefined

export function targetsOf({ route, report }: Advised): readonly string[] {
  return route?.targets ?? [report.route]
}

export function providerOf(target: string): string {
  return target.slice(0, Math.max(0, target.indexOf('/')))
}

export function isMissed({ verdict }: Advised, objective: keyof Objectives): boolean {
  return verdict.objectives.some((one) => one.objective === objective && !one.isMet)
}

/** How many requests were told this code. */
export function toldCount({ report }: Advised, code: string): number {
  return report.errors.find((error) => error.code === code)?.count ?? 0
}

/** Whether a code is at least this part of what requests failed or were cut off with. */
export function isPartOfFailures(advised: Advised, code: string, part: number): boolean {
  const count = toldCount(advised, code)
  return count > 0 && count >= part * (advised.report.failed + advised.report.truncated)
}

/** `1 request was`, `3 requests were`. */
export function requestsWere(count: number): string {
  return count === 1 ? '1 request was' : `${count} requests were`
}
