/** Keeps docs/clients.md true: its programs run, and each need is kept by a test that exists and names it. */

import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { repositoryRoot } from '../../tools/checks/source-files.ts'
import { fencesOf } from '../support/fences.ts'
import { environmentWithoutKeys, type RunningGateway, startGateway } from '../support/running-gateway.ts'

const read = (path: string) => readFileSync(join(repositoryRoot, path), 'utf8')
const page = read('docs/clients.md')
const NEEDS = Array.from({ length: 28 }, (_, index) => String(index + 1))
const TIMEOUT_MS = 30_000

describe('the table of needs', () => {
  const rows = [...page.matchAll(/^\| (\w+) \| .* \| (.*) \|$/gm)].map(([, need = '', files = '']) => ({
    need,
    files: [...files.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, file]) => file ?? ''),
  }))

  test('has every need once, in order', () => {
    expect(rows.map(({ need }) => need).filter((need) => /^\d+$/.test(need))).toEqual(NEEDS)
  })

  test.each(NEEDS)('need %s is named by a test of its file', (need) => {
    const files = rows.find((row) => row.need === need)?.files ?? []
    const names = new RegExp(`need ${need}\\b|['"\`]${need}: `)
    expect(files.filter((file) => names.test(read(file)))).not.toEqual([])
  })
})

describe('the programs of the page', () => {
  const programs = fencesOf(page).filter(({ language }) => language === 'ts')
  let gateway: RunningGateway
  beforeAll(async () => {
    gateway = await startGateway()
  })
  afterAll(() => gateway[Symbol.asyncDispose]())

  test.each(programs.map(({ text }) => [/from '([^']+)'/.exec(text)?.[1] ?? '?', text]))(
    '%s',
    async (_name, text) => {
      const here = text.replaceAll('127.0.0.1:4141', `127.0.0.1:${gateway.port}`)
      const args = ['--input-type=module-typescript', '--eval', here]
      const options = { cwd: repositoryRoot, env: environmentWithoutKeys(), timeout: TIMEOUT_MS }
      const said = await new Promise<string>((resolve) => {
        execFile(process.execPath, args, options, (error, stdout, stderr) =>
          resolve(error === null ? stdout : `${stdout}\n${stderr}`),
        )
      })
      const calls = [...text.matchAll(/\[openai, anthropic(?:, google)?\]/g)].flatMap(([list]) =>
        list.split(','),
      )
      expect(said.match(/simulated answer/g)).toHaveLength(Math.max(1, calls.length))
    },
    TIMEOUT_MS,
  )
})

describe('the files of the page', () => {
  test.each(fencesOf(page).filter(({ language }) => language === 'json' || language === 'yaml'))(
    'can be read: $language',
    ({ text }) => {
      expect(parse(text)).toEqual(expect.any(Object))
    },
  )
})
