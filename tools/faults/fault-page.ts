/** The page that shows which tests prove which row of the fault catalogue, and how they ended. */

import type { CatalogueRow } from './catalogue.ts'
import type { NumberedTest } from './numbered-tests.ts'

export type RowResult = 'passed' | 'failed' | 'untested' | 'outside'

export interface ProvedRow extends CatalogueRow {
  readonly tests: readonly NumberedTest[]
  readonly result: RowResult
}

export function proveRows(
  catalogue: readonly CatalogueRow[],
  tests: readonly NumberedTest[],
): readonly ProvedRow[] {
  return catalogue.map((row) => {
    const own = tests.filter(({ rows }) => rows.includes(row.row))
    return { ...row, tests: own, result: resultOf(row, own) }
  })
}

/** Whether the row keeps the page from being good news. */
export function isComplaint({ result }: ProvedRow): boolean {
  return result === 'failed' || result === 'untested'
}

function resultOf({ outside }: CatalogueRow, tests: readonly NumberedTest[]): RowResult {
  if (tests.some(({ result }) => result === 'failed')) return 'failed'
  if (outside !== undefined) return 'outside'
  return tests.length === 0 ? 'untested' : 'passed'
}

export function faultPage(rows: readonly ProvedRow[]): string {
  const inScope = rows.filter(({ outside }) => outside === undefined)
  const passed = inScope.filter(({ result }) => result === 'passed')
  const tests = new Set(rows.flatMap((row) => row.tests))
  return `# Faults and their tests

Written by \`npm run faults\`, which runs every test whose name says the number of a fault; do not edit it by hand.
${passed.length} of ${inScope.length} rows in scope are proved, by ${tests.size} tests.

| # | Fault | Tests | Result |
| ---: | --- | ---: | --- |
${inScope.map(tableLine).join('\n')}

## Rows without a proof here

${rows
  .filter(({ outside }) => outside !== undefined)
  .map(outsideLine)
  .join('\n')}

## What rows still lack

${rows
  .filter(({ lacking }) => lacking !== undefined)
  .map(lackingLine)
  .join('\n')}

## Where each row is proved

${inScope.map(proofOf).join('\n\n')}
`
}

function tableLine({ row, fault, tests, result }: ProvedRow): string {
  return `| ${row} | ${fault} | ${tests.length} | ${result} |`
}

function outsideLine({ row, fault, outside, tests }: ProvedRow): string {
  const already = tests.length === 0 ? '' : ` (${tests.length} tests of it exist)`
  return `- ${row}, ${fault}: ${outside}${already}.`
}

function lackingLine({ row, fault, lacking }: ProvedRow): string {
  return `- ${row}, ${fault}: ${lacking}.`
}

function proofOf({ row, fault, tests }: ProvedRow): string {
  const files = Map.groupBy(tests, ({ file }) => file)
  const lines = [...files].map(([file, own]) => `- \`${file}\` (${own.length}): ${titlesOf(own)}`)
  return [`**${row}. ${fault}**`, '', ...(lines.length === 0 ? ['- nothing yet'] : lines)].join('\n')
}

/** The first title stands for its kin: tables of cases make hundreds of them. */
function titlesOf(tests: readonly NumberedTest[]): string {
  const [first = '', ...others] = new Set(tests.map(({ title }) => title))
  const more = others.length === 0 ? '' : ` and ${others.length} like it`
  return `${plain(first)}${more}`
}

const TITLE_MAX = 140

/** A title may hold anything, a fault's own parameters included. */
function plain(title: string): string {
  const text = title.replaceAll(/[^\x20-\x7e\u00a0-\uffff]/g, ' ').replaceAll(/([|<>`*_[\]\\])/g, '\\$1')
  return text.length <= TITLE_MAX ? text : `${text.slice(0, TITLE_MAX)}…`
}
