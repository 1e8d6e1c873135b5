/** Which tests prove which row: a test says so in its name ("fault 57: ...", "faults 26 and 90: ..."). */

import { isJsonObject, type JsonObject, stringOf } from '../../src/std/json.ts'

export type TestResult = 'passed' | 'failed'

export interface NumberedTest {
  /** Path from the root of the repository. */
  readonly file: string
  /** The title that names the row, or of the test itself. */
  readonly title: string
  readonly rows: readonly number[]
  readonly result: TestResult
}

/** What vitest's `-t` is given. */
export const NUMBERED = 'faults? [0-9]'

const SAID = /\bfaults? (\d+(?:(?:, | and )\d+)*)/g

/** The rows a name speaks of. */
export function rowsIn(name: string): readonly number[] {
  const lists = [...name.matchAll(SAID)].map(([, list]) => list ?? '')
  return [...new Set(lists.flatMap((list) => list.split(/, | and /)).map(Number))]
}

/** The numbered tests of vitest's JSON report that ran, in the order of their files; those of the tools prove no row. */
export function numberedTests(report: unknown, root: string): readonly NumberedTest[] {
  return objectsIn(isJsonObject(report) ? report['testResults'] : undefined)
    .flatMap((file) => testsOf(file, root))
    .filter(({ file }) => !file.startsWith('tools/'))
    .toSorted((one, other) => (one.file < other.file ? -1 : one.file > other.file ? 1 : 0))
}

function testsOf(file: JsonObject, root: string): readonly NumberedTest[] {
  const path = (stringOf(file['name']) ?? '').replace(`${root}/`, '')
  return objectsIn(file['assertionResults']).flatMap((test) => {
    const titles = [...textsIn(test['ancestorTitles']), stringOf(test['title']) ?? '']
    const rows = rowsIn(titles.join('\n'))
    const { status } = test
    if (rows.length === 0 || (status !== 'passed' && status !== 'failed')) return []
    const title = titles.find((each) => rowsIn(each).length > 0) ?? ''
    return [{ file: path, title, rows, result: status }]
  })
}

function objectsIn(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}

function textsIn(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : []
}
