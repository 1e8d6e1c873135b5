import { describe, expect, test } from 'vitest'
import { measure } from './measure.ts'
import { aHistory, anAttempt, anExchange, aStory, aTry } from './reports.test-support.ts'

const routes = [{ name: 'smart', targets: ['openai/gpt-5', 'anthropic/claude'] }]
const HOUR_MS = 3_600_000

function only(history: Parameters<typeof aHistory>[0]) {
  const [report] = measure(aHistory(history), routes)
  if (report === undefined) throw new Error('one route, one report')
  return report
}

describe('a measured route', () => {
  test('counts how stories ended for their clients, and leaves those out that left', () => {
    const ends = ['answered', 'answered', 'truncated', 'failed', 'lost', 'hung', 'left'] as const
    const report = only({
      requests: ends.map((outcome, index) => aStory([aTry(`r${index}`, { outcome })])),
    })
    expect(report).toMatchObject({ requests: 7, left: 1, answered: 2, truncated: 1, failed: 3 })
    expect(report.answeredShare).toBeCloseTo(2 / 6)
    expect(report.truncatedShare).toBeCloseTo(1 / 6)
  })

  test('has no shares where everybody left or nobody came', () => {
    expect(only({ requests: [aStory([aTry('r', { outcome: 'left' })])] }).answeredShare).toBeUndefined()
    expect(only({})).toMatchObject({ requests: 0, attempts: { perRequest: 0, most: 0 } })
  })

  test('gives each route its own stories', () => {
    const requests = [aStory([aTry('a')]), aStory([aTry('b')], { model: 'other' })]
    const [smart, other] = measure(aHistory({ requests }), [...routes, { name: 'other', targets: [] }])
    expect([smart?.requests, other?.requests]).toEqual([1, 1])
  })

  test('adds the attempts of all tries of one story', () => {
    const report = only({
      requests: [aStory([aTry('a', { outcome: 'failed' }), aTry('b')]), aStory([aTry('c')])],
      attempts: [anAttempt('a'), anAttempt('a', { number: 2 }), anAttempt('b'), anAttempt('c')],
    })
    expect(report.attempts).toEqual({ total: 4, perRequest: 2, most: 3 })
    expect(report.savedByOthers).toBe(1)
  })

  test('counts a rescue only where the client got a whole answer of it', () => {
    const report = only({
      requests: [aStory([aTry('a')]), aStory([aTry('b', { outcome: 'left' })]), aStory([aTry('c')])],
      exchanges: [
        anExchange('a', { state: 'rescued' }),
        anExchange('b', { state: 'rescued' }),
        anExchange('c', { state: 'completed' }),
      ],
    })
    expect(report.rescued).toBe(1)
  })

  test("measures a stream's first text from the first try, and no plain answer", () => {
    const report = only({
      requests: [
        aStory([
          aTry('a', { outcome: 'failed', startMs: 1_000 }),
          aTry('b', { startMs: 4_000, firstTextMs: 500 }),
        ]),
        aStory([aTry('c', { firstTextMs: 90_000 })], { isStream: false }),
      ],
    })
    expect(report.firstToken).toEqual({ p50Ms: 3_500, p99Ms: 3_500 })
  })

  test('takes percentiles by the nearest rank', () => {
    const requests = Array.from({ length: 200 }, (_, index) =>
      aStory([aTry(`r${index}`, { firstTextMs: index + 1 })]),
    )
    expect(only({ requests }).firstToken).toEqual({ p50Ms: 100, p99Ms: 198 })
  })

  test('names what requests failed of, most frequent first, and how they ended where there is no code', () => {
    const report = only({
      requests: ['a', 'b', 'c'].map((id) => aStory([aTry(id, { outcome: 'failed' })])),
      exchanges: [
        anExchange('a', { state: 'failed', code: 'no_target_available' }),
        anExchange('b', { state: 'failed', code: 'no_target_available' }),
      ],
    })
    expect(report.errors).toEqual([
      { code: 'no_target_available', count: 2 },
      { code: 'failed', count: 1 },
    ])
  })

  test('tells how the calls spread over the targets, in the order of the route', () => {
    const report = only({
      requests: [aStory([aTry('a')]), aStory([aTry('b')])],
      attempts: [
        anAttempt('a'),
        anAttempt('b', { outcome: 'failed', code: 'rate_limited', usageSource: 'none' }),
        anAttempt('b', { target: 'anthropic/claude', number: 2 }),
        anAttempt('b', { outcome: 'cancelled', number: 3 }),
      ],
    })
    expect(report.targets).toEqual([
      {
        target: 'openai/gpt-5',
        attempts: 3,
        share: 0.75,
        completed: 1,
        failed: 1,
        cancelled: 1,
        errors: [{ code: 'rate_limited', count: 1 }],
      },
      {
        target: 'anthropic/claude',
        attempts: 1,
        share: 0.25,
        completed: 1,
        failed: 0,
        cancelled: 0,
        errors: [],
      },
    ])
  })

  test('follows the day in half hours, empty ones included', () => {
    const { course } = only({
      requests: [
        aStory([aTry('a', { startMs: 10.6 * HOUR_MS, firstTextMs: 300 })]),
        aStory([aTry('b', { startMs: 10.7 * HOUR_MS, outcome: 'failed' })]),
      ],
      attempts: [anAttempt('a'), anAttempt('b', { outcome: 'failed', usageSource: 'none' })],
    })
    expect(course).toHaveLength(48)
    expect(course[21]).toEqual({
      fromMs: 10.5 * HOUR_MS,
      untilMs: 11 * HOUR_MS,
      requests: 2,
      answeredShare: 0.5,
      firstToken: { p50Ms: 300, p99Ms: 300 },
      attemptsPerRequest: 1,
      extraShare: 0,
    })
    expect(course[20]).toEqual({ fromMs: 10 * HOUR_MS, untilMs: 10.5 * HOUR_MS, requests: 0 })
  })
})
