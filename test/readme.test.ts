/** Runs every command and every program of the README; test/documents.test.ts keeps the two of them alike. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { readSourceFiles, repositoryRoot } from '../tools/checks/source-files.ts'
import { commandsOf, fencesOf } from './support/fences.ts'
import {
  environmentWithoutKeys,
  mainFile,
  type RunningGateway,
  startGateway,
} from './support/running-gateway.ts'

const files = readSourceFiles()
const english = files.get('README.md') ?? ''
const scripts = scriptsOf(files.get('package.json') ?? '')

let gateway: RunningGateway
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'holdfast-readme-'))
  await writeFile(join(folder, 'holdfast.yaml'), exampleConfig())
  await writeFile(join(folder, 'curl'), `#!/bin/sh\nexec "${process.execPath}" "${curlFile}" "$@"\n`)
  await chmod(join(folder, 'curl'), 0o755)
  gateway = await startGateway()
})

afterAll(async () => {
  await gateway?.[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

describe('the README', () => {
  test('names commands that the program knows, and all of them', async () => {
    const { stdout } = await run(process.execPath, [mainFile, '--help'])
    const named = [...english.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name ?? '')
    const known = [...stdout.matchAll(/^ {2}([a-z]+)\b/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== 'help')
    expect(new Set(known)).toEqual(new Set(named))
  })
})

describe('every command of the README runs', () => {
  test.each(commandsOf(english).map((command) => [command]))('%s', async (command) => {
    const way = ways.find(({ pattern }) => pattern.test(command))
    expect(way, 'there is no way to run this command in a test').toBeDefined()
    await way?.check(command)
  })
})

describe('every program of the README answers', () => {
  const programs = fencesOf(english).filter(({ language }) => language === 'ts')

  test.each(programs.map(({ text }) => [/from '([^']+)'/.exec(text)?.[1] ?? '?', text]))(
    '%s',
    async (_name, text) => {
      const { stdout, code, stderr } = await run(
        process.execPath,
        ['--input-type=module-typescript', '--eval', here(text)],
        repositoryRoot,
      )
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout.toLowerCase()).toContain('simulated')
    },
  )
})

interface Way {
  readonly pattern: RegExp
  check(command: string): Promise<void>
}

const curlFile = join(repositoryRoot, 'test', 'support', 'curl.ts')

/** How each kind of command is run here; the port of the documents becomes that of the running gateway. */
const ways: readonly Way[] = [
  { pattern: /^npm ci$/, check: lockFileFits },
  { pattern: /^npm start$/, check: gatewayStarted },
  { pattern: /^npm (?:test|run (?:check|bench|sim))$/, check: scriptExists },
  { pattern: /^npm run holdfast -- /, check: commandSucceeds },
  { pattern: /^export \w+_BASE_URL=/, check: baseUrlAnswers },
  {
    pattern: /^curl .*\/v1\/chat\/completions/,
    check: (command) => curlAnswers(command, '"finish_reason":"stop"'),
  },
  { pattern: /^curl .*\/v1\/messages/, check: (command) => curlAnswers(command, 'event: message_stop') },
  { pattern: /^curl .*\/v1\/models/, check: (command) => curlAnswers(command, 'simulator/mock') },
]

/** The rest of `npm ci` is downloading; what can go wrong in this repository is a lock file that does not fit. */
async function lockFileFits(): Promise<void> {
  const result = await run('npm', ['ci', '--dry-run', '--ignore-scripts', '--offline'], repositoryRoot)
  expect(result.code, result.stderr).toBe(0)
}

async function gatewayStarted(): Promise<void> {
  expect(scripts['start']).toBe('node --disable-sigusr1 src/cli/main.ts start')
  expect(gateway.output()).toContain('curl')
  expect(gateway.output().toLowerCase()).toContain('simulat')
}

async function scriptExists(command: string): Promise<void> {
  const script = scripts[command.replace(/^npm (?:run )?/, '')] ?? ''
  const file = /^node (\S+)/.exec(script)?.[1] ?? 'none'
  expect(existsSync(join(repositoryRoot, file)), script).toBe(true)
}

async function commandSucceeds(command: string): Promise<void> {
  expect(scripts['holdfast']).toBe('node src/cli/main.ts')
  const args = command.replace('npm run holdfast -- ', '').split(' ')
  const { code, stdout, stderr } = await run(process.execPath, [mainFile, ...args])
  expect(code, stderr + stdout).toBe(0)
  expect(stdout).not.toBe('')
}

async function baseUrlAnswers(command: string): Promise<void> {
  const base = here(command.slice(command.indexOf('=') + 1))
  const models = await fetch(base.endsWith('/v1') ? `${base}/models` : `${base}/v1/models`)
  expect(models.status).toBe(200)
}

async function curlAnswers(command: string, expected: string): Promise<void> {
  const { code, stdout, stderr } = await run('sh', ['-c', here(command)])
  expect(code, stderr).toBe(0)
  expect(stdout.replaceAll(/":\s+"/g, '":"')).toContain(expected)
}

interface RunResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program; a stand-in serves where the machine has no curl. */
async function run(file: string, args: readonly string[], cwd = folder): Promise<RunResult> {
  const env = {
    ...environmentWithoutKeys(),
    NO_COLOR: '1',
    PATH: `${process.env['PATH'] ?? ''}${delimiter}${folder}`,
    LAPTOP_KEY: 'a-key-that-only-this-test-uses',
    BACKUP_KEY: 'another-key-that-only-this-test-uses',
    ANTHROPIC_API_KEY: 'a-third-key-that-only-this-test-uses',
  }
  return new Promise((resolve) => {
    execFile(file, args, { cwd, env, timeout: 60_000 }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : 1, stdout, stderr })
    })
  })
}

/** The documents' default address, moved to the port of the running gateway. */
function here(text: string): string {
  return text.replaceAll('127.0.0.1:4141', `127.0.0.1:${gateway.port}`)
}

function exampleConfig(): string {
  return fencesOf(english).find(({ language }) => language === 'yaml')?.text ?? ''
}

function scriptsOf(packageJson: string): Readonly<Record<string, string>> {
  // package.json is ours, and npm refuses scripts that are not strings.
  const parsed = JSON.parse(packageJson) as { readonly scripts: Readonly<Record<string, string>> }
  return parsed.scripts
}
