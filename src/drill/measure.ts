/** From the history of a world to what can be said of a route. Pure. */

import type { AttemptRecord } from '../telemetry/records.ts'
import { breakerTimelines } from './breaker-timeline.ts'
import type { ClientStory, History } from './engine/history.ts'
import { measureCost, type UsualPrices, usualPrices } from './measure-cost.ts'
import { quantile } from './quantile.ts'
import type { CourseStep, ErrorCount, Percentiles, RouteReport, TargetReport } from './report.ts'
import { DAY_MS } from './scenario.ts'

/** Steps of the day in charts: half an hour each. */
const STEPS = 48

export interface MeasuredRoute {
  /** As clients ask for it. */
  readonly name: string
  /** Every `provider/model` that may serve it, in order. */
  readonly targets: readonly string[]
}

/** One report for each route, in their order. */
export function measure(history: History, routes: readonly MeasuredRoute[]): readonly RouteReport[] {
  const prices = usualPrices(history.attempts)
  const attemptsOf = Map.groupBy(history.attempts, ({ exchangeId }) => exchangeId)
  const rescued = new Set(
    history.exchanges.filter(({ state }) => state === 'rescued').map(({ exchangeId }) => exchangeId),
  )
  const errorOf = new Map(history.exchanges.map(({ exchangeId, code }) => [exchangeId, code]))
  const toldStories = history.requests.map((story) => ({
    story,
    attempts: story.tries.flatMap(({ exchangeId }) => attemptsOf.get(exchangeId) ?? []),
    isRescued: rescued.has(story.tries.at(-1)?.exchangeId ?? ''),
    code: errorOf.get(story.tries.at(-1)?.exchangeId ?? ''),
  }))
  const byRoute = Map.groupBy(toldStories, ({ story }) => story.model)
  return routes.map((route) => measureRoute(route, byRoute.get(route.name) ?? [], { history, prices }))
}

interface ToldStory {
  readonly story: ClientStory
  /** Of all its tries. */
  readonly attempts: readonly AttemptRecord[]
  readonly isRescued: boolean
  /** What its last try failed of. */
  readonly code: string | undefined
}

interface Background {
  readonly history: History
  readonly prices: UsualPrices
}

function measureRoute(
  { name, targets }: MeasuredRoute,
  stories: readonly ToldStory[],
  { history, prices }: Background,
): RouteReport {
  const stayed = stories.filter(({ story }) => story.outcome !== 'left')
  const answered = stayed.filter(isAnswered)
  const truncated = stayed.filter(({ story }) => story.outcome === 'truncated')
  const lacking = stayed.filter((told) => !isAnswered(told))
  const attempts = stories.flatMap((told) => told.attempts)
  const firstToken = percentilesOf(stories)
  return {
    route: name,
    requests: stories.length,
    left: stories.length - stayed.length,
    answered: answered.length,
    rescued: answered.filter(({ isRescued }) => isRescued).length,
    savedByOthers: answered.filter((told) => told.attempts.length > 1).length,
    truncated: truncated.length,
    failed: lacking.length - truncated.length,
    errors: countErrors(lacking.map(({ story, code }) => code ?? story.outcome)),
    ...(stayed.length > 0 && {
      answeredShare: answered.length / stayed.length,
      truncatedShare: truncated.length / stayed.length,
    }),
    ...(firstToken && { firstToken }),
    attempts: {
      total: attempts.length,
      perRequest: stories.length === 0 ? 0 : attempts.length / stories.length,
      most: stories.reduce((most, told) => Math.max(most, told.attempts.length), 0),
    },
    cost: measureCost(attempts, prices),
    targets: targets.map((target) => measureTarget(target, attempts)),
    breakers: breakerTimelines(history.transitions, targets, Math.max(DAY_MS, history.endMs)),
    course: courseOf(stories, prices),
  }
}

function isAnswered({ story }: ToldStory): boolean {
  return story.outcome === 'answered'
}

/** From the client's first request to its first text, waits and tries between them included. Streams only: a plain answer has one moment. */
function percentilesOf(stories: readonly ToldStory[]): Percentiles | undefined {
  const times = stories.flatMap(({ story }) => {
    const begun = story.isStream
      ? story.tries.find(({ firstTextMs }) => firstTextMs !== undefined)
      : undefined
    return begun?.firstTextMs === undefined ? [] : [begun.startMs - story.startMs + begun.firstTextMs]
  })
  const sorted = times.toSorted((a, b) => a - b)
  const p50Ms = quantile(sorted, 0.5)
  const p99Ms = quantile(sorted, 0.99)
  return p50Ms === undefined || p99Ms === undefined
    ? undefined
    : { p50Ms: Math.round(p50Ms), p99Ms: Math.round(p99Ms) }
}

function measureTarget(target: string, attempts: readonly AttemptRecord[]): TargetReport {
  const own = attempts.filter((attempt) => attempt.target === target)
  const ended = (outcome: AttemptRecord['outcome']) => own.filter((attempt) => attempt.outcome === outcome)
  const failed = ended('failed')
  return {
    target,
    attempts: own.length,
    share: attempts.length === 0 ? 0 : own.length / attempts.length,
    completed: ended('completed').length,
    failed: failed.length,
    cancelled: ended('cancelled').length,
    errors: countErrors(failed.map(({ code }) => code ?? 'unknown')),
  }
}

/** Most frequent first, by name where as frequent. */
function countErrors(codes: readonly string[]): readonly ErrorCount[] {
  return [...Map.groupBy(codes, (code) => code)]
    .map(([code, { length }]) => ({ code, count: length }))
    .toSorted((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1))
}

function courseOf(stories: readonly ToldStory[], prices: UsualPrices): readonly CourseStep[] {
  const lengthMs = DAY_MS / STEPS
  const steps = Map.groupBy(stories, ({ story }) => Math.floor(story.startMs / lengthMs))
  return Array.from({ length: STEPS }, (_, index) => ({
    fromMs: index * lengthMs,
    untilMs: (index + 1) * lengthMs,
    ...measureStep(steps.get(index) ?? [], prices),
  }))
}

function measureStep(
  stories: readonly ToldStory[],
  prices: UsualPrices,
): Omit<CourseStep, 'fromMs' | 'untilMs'> {
  if (stories.length === 0) return { requests: 0 }
  const stayed = stories.filter(({ story }) => story.outcome !== 'left')
  const attempts = stories.flatMap((told) => told.attempts)
  const firstToken = percentilesOf(stories)
  const { extraShare } = measureCost(attempts, prices)
  return {
    requests: stories.length,
    ...(stayed.length > 0 && { answeredShare: stayed.filter(isAnswered).length / stayed.length }),
    ...(firstToken && { firstToken }),
    attemptsPerRequest: attempts.length / stories.length,
    ...(extraShare !== undefined && { extraShare }),
  }
}
