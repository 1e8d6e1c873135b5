import { expect, test } from 'vitest'
import { reportText, type TextStyle } from './report-text.ts'
import { aReport, aRouteReport } from './reports.test-support.ts'

const plain: TextStyle = (_, text) => text
const marked: TextStyle = (style, text) => `<${style}>${text}</${style}>`

const missed = {
  objective: 'answeredShare',
  limit: 0.999,
  measured: 0.985,
  isMet: false,
  isStated: false,
} as const

const report = aReport(
  {
    answered: 985,
    answeredShare: 0.985,
    failed: 15,
    errors: [{ code: 'no_target_available', count: 15 }],
    targets: [
      {
        target: 'openai/gpt-5',
        attempts: 1_000,
        share: 1,
        completed: 985,
        failed: 10,
        cancelled: 5,
        errors: [],
      },
    ],
    breakers: [
      {
        target: 'openai/gpt-5',
        key: 1,
        spans: [{ state: 'open', fromMs: 36_000_000, untilMs: 36_600_000, cause: 'upstream_reset' }],
      },
    ],
    verdict: { result: 'missed', objectives: [missed] },
    advice: [{ rule: 'one-target', text: 'Add a target.' }],
  },
  {
    scenario: {
      name: 'outage',
      about: 'A provider is down.',
      weather: [
        {
          atMs: 36_000_000,
          forMs: 600_000,
          where: { kind: 'provider', provider: 'openai' },
          fault: 'outage',
          share: 1,
        },
      ],
    },
    placeholders: ['OPENAI_API_KEY'],
  },
)

test('says the scenario, a table, and what is to be said of each route', () => {
  expect(reportText(report, plain)).toBe(`outage: A provider is down.
  10:00, 10 min: outage for all of the calls to provider openai
A day of 1000 requests under virtual time, seed 1; nothing was dialled.
Placeholders stand for OPENAI_API_KEY.

route  verdict  requests  answered  rescued  cut  failed     p50     p99  calls  extra
smart  missed       1000    98.5 %        0    0      15  400 ms  2.00 s   1.00  0.0 %

smart
  told     15 no_target_available
  cost     0.0 % (0 of 2 USD) bought nothing
  target   openai/gpt-5: 100.0 % of the calls, 985 whole, 10 failed, 5 called off
  breaker  openai/gpt-5: 10:00 to 10:10 open, began with upstream_reset
  missed   answered 98.5 % (at least 99.9 %)
  change   Add a target.

Usual objectives were missed; none was stated, so this is no failure.`)
})

test('tells a stated objective that was missed from a usual one', () => {
  const stated = { result: 'missed', objectives: [{ ...missed, isStated: true }] } as const
  const text = reportText(aReport({ verdict: stated }, { isPassed: false }), marked)
  expect(text).toContain('<red>answered 98.5 % (at least 99.9 %)</red>')
  expect(text.endsWith('<red>A stated objective was missed.</red>')).toBe(true)
  expect(reportText(report, marked)).toContain('<yellow>answered 98.5 % (at least 99.9 %)</yellow>')
})

test('says so where all went well, and whether anybody asked for more', () => {
  expect(reportText(aReport(), plain)).toContain('All went as it should.')
  const met = { result: 'passed', objectives: [{ ...missed, isMet: true, isStated: true }] } as const
  expect(reportText(aReport({ verdict: met }), plain)).toContain('Every stated objective was met.')
})

test('lines up columns, and says nothing more of a route that nobody asked for', () => {
  const { firstToken: _, answeredShare: __, ...rest } = aRouteReport({ route: 'a-long-name', requests: 0 })
  const idle = { ...rest, verdict: { result: 'idle', objectives: [] } as const, advice: [] }
  const both = aReport()
  const lines = reportText({ ...both, routes: [...both.routes, idle] }, plain).split('\n')
  const table = lines.filter((line) => / {2}(verdict|passed|idle) /.test(line))
  expect(table).toHaveLength(3)
  expect(new Set(table.map(({ length }) => length)).size).toBe(1)
  expect(lines.filter((line) => line.includes('a-long-name'))).toHaveLength(1)
})

test('counts what would be too much to tell', () => {
  const spans = Array.from({ length: 11 }, (_, index) => ({
    state: 'limited',
    fromMs: index * 3_600_000,
    untilMs: index * 3_600_000 + 1_000,
    cause: 'rate_limited',
  }))
  const text = reportText(aReport({ breakers: [{ target: 'openai/gpt-5', key: 1, spans }] }), plain)
  expect(text.match(/breaker {2}openai\/gpt-5: \d\d:00/g)).toHaveLength(4)
  expect(text).toContain('breaker  openai/gpt-5: 7 more times until 10:00; 11.0 s in all')
})
