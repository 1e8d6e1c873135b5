import { expect, test } from 'vitest'
import { countTests, summaryLine } from './test-counts.ts'

test('counts tests, and a file that could not be loaded as one failure', () => {
  const report = {
    numPassedTests: 3,
    numFailedTests: 1,
    numPendingTests: 2,
    numTodoTests: 0,
    testResults: [
      { status: 'failed', assertionResults: [{ status: 'failed' }] },
      { status: 'failed', assertionResults: [] },
      { status: 'passed', assertionResults: [{ status: 'passed' }] },
    ],
  }
  expect(countTests(report)).toEqual({ passed: 3, failed: 2, skipped: 2 })
})

test('has no counts where there is no report', () => {
  expect(countTests(undefined)).toBeUndefined()
  expect(countTests({ numPassedTests: 'many' })).toBeUndefined()
})

test('says the last line, with the skipped only where there are some', () => {
  expect(summaryLine({ passed: 3, failed: 0, skipped: 0 })).toBe('3 passed, 0 failed')
  expect(summaryLine({ passed: 3, failed: 1, skipped: 2 })).toBe('3 passed, 1 failed, 2 skipped')
})
