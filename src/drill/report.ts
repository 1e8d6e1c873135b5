/** What a drill found, as values: what `--json` prints, and what text and page are written from. */

import type { Objectives, WeatherEvent } from './scenario.ts'

/** The shape below; a field that changes its meaning takes a new number. */
export const REPORT_FORMAT = 1

/** Moments and lengths are ms of the played day, shares go from 0 to 1, money is nano-USD. */
export interface DrillReport {
  readonly format: typeof REPORT_FORMAT
  readonly scenario: {
    readonly name: string
    readonly about: string
    readonly weather: readonly WeatherEvent[]
  }
  readonly seed: number
  /** Client requests that were played. */
  readonly requests: number
  readonly dayMs: number
  /** No objective that somebody stated was missed. */
  readonly isPassed: boolean
  readonly routes: readonly JudgedRoute[]
  /** What the environment or a file lacked and a drill does not need, by name. */
  readonly placeholders: readonly string[]
}

export interface JudgedRoute extends RouteReport {
  readonly verdict: Verdict
  readonly advice: readonly Advice[]
}

export interface RouteReport {
  /** The route, or `provider/model`. */
  readonly route: string
  readonly requests: number
  /** Clients that left by themselves; they count for nothing else here. */
  readonly left: number
  /** Whole answers. */
  readonly answered: number
  /** Of the answered: streams that broke off and were finished by another call. */
  readonly rescued: number
  /** Of the answered: those that took more than one upstream call. */
  readonly savedByOthers: number
  /** Answers that ended in the middle, and said so. */
  readonly truncated: number
  /** Everything else: an error, or a lost connection. */
  readonly failed: number
  /** What failed and truncated requests were told, most frequent first. */
  readonly errors: readonly ErrorCount[]
  /** Of those who did not leave; absent where nobody stayed. */
  readonly answeredShare?: number
  readonly truncatedShare?: number
  /** Until the first text of streams, the client's own retries included; absent where none began. */
  readonly firstToken?: Percentiles
  readonly attempts: { readonly total: number; readonly perRequest: number; readonly most: number }
  readonly cost: CostReport
  readonly targets: readonly TargetReport[]
  readonly breakers: readonly BreakerTimeline[]
  /** The day in equal steps. */
  readonly course: readonly CourseStep[]
}

export interface ErrorCount {
  readonly code: string
  readonly count: number
}

export interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
}

export interface CostReport {
  /** What it is counted in: money where every target has a price, else calls. */
  readonly basis: 'money' | 'calls'
  /** Nano-USD, or calls that may have cost something. */
  readonly total: number
  /** Of it: what was paid and not delivered. Calls that broke off are estimated at their target's usual price. */
  readonly waste: number
  /** Absent where nothing was spent. */
  readonly extraShare?: number
}

export interface TargetReport {
  /** `provider/model`. */
  readonly target: string
  readonly attempts: number
  /** Of the route's attempts. */
  readonly share: number
  readonly completed: number
  readonly failed: number
  /** Another call was faster, or the client left. */
  readonly cancelled: number
  /** Of the failures, most frequent first. */
  readonly errors: readonly ErrorCount[]
}

export interface BreakerTimeline {
  /** `provider/model`. */
  readonly target: string
  /** Which key, where the provider has several; from 1. */
  readonly key: number
  /** Whatever was not closed, in order. */
  readonly spans: readonly BreakerSpan[]
}

export interface BreakerSpan {
  /** `open`, `half-open`, `limited`, `exhausted` or `auth-dead`. */
  readonly state: string
  readonly fromMs: number
  readonly untilMs: number
  /** An error's code, or what else it came of. */
  readonly cause: string
}

/** One step of the day; what nobody asked in it is absent. */
export interface CourseStep {
  readonly fromMs: number
  readonly untilMs: number
  readonly requests: number
  readonly answeredShare?: number
  readonly firstToken?: Percentiles
  readonly attemptsPerRequest?: number
  readonly extraShare?: number
}

export interface Verdict {
  /** `idle`: nobody asked for it. */
  readonly result: 'passed' | 'missed' | 'idle'
  readonly objectives: readonly JudgedObjective[]
}

export interface JudgedObjective {
  readonly objective: keyof Objectives
  readonly limit: number
  /** Absent where there was nothing to measure. */
  readonly measured?: number
  readonly isMet: boolean
  /** Somebody asked for it; else it is a default, which never fails a drill. */
  readonly isStated: boolean
}

export interface Advice {
  /** Stable, kebab-case. */
  readonly rule: string
  /** Whole sentences: what was seen, and what to change. */
  readonly text: string
}
