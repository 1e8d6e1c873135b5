/** A drill's report for a terminal: a table of the routes, then what is to be said of each. Pure. */

import { quietTimes } from './quiet-times.ts'
import type { DrillReport, JudgedRoute } from './report.ts'
import {
  sayBreaker,
  sayCost,
  sayErrors,
  sayMoment,
  sayMs,
  sayObjective,
  sayQuietTime,
  sayShare,
  sayWeather,
} from './say.ts'

export interface TextStyle {
  (style: 'bold' | 'dim' | 'red' | 'green' | 'yellow', text: string): string
}

export function reportText(report: DrillReport, style: TextStyle): string {
  const { scenario, requests, seed, routes, placeholders } = report
  const lines = [
    [style('bold', scenario.name), scenario.about].filter((part) => part !== '').join(': '),
    ...scenario.weather.map((event) => `  ${sayWeather(event)}`),
    style('dim', `A day of ${requests} requests under virtual time, seed ${seed}; nothing was dialled.`),
    ...(placeholders.length === 0
      ? []
      : [style('dim', `Placeholders stand for ${placeholders.join(', ')}.`)]),
    '',
    ...tableLines(routes, style),
    '',
    ...routes
      .filter(({ requests: asked }) => asked > 0)
      .flatMap((route) => [...routeLines(route, style), '']),
    resultLine(report, style),
  ]
  return lines.join('\n')
}

function resultLine({ isPassed, routes }: DrillReport, style: TextStyle): string {
  if (!isPassed) return style('red', 'A stated objective was missed.')
  const isStated = routes.some(({ verdict }) => verdict.objectives.some((one) => one.isStated))
  if (isStated) return style('green', 'Every stated objective was met.')
  const isMissed = routes.some(({ verdict }) => verdict.result === 'missed')
  return isMissed
    ? style('yellow', 'Usual objectives were missed; none was stated, so this is no failure.')
    : style('green', 'All went as it should.')
}

const COLUMNS = [
  'route',
  'verdict',
  'requests',
  'answered',
  'rescued',
  'cut',
  'failed',
  'p50',
  'p99',
  'calls',
  'extra',
]
/** Columns of words; numbers stand to the right. */
const WORD_COLUMNS = 2

function tableLines(routes: readonly JudgedRoute[], style: TextStyle): readonly string[] {
  const rows = routes.map(cellsOf)
  const widths = COLUMNS.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => {
        const width = widths[column] ?? 0
        return column < WORD_COLUMNS ? cell.padEnd(width) : cell.padStart(width)
      })
      .join('  ')
  return [
    style('dim', line(COLUMNS)),
    ...routes.map((route, index) => style(toneOf(route), line(rows[index] ?? []))),
  ]
}

function cellsOf(route: JudgedRoute): readonly string[] {
  const { verdict, requests, rescued, truncated, failed, firstToken, attempts, cost } = route
  return [
    route.route,
    verdict.result,
    String(requests),
    sayShare(route.answeredShare),
    String(rescued),
    String(truncated),
    String(failed),
    sayMs(firstToken?.p50Ms),
    sayMs(firstToken?.p99Ms),
    attempts.perRequest.toFixed(2),
    sayShare(cost.extraShare),
  ]
}

function toneOf({ verdict }: JudgedRoute): 'dim' | 'green' | 'yellow' | 'red' {
  if (verdict.result === 'idle') return 'dim'
  if (verdict.result === 'passed') return 'green'
  return verdict.objectives.some((one) => one.isStated && !one.isMet) ? 'red' : 'yellow'
}

/** Quiet times of one breaker that are told one by one; the page and `--json` have all. */
const TIMES_SHOWN_MAX = 4

function routeLines(route: JudgedRoute, style: TextStyle): readonly string[] {
  const label = (text: string) => `  ${style('dim', text.padEnd(9))}`
  const missed = route.verdict.objectives.filter(({ isMet }) => !isMet)
  const told = sayErrors(route)
  return [
    style('bold', route.route),
    ...(told === '' ? [] : [`${label('told')}${told}`]),
    `${label('cost')}${sayCost(route.cost)} bought nothing`,
    ...route.targets.map(({ target, share, completed, failed, cancelled }) => {
      const ended = [
        `${completed} whole`,
        `${failed} failed`,
        ...(cancelled > 0 ? [`${cancelled} called off`] : []),
      ]
      return `${label('target')}${target}: ${sayShare(share)} of the calls, ${ended.join(', ')}`
    }),
    ...route.breakers.flatMap((breaker) =>
      breakerLines(breaker, route).map((text) => label('breaker') + text),
    ),
    ...missed.map((one) => `${label('missed')}${style(one.isStated ? 'red' : 'yellow', sayObjective(one))}`),
    ...route.advice.map(({ text }) => `${label('change')}${text}`),
  ]
}

function breakerLines(breaker: JudgedRoute['breakers'][number], route: JudgedRoute): readonly string[] {
  const times = quietTimes(breaker.spans)
  const name = sayBreaker(breaker, route)
  const isLong = times.length > TIMES_SHOWN_MAX + 1
  const shown = (isLong ? times.slice(0, TIMES_SHOWN_MAX) : times).map(
    (time) => `${name}: ${sayQuietTime(time)}`,
  )
  const last = times.at(-1)
  if (!isLong || last === undefined) return shown
  const sumMs = times.reduce((sum, { fromMs, untilMs }) => sum + untilMs - fromMs, 0)
  const rest = `${name}: ${times.length - shown.length} more times until ${sayMoment(last.untilMs)}; ${sayMs(sumMs)} in all`
  return [...shown, rest]
}
