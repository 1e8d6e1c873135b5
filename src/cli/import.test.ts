import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { exitCodes } from './exit-codes.ts'
import { runIn } from './terminal.test-support.ts'

let directory = ''
const file = (name: string) => path.join(directory, name)

beforeEach(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'holdfast-import-'))
  writeFileSync(
    file('litellm.yaml'),
    `model_list:
  - model_name: smart
    litellm_params:
      model: openai/gpt-4o
      api_key: sk-stands-in-the-file-0123456789
      temperature: 0.5
      max_budget: 5
      budget_duration: 1d
  - model_name: fast
    litellm_params: { model: groq/llama-3 }
`,
  )
})
afterEach(() => rmSync(directory, { recursive: true }))

const run = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  runIn(['import', 'litellm', ...words], { directory, env })

describe('import litellm', () => {
  test('says what becomes of every line, shows the file without keys, and writes nothing', async () => {
    const { exitCode, output, complaints } = await run(['litellm.yaml'])
    expect(exitCode).toBe(exitCodes.ok)
    expect(output).toContain(
      'litellm.yaml:4: maps    model_list[0].litellm_params.model: openai/gpt-4o -> openai/gpt-4o',
    )
    expect(output).toContain('litellm.yaml:6: cannot  model_list[0].litellm_params.temperature:')
    expect(output).toContain('then: holdfast budget create --for model:openai/gpt-4o --limit 5 --per day')
    expect(output).toContain('targets:\n      - groq/llama-3')
    expect(output).toContain('credential: …')
    expect(complaints).toContain('not set here: GROQ_API_KEY')
    expect(complaints).toContain('nothing is written')
    expect(output + complaints).not.toContain('sk-stands')
    expect(existsSync(file('holdfast.yaml'))).toBe(false)
  })

  test('writes with --apply, for its owner alone, and never over a file without --force', async () => {
    expect((await run(['litellm.yaml', '--apply'])).exitCode).toBe(exitCodes.ok)
    expect(readFileSync(file('holdfast.yaml'), 'utf8')).toContain(
      'credential: sk-stands-in-the-file-0123456789',
    )
    expect(statSync(file('holdfast.yaml')).mode & 0o777).toBe(0o600)
    expect(
      (await runIn(['check', '--config', file('holdfast.yaml')], { env: { GROQ_API_KEY: 'k' } })).output,
    ).toContain('is fine: 2 providers, 2 routes')
    writeFileSync(file('holdfast.yaml'), 'mine')
    const again = await run(['litellm.yaml', '--apply'])
    expect(again.exitCode).toBe(exitCodes.configuration)
    expect(again.complaints).toContain('holdfast.yaml is there already')
    expect(readFileSync(file('holdfast.yaml'), 'utf8')).toBe('mine')
    expect((await run(['litellm.yaml', '--apply', '--force'])).exitCode).toBe(exitCodes.ok)
    expect((await run(['litellm.yaml', '--apply', '--out', 'new.yaml'])).complaints).toContain(
      'new.yaml is written',
    )
    expect(readFileSync(file('new.yaml'), 'utf8')).toBe(readFileSync(file('holdfast.yaml'), 'utf8'))
  })

  test('writes for its owner alone over a file that everybody could read, where its link points', async () => {
    writeFileSync(file('real.yaml'), 'old')
    chmodSync(file('real.yaml'), 0o644)
    symlinkSync(file('real.yaml'), file('holdfast.yaml'))
    expect((await run(['litellm.yaml', '--apply', '--force'])).exitCode).toBe(exitCodes.ok)
    expect(statSync(file('real.yaml')).mode & 0o777).toBe(0o600)
    expect(readFileSync(file('real.yaml'), 'utf8')).toContain('sk-stands-in-the-file-0123456789')
    expect(readdirSync(directory).toSorted()).toEqual(['holdfast.yaml', 'litellm.yaml', 'real.yaml'])
  })

  test.each([[[]], [['--json']]])(
    'shows no long header that the file would be folded at: %j',
    async (words) => {
      const token = 'Zk4_'.repeat(40)
      writeFileSync(
        file('headers.yaml'),
        `model_list: [{ model_name: m, litellm_params: { model: openai/x, extra_headers: { Authorization: "Bearer ${token}", Cookie: "a=${token}" } } }]\n`,
      )
      const { output, complaints } = await run(['headers.yaml', ...words])
      expect(output).toContain('authorization: …')
      expect(output + complaints).not.toContain('Zk4_')
    },
  )

  test('answers in JSON, without keys', async () => {
    const { output } = await run(['litellm.yaml', '--json', '--apply'])
    const answer = JSON.parse(output)
    expect(answer).toMatchObject({
      ok: true,
      written: 'holdfast.yaml',
      missing: ['GROQ_API_KEY'],
      faults: [],
    })
    expect(answer.findings[0]).toEqual({
      verdict: 'maps',
      line: 4,
      path: 'model_list[0].litellm_params.model',
      message: 'openai/gpt-4o -> openai/gpt-4o',
    })
    expect(output).not.toContain('sk-stands')
  })

  test.each([
    ['a file that is not there', 'gone.yaml', undefined, 'cannot be read (ENOENT)'],
    ['broken YAML', 'x.yaml', 'a: [\n', 'x.yaml:'],
    ['a file with nothing to carry over', 'x.yaml', 'model_list: []\n', 'nothing could be carried over'],
    ['a file that goes in circles', 'x.yaml', 'a: &a { b: *a }\n', 'x.yaml:1: an alias stands inside'],
  ])('ends with 2 at %s, and writes nothing', async (_, name, text, complaint) => {
    if (text !== undefined) writeFileSync(file(name), text)
    const { exitCode, complaints } = await run([name, '--apply'])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
    expect(existsSync(file('holdfast.yaml'))).toBe(false)
  })
})
