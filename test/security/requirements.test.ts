/** Keeps docs/security-requirements.md true: every number has a test that says it, or the reason why it has none. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readSourceFiles, repositoryRoot } from '../../tools/checks/source-files.ts'

const COUNT = 62
const TESTS = /\.(?:test|contract)\.ts$/
const OWN = 'test/security/requirements.test.ts'

const rows = readFileSync(join(repositoryRoot, 'docs/security-requirements.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const [, number, requirement = '', tests = '', missing = ''] = line.split('|').map((cell) => cell.trim())
    return /^\d+$/.test(number ?? '')
      ? [
          {
            number: Number(number),
            requirement,
            missing,
            tests: [...tests.matchAll(/`([^`]+)`/g)].map(([, file]) => file),
          },
        ]
      : []
  })

test('every requirement stands in the table once, in order, with its tests or the reason', () => {
  expect(rows.map(({ number }) => number)).toEqual(Array.from({ length: COUNT }, (_, index) => index + 1))
  expect(rows.filter(({ requirement }) => requirement === '')).toEqual([])
  expect(rows.filter(({ tests, missing }) => tests.length === 0 && missing === '')).toEqual([])
})

test('the files named are those whose tests say the number, all of them', () => {
  const files = [...readSourceFiles()].filter(([path]) => TESTS.test(path) && path !== OWN)
  for (const { number, tests } of rows) {
    const said = new RegExp(`SEC-${number}\\b`)
    const found = files.filter(([, text]) => said.test(text)).map(([path]) => path)
    expect({ number, tests: new Set(tests) }).toEqual({ number, tests: new Set(found) })
  }
})
