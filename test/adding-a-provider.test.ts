/**
 * Follows docs/adding-a-provider.md word for word in a copy of the project: writes the file it shows, makes the two
 * changes it shows, runs its commands, and asks the new provider a question.
 */

import { execFile } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createScenario } from '../src/simulator/scenario.ts'
import { startSimulator } from '../src/simulator/server.ts'
import { readCopiedFiles, readSourceFiles, repositoryRoot } from '../tools/checks/source-files.ts'
import { commandsOf, fencesOf } from './support/fences.ts'
import { environmentWithoutKeys } from './support/running-gateway.ts'

const run = promisify(execFile)
const guide = readFileSync(join(repositoryRoot, 'docs', 'adding-a-provider.md'), 'utf8')
const blocks = (language: string) =>
  fencesOf(guide).flatMap((one) => (one.language === language ? [one.text] : []))

let copy: string
const before = readSourceFiles()

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'holdfast-provider-'))
  const isCopied = (source: string) =>
    !/(?:^|\/)(?:\.git|node_modules|coverage)(?:\/|$)/.test(relative(repositoryRoot, source))
  cpSync(repositoryRoot, copy, { recursive: true, filter: isCopied })
  symlinkSync(join(repositoryRoot, 'node_modules'), join(copy, 'node_modules'))
})
afterAll(() => rmSync(copy, { recursive: true, force: true }))

/** Does what a diff shows: finds the lines it keeps, and puts the new ones where they stand. */
function applyDiff(text: string, diff: string): string {
  const lines = diff.trimEnd().split('\n')
  const kept = lines.filter((line) => !line.startsWith('+')).map((line) => line.slice(1))
  const found = `\n${kept.join('\n')}\n`
  expect(text.split(found), `the lines of the diff stand once in the file: ${found}`).toHaveLength(2)
  return text.replace(found, () => `\n${lines.map((line) => line.slice(1)).join('\n')}\n`)
}

function changedFiles(): readonly string[] {
  const after = readCopiedFiles(copy)
  return [...after].filter(([path, text]) => before.get(path) !== text).map(([path]) => path)
}

test('the page leads to a provider that answers, and touches the files it names', async () => {
  const [program = ''] = blocks('ts')
  writeFileSync(join(copy, 'src/providers/acme.ts'), program)
  const index = join(copy, 'src/providers/index.ts')
  writeFileSync(index, blocks('diff').reduce(applyDiff, readFileSync(index, 'utf8')))
  const byHand = changedFiles()
  expect(byHand.toSorted()).toEqual(['src/providers/acme.ts', 'src/providers/index.ts'])

  for (const command of commandsOf(guide)) await runInCopy(command)
  const written = changedFiles().filter((path) => !byHand.includes(path))
  expect(written.toSorted()).toEqual(['docs/holdfast.schema.json', 'docs/providers.md'])

  const simulator = await startSimulator({ scenario: createScenario() })
  try {
    const answer = await askAcme(`${simulator.origin}/v1`)
    expect(answer).toMatchObject({ choices: [{ message: { content: expect.stringContaining('hello') } }] })
    expect(simulator.calls.at(-1)?.headers['authorization']).toBe('Bearer key-of-acme-0123456789')
  } finally {
    await simulator.close()
  }
}, 120_000)

async function runInCopy(command: string): Promise<void> {
  const [name = '', ...args] = command.split(' ')
  expect(name).toBe('npm')
  const isTest = args[0] === 'test'
  const ending = isTest ? ['--no-check'] : []
  const { stdout } = await run(name, [...args, ...ending], { cwd: copy, env: environmentWithoutKeys() })
  if (isTest) expect(stdout).toMatch(/\d+ passed, 0 failed(?:, \d+ skipped)?\s*$/)
}

/** A gateway of the copy, with nothing but the key of the new provider in its environment. */
async function askAcme(baseUrl: string): Promise<unknown> {
  const config = { listen: '127.0.0.1:0', discover: false, providers: { acme: { baseUrl } } }
  writeFileSync(join(copy, 'holdfast.yaml'), JSON.stringify(config))
  const child = execFile(process.execPath, ['src/cli/main.ts', 'start', '--config', 'holdfast.yaml'], {
    cwd: copy,
    env: { ...environmentWithoutKeys(), ACME_API_KEY: 'key-of-acme-0123456789' },
  })
  try {
    const url = await listeningUrl(child)
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      body: JSON.stringify({ model: 'acme-small', messages: [{ role: 'user', content: 'hello' }] }),
    })
    return await response.json()
  } finally {
    child.kill('SIGKILL')
  }
}

function listeningUrl(child: ReturnType<typeof execFile>): Promise<string> {
  return new Promise((resolve, reject) => {
    let printed = ''
    child.stdout?.on('data', (text: string) => {
      printed += text
      const found = /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(printed)?.[1]
      if (found !== undefined) resolve(found)
    })
    child.on('exit', () => reject(new Error(`the gateway ended: ${printed}`)))
  })
}
