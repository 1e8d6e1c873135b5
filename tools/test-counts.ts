/** Turns vitest's JSON report into the one line with which `npm test` ends. */

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** Counts tests; a file that could not even be loaded counts as one failure. Undefined when there is no report. */
export function countTests(report: unknown): TestCounts | undefined {
  const passed = numberIn(report, 'numPassedTests')
  const failed = numberIn(report, 'numFailedTests')
  if (passed === undefined || failed === undefined) return undefined
  return {
    passed,
    failed: failed + unloadedFiles(report),
    skipped: (numberIn(report, 'numPendingTests') ?? 0) + (numberIn(report, 'numTodoTests') ?? 0),
  }
}

/** `12 passed, 0 failed`, and the skipped where there are some. */
export function summaryLine({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/** Files that failed without a single failed test in them. */
function unloadedFiles(report: unknown): number {
  return listIn(report, 'testResults').filter(
    (file) =>
      member(file, 'status') === 'failed' &&
      !listIn(file, 'assertionResults').some((result) => member(result, 'status') === 'failed'),
  ).length
}

function numberIn(value: unknown, name: string): number | undefined {
  const found = member(value, name)
  return typeof found === 'number' ? found : undefined
}

function listIn(value: unknown, name: string): readonly unknown[] {
  const found = member(value, name)
  return Array.isArray(found) ? found : []
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
