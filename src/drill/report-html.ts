/** A drill's report as one page that needs nothing else: no script, no request, light or dark as the reader's system. Pure. */

import { type Band, barChart, lineChart } from './charts.ts'
import { escapeHtml } from './escape-html.ts'
import { quietTimes } from './quiet-times.ts'
import type { DrillReport, JudgedRoute } from './report.ts'
import { REPORT_STYLE } from './report-style.ts'
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

export function reportHtml(report: DrillReport): string {
  const { scenario, requests, seed, isPassed, routes } = report
  const title = `Drill: ${scenario.name}`
  const result = isPassed ? 'No stated objective was missed.' : 'A stated objective was missed.'
  const events = scenario.weather.map((event) => `<li>${escapeHtml(sayWeather(event))}</li>`).join('')
  const weather = events === '' ? '' : `<ul>${events}</ul>`
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(scenario.about)}</p>
<p>A day of ${requests} requests under virtual time, seed ${seed}; nothing was dialled. <strong class="${isPassed ? 'good' : 'bad'}">${result}</strong></p>
${weather}
${routes.map((route) => routeSection(route, report)).join('\n')}
</body>
</html>
`
}

function routeSection(route: JudgedRoute, { dayMs, scenario }: DrillReport): string {
  const { verdict, advice } = route
  const tone = verdict.result === 'missed' ? 'bad' : 'good'
  const heading = `<h2>${escapeHtml(route.route)} <small class="${tone}">${verdict.result}</small></h2>`
  if (route.requests === 0) return `<section>${heading}<p>Nobody asked for it.</p></section>`
  const changes = advice.map(({ text }) => `<li>${escapeHtml(text)}</li>`).join('')
  const bands = scenario.weather.map((event) => ({
    fromMs: event.atMs,
    untilMs: event.atMs + event.forMs,
    name: sayWeather(event),
  }))
  return [
    `<section>${heading}`,
    changes === '' ? '' : `<ul class="advice">${changes}</ul>`,
    table({ caption: `${route.route} in numbers`, rows: factsOf(route) }),
    charts(route, dayMs, bands),
    timeline(route, dayMs),
    courseTable(route),
    '</section>',
  ].join('\n')
}

function charts({ course }: JudgedRoute, dayMs: number, bands: readonly Band[]): string {
  const shared = { dayMs, bands }
  return [
    lineChart({
      ...shared,
      title: 'Answered',
      to: 1,
      say: sayShare,
      lines: [{ name: 'answered', tone: 1, values: course.map(({ answeredShare }) => answeredShare) }],
    }),
    lineChart({
      ...shared,
      title: 'First token',
      say: sayMs,
      lines: [
        { name: 'p50', tone: 1, values: course.map(({ firstToken }) => firstToken?.p50Ms) },
        { name: 'p99', tone: 2, values: course.map(({ firstToken }) => firstToken?.p99Ms) },
      ],
    }),
    lineChart({
      ...shared,
      title: 'Calls for one request',
      say: (value) => value.toFixed(1),
      lines: [{ name: 'calls', tone: 3, values: course.map(({ attemptsPerRequest }) => attemptsPerRequest) }],
    }),
    lineChart({
      ...shared,
      title: 'Extra cost',
      say: sayShare,
      lines: [{ name: 'bought nothing', tone: 4, values: course.map(({ extraShare }) => extraShare) }],
    }),
  ].join('\n')
}

/** Rows of a table that anybody reads. */
const ROWS_MAX = 500

function timeline(route: JudgedRoute, dayMs: number): string {
  if (route.breakers.length === 0) return ''
  const rows = route.breakers.map((breaker) => ({ name: sayBreaker(breaker, route), bars: breaker.spans }))
  const told = route.breakers.flatMap((breaker) =>
    quietTimes(breaker.spans).map((time) => [sayBreaker(breaker, route), sayQuietTime(time)]),
  )
  const title = 'When targets were left alone'
  return `${barChart({ title, rows, dayMs })}
<details><summary>The same in words</summary>${table({ caption: title, rows: told.slice(0, ROWS_MAX) })}</details>`
}

/** What the charts show, for those who do not see them. */
function courseTable({ course }: JudgedRoute): string {
  const rows = course
    .filter(({ requests }) => requests > 0)
    .map((step) => [
      sayMoment(step.fromMs),
      String(step.requests),
      sayShare(step.answeredShare),
      sayMs(step.firstToken?.p50Ms),
      sayMs(step.firstToken?.p99Ms),
      (step.attemptsPerRequest ?? 0).toFixed(2),
      sayShare(step.extraShare),
    ])
  const head = ['from', 'requests', 'answered', 'p50', 'p99', 'calls', 'extra cost']
  return `<details><summary>The day in numbers</summary>${table({ caption: 'The day in numbers', head, rows })}</details>`
}

function factsOf(route: JudgedRoute): readonly (readonly string[])[] {
  return [
    ['Answered', `${sayShare(route.answeredShare)} of ${route.requests - route.left}`],
    ['Took more than one call', String(route.savedByOthers)],
    ['Streams rescued', String(route.rescued)],
    ['Cut off, failed', `${route.truncated}, ${route.failed}`],
    ['Told', sayErrors(route) || '-'],
    ['First token', `p50 ${sayMs(route.firstToken?.p50Ms)}, p99 ${sayMs(route.firstToken?.p99Ms)}`],
    ['Calls for one request', `${route.attempts.perRequest.toFixed(2)}, ${route.attempts.most} at most`],
    ['Extra cost', sayCost(route.cost)],
    ...route.targets.map(({ target, share, completed, failed }) => [
      target,
      `${sayShare(share)} of the calls, ${completed} whole, ${failed} failed`,
    ]),
    ...route.verdict.objectives.map((objective) => [
      objective.isStated ? 'Objective' : 'Usual objective',
      `${sayObjective(objective)}: ${objective.isMet ? 'met' : 'missed'}`,
    ]),
  ]
}

interface Table {
  readonly caption: string
  readonly head?: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

function table({ caption, head, rows }: Table): string {
  const names = head?.map((name) => `<th scope="col">${escapeHtml(name)}</th>`).join('')
  const said = rows.map(([name = '', ...cells]) => {
    const tail = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')
    return `<tr><th scope="row">${escapeHtml(name)}</th>${tail}</tr>`
  })
  return `<table><caption>${escapeHtml(caption)}</caption>${names === undefined ? '' : `<tr>${names}</tr>`}${said.join('')}</table>`
}
