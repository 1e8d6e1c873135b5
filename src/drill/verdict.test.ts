import { describe, expect, test } from 'vitest'
import { aRouteReport } from './reports.test-support.ts'
import { isStatedMissed, judge } from './verdict.ts'

describe('a verdict', () => {
  test('passes what is well, and says that no objective was stated', () => {
    const verdict = judge(aRouteReport(), {})
    expect(verdict.result).toBe('passed')
    expect(verdict.objectives).toHaveLength(4)
    expect(verdict.objectives.every(({ isStated }) => !isStated)).toBe(true)
  })

  test.each([
    [{ answeredShare: 0.998 }, 'answeredShare'],
    [{ truncatedShare: 0.002 }, 'truncatedShare'],
    [{ firstToken: { p50Ms: 1, p99Ms: 5_001 } }, 'firstTokenP99Ms'],
    [{ cost: { basis: 'money', total: 10, waste: 2, extraShare: 0.2 } }, 'extraCostShare'],
  ] as const)('misses the default of %j', (measured, objective) => {
    const verdict = judge(aRouteReport(measured), {})
    expect(verdict.result).toBe('missed')
    expect(verdict.objectives.filter(({ isMet }) => !isMet).map((one) => one.objective)).toEqual([objective])
    expect(isStatedMissed(verdict)).toBe(false)
  })

  test('is of what was stated, and only that fails a drill', () => {
    const report = aRouteReport({ answeredShare: 0.99, firstToken: { p50Ms: 1, p99Ms: 9_000 } })
    expect(isStatedMissed(judge(report, { answeredShare: 0.98 }))).toBe(false)
    expect(isStatedMissed(judge(report, { answeredShare: 0.995 }))).toBe(true)
    expect(isStatedMissed(judge(report, { firstTokenP99Ms: 10_000 }))).toBe(false)
  })

  test('meets a limit exactly, for all that percents are not exact', () => {
    expect(judge(aRouteReport({ answeredShare: 999 / 1_000 }), { answeredShare: 99.9 / 100 }).result).toBe(
      'passed',
    )
  })

  test('does not call missed what could not be measured', () => {
    const { firstToken: _, ...plain } = aRouteReport()
    expect(judge(plain, { firstTokenP99Ms: 1 }).result).toBe('passed')
  })

  test('is idle where nobody asked', () => {
    expect(judge(aRouteReport({ requests: 0 }), { answeredShare: 1 })).toEqual({
      result: 'idle',
      objectives: [],
    })
  })
})
