import { expect, test } from 'vitest'
import { type CsvCell, writeCsvLine } from './csv.ts'

const writeCsv = (columns: readonly string[], rows: readonly (readonly CsvCell[])[]) =>
  [columns, ...rows].map(writeCsvLine).join('')

test('writes a header, a line for each row, and nothing for absent cells', () => {
  expect(
    writeCsv(
      ['a', 'b', 'c'],
      [
        ['x', 1, true],
        [null, undefined, 0],
      ],
    ),
  ).toBe('a,b,c\r\nx,1,true\r\n,,0\r\n')
  expect(writeCsv(['a'], [])).toBe('a\r\n')
})

test.each([
  ['a,b', '"a,b"'],
  ['say "x"', '"say ""x"""'],
  ['two\nlines', '"two\nlines"'],
  ['semi;colon', '"semi;colon"'],
  [' space ', '" space "'],
  ['plain words', 'plain words'],
])('quotes what needs it: %j', (cell, written) => {
  expect(writeCsv(['h'], [[cell]])).toBe(`h\r\n${written}\r\n`)
})

test.each([
  '=1+1',
  '+1',
  '-1',
  '@x',
  '\t=1',
  '\r=1',
  '  =1',
  '\n@x',
  '\uFF1D1',
  '\u0000=1',
  '-2+3+cmd|"/C calc"!A0',
])('a text that a spreadsheet would run begins with an apostrophe: %j', (cell) => {
  expect(writeCsv(['h'], [[cell]]).slice(3)).toMatch(/^"'/)
})

test('numbers stay numbers, below zero too', () => {
  expect(writeCsv(['h'], [[-1]])).toBe('h\r\n-1\r\n')
})
