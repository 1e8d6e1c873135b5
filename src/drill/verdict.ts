/** Whether a route did what was asked of it. Pure. */

import type { JudgedObjective, RouteReport, Verdict } from './report.ts'
import { DEFAULT_OBJECTIVES, type Objectives } from './scenario.ts'

/** Shares are quotients: `99.9%` and 999 of 1,000 differ in the last digit. */
const ROUNDING = 1e-9

export function judge(report: RouteReport, stated: Partial<Objectives>): Verdict {
  const { requests, answeredShare, truncatedShare, firstToken, cost } = report
  const atLeast = (measured: number, limit: number) => measured >= limit - ROUNDING
  const atMost = (measured: number, limit: number) => measured <= limit + ROUNDING
  const objectives: readonly JudgedObjective[] = [
    one('answeredShare', answeredShare, atLeast, stated),
    one('firstTokenP99Ms', firstToken?.p99Ms, atMost, stated),
    one('extraCostShare', cost.extraShare, atMost, stated),
    one('truncatedShare', truncatedShare, atMost, stated),
  ]
  if (requests === 0) return { result: 'idle', objectives: [] }
  return { result: objectives.every(({ isMet }) => isMet) ? 'passed' : 'missed', objectives }
}

/** Only what somebody stated can fail a drill. */
export function isStatedMissed({ objectives }: Verdict): boolean {
  return objectives.some(({ isMet, isStated }) => isStated && !isMet)
}

/** What could not be measured is not missed: the share of answers tells of it. */
function one(
  objective: keyof Objectives,
  measured: number | undefined,
  holds: (measured: number, limit: number) => boolean,
  stated: Partial<Objectives>,
): JudgedObjective {
  const limit = stated[objective] ?? DEFAULT_OBJECTIVES[objective]
  return {
    objective,
    limit,
    ...(measured !== undefined && { measured }),
    isMet: measured === undefined || holds(measured, limit),
    isStated: stated[objective] !== undefined,
  }
}
