/** A drill's report as one page that needs nothing else: no script, no request, light or dark as the reader's system. Pure. */

import { barChart, escapeHtml, lineChart } from './charts.ts'
import type { DrillReport, JudgedRoute } from './report.ts'
import { sayCost, sayMoment, sayMs, sayObjective, sayShare } from './say.ts'

export function reportHtml(report: DrillReport): string {
  const { scenario, requests, seed, isPassed, routes, dayMs } = report
  const title = `Drill: ${scenario.name}`
  const result = isPassed ? 'No stated objective was missed.' : 'A stated objective was missed.'
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="content-security-policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p>${escapeHtml(scenario.about)}</p>
<p>A day of ${requests} requests under virtual time, seed ${seed}; nothing was dialled. <strong class="${isPassed ? 'good' : 'bad'}">${result}</strong></p>
${routes.map((route) => routeSection(route, dayMs)).join('\n')}
</body>
</html>
`
}

function routeSection(route: JudgedRoute, dayMs: number): string {
  const { verdict, advice, course } = route
  const heading = `<h2>${escapeHtml(route.route)} <small class="${verdict.result === 'missed' ? 'bad' : 'good'}">${verdict.result}</small></h2>`
  if (route.requests === 0) return `<section>${heading}<p>Nobody asked for it.</p></section>`
  const changes = advice.map(({ text }) => `<li>${escapeHtml(text)}</li>`).join('')
  return `<section>${heading}
${changes === '' ? '' : `<ul class="advice">${changes}</ul>`}
${table(factsOf(route))}
${lineChart({
  title: 'Answered',
  dayMs,
  from: 0,
  to: 1,
  say: sayShare,
  lines: [{ name: 'answered', tone: 1, values: course.map(({ answeredShare }) => answeredShare) }],
})}
${lineChart({
  title: 'First token',
  dayMs,
  say: sayMs,
  lines: [
    { name: 'p50', tone: 1, values: course.map(({ firstToken }) => firstToken?.p50Ms) },
    { name: 'p99', tone: 2, values: course.map(({ firstToken }) => firstToken?.p99Ms) },
  ],
})}
${lineChart({
  title: 'Attempts a request',
  dayMs,
  say: (value) => value.toFixed(1),
  lines: [{ name: 'attempts', tone: 3, values: course.map(({ attemptsPerRequest }) => attemptsPerRequest) }],
})}
${lineChart({
  title: 'Extra cost',
  dayMs,
  say: sayShare,
  lines: [{ name: 'bought nothing', tone: 4, values: course.map(({ extraShare }) => extraShare) }],
})}
${timeline(route, dayMs)}
</section>`
}

function timeline({ breakers }: JudgedRoute, dayMs: number): string {
  if (breakers.length === 0) return ''
  const rows = breakers.map(({ target, key, spans }) => ({ name: `${target} (key ${key})`, bars: spans }))
  const told = breakers.flatMap(({ target, key, spans }) =>
    spans.map(({ state, fromMs, untilMs, cause }) => [
      `${target} (key ${key})`,
      state,
      sayMoment(fromMs),
      sayMs(untilMs - fromMs),
      cause ?? '',
    ]),
  )
  const inWords = `<details><summary>Every change</summary>${table(told.slice(0, ROWS_MAX))}</details>`
  return `${barChart('Targets that were left in peace', rows, dayMs)}${inWords}`
}

/** Rows of a table that anybody reads. */
const ROWS_MAX = 500

function factsOf(route: JudgedRoute): readonly (readonly string[])[] {
  return [
    ['Answered', `${sayShare(route.answeredShare)} of ${route.requests - route.left}`],
    ['Took more than one call', String(route.savedByOthers)],
    ['Streams rescued', String(route.rescued)],
    ['Truncated, failed', `${route.truncated}, ${route.failed}`],
    ['Told', route.errors.map(({ code, count }) => `${count} ${code}`).join(', ') || '-'],
    ['First token', `p50 ${sayMs(route.firstToken?.p50Ms)}, p99 ${sayMs(route.firstToken?.p99Ms)}`],
    ['Attempts a request', `${route.attempts.perRequest.toFixed(2)}, ${route.attempts.most} at most`],
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

function table(rows: readonly (readonly string[])[]): string {
  const said = rows.map(([name = '', ...cells]) => {
    const tail = cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join('')
    return `<tr><th scope="row">${escapeHtml(name)}</th>${tail}</tr>`
  })
  return `<table>${said.join('')}</table>`
}

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d0d4da, #40454d); --text: light-dark(#1c1f24, #e6e8eb);
  --one: light-dark(#1f6feb, #6cb0ff); --two: light-dark(#b35900, #f0a860); --three: light-dark(#6f42c1, #b79df0); --four: light-dark(#a4133c, #ff8fa3); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: light-dark(#fff, #16181c); max-width: 780px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; } th, td { text-align: left; padding: .15rem .8rem .15rem 0; vertical-align: top; } th { font-weight: 600; }
figure { margin: 1.2rem 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; }
text { fill: var(--text); } .scale { text-anchor: end; } .hour { text-anchor: middle; } polyline { fill: none; stroke-width: 1.8; stroke: currentColor; }
.tone1 { color: var(--one); } .tone2 { color: var(--two); } .tone3 { color: var(--three); } .tone4 { color: var(--four); } .key { font-weight: 400; margin-left: .8rem; }
.track { fill: none; stroke: var(--line); } .state-open { fill: var(--four); } .state-half-open { fill: var(--two); } .state-limited { fill: var(--three); }
.state-exhausted, .state-auth-dead { fill: var(--one); } .good { color: light-dark(#11703c, #6fd49a); } .bad { color: var(--four); } .advice { font-weight: 600; }
`
