/** Keeps the page of faults honest without running what it speaks of. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { readSourceFiles, repositoryRoot } from '../checks/source-files.ts'
import { catalogue } from './catalogue.ts'
import { faultPage, isComplaint, proveRows } from './fault-page.ts'
import { type NumberedTest, numberedTests, rowsIn } from './numbered-tests.ts'

const LAST_ROW = 150
const inScope = catalogue.filter(({ outside }) => outside === undefined)

describe('the names of tests', () => {
  test.each([
    ['fault 57: cut in the middle', [57]],
    ['faults 26 and 90: a model that is gone', [26, 90]],
    ['fault 105, 106: while nothing has come yet', [105, 106]],
    ['fault 100, SEC-31: read differently', [100]],
    ['cut > fault 1: a port > fault 1: again, fault 2: another', [1, 2]],
    ['prints five different faults, each on 3 lines', []],
    ['default 57: nothing', []],
  ])('%s', (name, rows) => {
    expect(rowsIn(name)).toEqual(rows)
  })

  test('are read from a report, with the titles around them and without what did not run', () => {
    const report = {
      testResults: [
        {
          name: '/clone/tools/t.test.ts',
          assertionResults: [{ ancestorTitles: [], title: 'fault 9: of a tool', status: 'passed' }],
        },
        {
          name: '/clone/test/b.test.ts',
          assertionResults: [
            { ancestorTitles: ['fault 2: all'], title: 'one', status: 'passed' },
            { ancestorTitles: [], title: 'no number', status: 'passed' },
          ],
        },
        {
          name: '/clone/test/a.test.ts',
          assertionResults: [
            { ancestorTitles: ['all'], title: 'fault 3: it', status: 'failed' },
            { ancestorTitles: [], title: 'fault 3: not run', status: 'pending' },
          ],
        },
      ],
    }
    expect(numberedTests(report, '/clone')).toEqual([
      { file: 'test/a.test.ts', title: 'fault 3: it', rows: [3], result: 'failed' },
      { file: 'test/b.test.ts', title: 'fault 2: all', rows: [2], result: 'passed' },
    ])
    expect(numberedTests(undefined, '/clone')).toEqual([])
  })
})

describe('the page', () => {
  const rows = [
    { row: 1, fault: 'one', lacking: 'a leg' },
    { row: 2, fault: 'two' },
    { row: 3, fault: 'three', outside: 'waits' },
    { row: 4, fault: 'four', outside: 'waits' },
  ]
  const told = (row: number, result: NumberedTest['result'] = 'passed'): NumberedTest => ({
    file: 'test/x.test.ts',
    title: `fault ${row}: a | b`,
    rows: [row],
    result,
  })

  test('complains of a row in scope without a test, and of every failing one', () => {
    const proved = proveRows(rows, [told(1), told(1), told(4, 'failed')])
    expect(proved.map(({ result }) => result)).toEqual(['passed', 'untested', 'outside', 'failed'])
    expect(proved.filter(isComplaint).map(({ row }) => row)).toEqual([2, 4])
  })

  test('one failing test fails its row', () => {
    expect(proveRows(rows, [told(1), told(1, 'failed')])[0]?.result).toBe('failed')
  })

  test('lists rows, counts and results, and why the others are not there', () => {
    const page = faultPage(proveRows(rows, [told(1), told(1)]))
    expect(page).toContain('1 of 2 rows in scope are proved')
    expect(page).toContain('| 1 | one | 2 | passed |')
    expect(page).toContain('- 3, three: waits.')
    expect(page).toContain('- 1, one: a leg.')
    expect(page).toContain('- `test/x.test.ts` (2): fault 1: a \\| b')
  })
})

describe('the catalogue', () => {
  test('has every row once, in order', () => {
    expect(catalogue.map(({ row }) => row)).toEqual(Array.from({ length: LAST_ROW }, (_, at) => at + 1))
  })

  test('every row in scope is named by a test', () => {
    const sources = [...readSourceFiles()].filter(([path]) => /^(?:test|src|sim)\/.*\.ts$/.test(path))
    const named = new Set(
      sources.flatMap(([path, text]) => [
        ...(path.endsWith('.test.ts') || path.endsWith('.contract.ts') ? rowsIn(text) : []),
        // Rows told as values: `test/support/fault-rows.ts` names their tests.
        ...(path.startsWith('test/')
          ? [...text.matchAll(/\brow: (\d+)/g)].map(([, row]) => Number(row))
          : []),
      ]),
    )
    expect(inScope.filter(({ row }) => !named.has(row))).toEqual([])
  })

  test('docs/faults.md lists every row as it stands here, and none that failed', () => {
    const page = readFileSync(join(repositoryRoot, 'docs/faults.md'), 'utf8')
    const lines = page.split('\n')
    for (const { row, fault } of inScope) {
      const line = lines.find((each) => each.startsWith(`| ${row} | ${fault} | `))
      expect(line).toMatch(/\| [1-9]\d* \| passed \|$/)
    }
    for (const { row, fault, outside } of catalogue) {
      if (outside !== undefined) expect(page).toContain(`- ${row}, ${fault}: ${outside}`)
    }
  })
})
