/** A drill's report for a terminal. Pure. */

import type { DrillReport, JudgedRoute } from './report.ts'
import { sayCost, sayMoment, sayMs, sayObjective, sayShare, SPANS_SHOWN_MAX } from './say.ts'

export interface TextStyle {
  (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string): string
}

export function reportText(report: DrillReport, style: TextStyle): string {
  const { scenario, requests, seed, routes, placeholders, isPassed } = report
  const lines = [
    `${style('bold', scenario.name)}: ${scenario.about}`,
    style('dim', `a day of ${requests} requests under virtual time, seed ${seed}; nothing was dialled`),
    ...(placeholders.length === 0 ? [] : [style('dim', `placeholders stand for ${placeholders.join(', ')}`)]),
    '',
    ...routes.flatMap((route) => [...routeLines(route, style), '']),
    isPassed
      ? style('green', 'No stated objective was missed.')
      : style('red', 'A stated objective was missed.'),
  ]
  return lines.join('\n')
}

function routeLines(route: JudgedRoute, style: TextStyle): readonly string[] {
  const { verdict, requests } = route
  const heading = `${style('bold', route.route)}: ${sayResult(route, style)}`
  if (requests === 0) return [heading, '  nobody asked for it']
  const missed = verdict.objectives.filter(({ isMet }) => !isMet)
  return [
    heading,
    `  answered      ${sayShare(route.answeredShare)} of ${requests - route.left} (${route.savedByOthers} took more than one call, ${route.rescued} streams were rescued)`,
    `  truncated     ${route.truncated}, failed ${route.failed}${errorsOf(route)}`,
    `  first token   p50 ${sayMs(route.firstToken?.p50Ms)}, p99 ${sayMs(route.firstToken?.p99Ms)}`,
    `  attempts      ${route.attempts.perRequest.toFixed(2)} a request, ${route.attempts.most} at most`,
    `  extra cost    ${sayCost(route.cost)}`,
    ...route.targets.map(
      ({ target, share, completed, failed }) =>
        `  target        ${target}: ${sayShare(share)} of the calls, ${completed} whole, ${failed} failed`,
    ),
    ...timelineLines(route),
    ...missed.map((objective) =>
      style(objective.isStated ? 'red' : 'yellow', `  missed        ${sayObjective(objective)}`),
    ),
    ...route.advice.map(({ text }) => `  change        ${text}`),
  ]
}

function sayResult({ verdict }: JudgedRoute, style: TextStyle): string {
  if (verdict.result === 'passed') return style('green', 'passed')
  if (verdict.result === 'idle') return style('dim', 'idle')
  const isStated = verdict.objectives.some((one) => one.isStated && !one.isMet)
  return style(isStated ? 'red' : 'yellow', 'missed')
}

function errorsOf({ errors }: JudgedRoute): string {
  if (errors.length === 0) return ''
  return `: ${errors.map(({ code, count }) => `${count} ${code}`).join(', ')}`
}

function timelineLines({ breakers }: JudgedRoute): readonly string[] {
  return breakers.flatMap(({ target, key, spans }) => {
    const shown = spans.slice(0, SPANS_SHOWN_MAX).map(({ state, fromMs, untilMs, cause }) => {
      const why = cause === undefined ? '' : ` ${cause}`
      return `  breaker       ${target} (key ${key}): ${state} ${sayMoment(fromMs)} for ${sayMs(untilMs - fromMs)}${why}`
    })
    const rest = spans.length - shown.length
    return rest > 0 ? [...shown, `  breaker       ${target}: ${rest} more changes`] : shown
  })
}
