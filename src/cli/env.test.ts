import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
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
import { GOOD, KEY } from '../upstream/certificates.test-support.ts'
import { exitCodes } from './exit-codes.ts'
import { diffLines } from './line-diff.ts'
import { runIn } from './terminal.test-support.ts'

const SECRET = 'sk-hf-0123456789abcdefghijABCDEFGHIJ01abcdef'
let home = ''
let config = ''

beforeEach(() => {
  home = mkdtempSync(path.join(tmpdir(), 'holdfast-env-'))
  config = path.join(home, 'holdfast.yaml')
  writeFileSync(
    config,
    'listen: 0.0.0.0:5151\nkeys: [{ name: me, key: key-of-mine-0123456789 }]\ndiscover: false\nproviders: { ollama: {} }\nroutes: { smart: { targets: [ollama/llama3] } }\n',
  )
})
afterEach(() => rmSync(home, { recursive: true }))

const env = (words: readonly string[], extra: Readonly<Record<string, string>> = {}, input?: string) =>
  runIn(['env', ...words, '--config', config], {
    env: { HOME: home, SHELL: '/bin/bash', ...extra },
    ...(input !== undefined && { input }),
  })
const inHome = (...names: readonly string[]) => path.join(home, ...names)
const put = (text: string, ...names: readonly string[]) => {
  mkdirSync(path.dirname(inHome(...names)), { recursive: true })
  writeFileSync(inHome(...names), text)
}

describe('printing', () => {
  test('gives lines that a shell takes as they are, with the address of the configuration', async () => {
    const { exitCode, output, complaints } = await env(['claude-code', '--key', 'laptop'])
    expect(exitCode).toBe(exitCodes.ok)
    expect(output).toBe(
      'export ANTHROPIC_BASE_URL=http://127.0.0.1:5151\nexport ANTHROPIC_AUTH_TOKEN="$HOLDFAST_KEY"\nexport CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY=1',
    )
    expect(complaints).toContain('holdfast key create laptop --quiet')
    const shown = execFileSync('sh', ['-c', `${output}\necho "$ANTHROPIC_BASE_URL $ANTHROPIC_AUTH_TOKEN"`], {
      env: { HOLDFAST_KEY: SECRET },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    expect(String(shown)).toBe(`http://127.0.0.1:5151 ${SECRET}\n`)
  })

  test('names a gateway over TLS as its certificate does, since clients refuse it by another name', async () => {
    writeFileSync(config, `${readFileSync(config, 'utf8')}tls: { cert: chain.pem, key: key.pem }\n`)
    put(KEY, 'key.pem')
    put(GOOD, 'chain.pem')
    const { output } = await env(['claude-code', '--key', 'laptop'])
    expect(output).toContain('ANTHROPIC_BASE_URL=https://localhost:5151\n')
  })

  test('says how to make a key only where none is set, and never shows one that is', async () => {
    const { output, complaints } = await env(['claude-code'], { HOLDFAST_KEY: SECRET })
    expect(output + complaints).not.toContain(SECRET)
    expect(complaints).not.toContain('key create')
  })

  test('takes the key itself from standard input', async () => {
    const { output } = await env(['openai', '--key', '-'], {}, `${SECRET}\n`)
    expect(output).toContain(`export OPENAI_API_KEY=${SECRET}`)
    const none = await env(['openai', '--key', '-'])
    expect(none).toMatchObject({
      exitCode: exitCodes.configuration,
      complaints: expect.stringContaining('pipe it in'),
    })
  })

  test('refuses a key given as an argument, and does not repeat it', async () => {
    const { exitCode, output, complaints } = await env(['openai', '--key', SECRET])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain('HOLDFAST_KEY')
    expect(output + complaints).not.toContain(SECRET)
  })

  test('gives what belongs into a file where the client has no variables', async () => {
    const { output, complaints } = await env(['codex'])
    expect(output).toContain('model = "smart"\nmodel_provider = "holdfast"')
    expect(complaints).toContain(`${inHome('.codex', 'config.toml')}; holdfast env codex --write`)
  })

  test('answers in JSON, in the lines of other shells, and with the list of clients', async () => {
    expect(JSON.parse((await env(['claude-code', '--json'])).output)).toMatchObject({
      client: 'claude-code',
      url: 'http://127.0.0.1:5151',
      variables: expect.arrayContaining([{ name: 'ANTHROPIC_AUTH_TOKEN', from: 'HOLDFAST_KEY' }]),
    })
    expect((await env(['openai', '--shell', 'fish'])).output).toContain('set -gx OPENAI_BASE_URL')
    expect((await env(['openai'], { SHELL: '/usr/bin/fish' })).output).toContain('set -gx OPENAI_BASE_URL')
    expect((await env(['--list'])).output).toContain('claude-code')
    expect(JSON.parse((await env(['--list', '--json'])).output)).toContainEqual({
      client: 'codex',
      name: 'Codex',
      canWrite: true,
    })
  })

  test.each([
    ['https://ai.example.com/gateway/v1/', 'https://ai.example.com/gateway'],
    ['127.0.0.1:9', 'http://127.0.0.1:9'],
    ['http://h/v1beta', 'http://h'],
  ])('takes the address %s as people paste it', async (url, expected) => {
    expect((await env(['anthropic', '--url', url])).output).toContain(`ANTHROPIC_BASE_URL=${expected}\n`)
  })

  test.each([
    ['a client nobody knows', ['claud-code'], 'did you mean claude-code?'],
    ['an address that is none', ['openai', '--url', 'ftp://x'], 'the address is none'],
    ['an address with a password', ['openai', '--url', 'http://me:pw@h'], 'the address is none'],
    ['a model with spaces', ['codex', '--model', 'a b'], 'no name of a model'],
    ['a file where there are only variables', ['copilot', '--write'], 'has no settings file'],
  ])('refuses %s', async (_, words, complaint) => {
    const { exitCode, complaints } = await env(words)
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain(complaint)
  })
})

describe('writing', () => {
  test('keeps what else is there, and a copy of how it was; a second time changes nothing', async () => {
    const before = '{\n  // mine\n  "model": "opus",\n  "env": { "FOO": "1" }\n}\n'
    put(before, '.claude', 'settings.json')
    const first = await env(['claude-code', '--write'], { HOLDFAST_KEY: SECRET })
    expect(first.exitCode).toBe(exitCodes.ok)
    expect(first.complaints).toContain(`before: ${inHome('.claude', 'settings.json.before-holdfast')}`)
    expect(first.output + first.complaints).not.toContain(SECRET)
    const after = readFileSync(inHome('.claude', 'settings.json'), 'utf8')
    expect(after).toContain('// mine\n  "model": "opus"')
    expect(after).toContain(
      `"env": { "FOO": "1", "ANTHROPIC_BASE_URL": "http://127.0.0.1:5151", "ANTHROPIC_AUTH_TOKEN": "${SECRET}"`,
    )
    expect(readFileSync(inHome('.claude', 'settings.json.before-holdfast'), 'utf8')).toBe(before)
    expect(statSync(inHome('.claude', 'settings.json.before-holdfast')).mode & 0o777).toBe(0o600)
    const second = await env(['claude-code', '--write'], { HOLDFAST_KEY: SECRET })
    expect(second.complaints).toContain('is as it should be')
    expect(readdirSync(inHome('.claude')).toSorted()).toEqual([
      'settings.json',
      'settings.json.before-holdfast',
    ])
  })

  test('keeps every copy when it changes a file again', async () => {
    put('{}', '.claude', 'settings.json')
    await env(['claude-code', '--write'])
    await env(['claude-code', '--write', '--url', 'http://other'])
    expect(readFileSync(inHome('.claude', 'settings.json.before-holdfast'), 'utf8')).toBe('{}')
    expect(readFileSync(inHome('.claude', 'settings.json.before-holdfast-2'), 'utf8')).toContain('5151')
  })

  test('makes files for their owner alone, and says what the environment still needs', async () => {
    const { output, complaints } = await env(['gemini-cli', '--write'])
    expect(readFileSync(inHome('.gemini', '.env'), 'utf8')).toBe(
      'GOOGLE_GEMINI_BASE_URL=http://127.0.0.1:5151\n',
    )
    expect(statSync(inHome('.gemini', '.env')).mode & 0o777).toBe(0o600)
    expect(output).toBe('export GEMINI_API_KEY="$HOLDFAST_KEY"')
    expect(complaints).toContain(`${inHome('.gemini', 'settings.json')} is written`)
  })

  test('closes a file that others could read where the key itself goes into it', async () => {
    put('{}', '.claude', 'settings.json')
    chmodSync(inHome('.claude', 'settings.json'), 0o644)
    const { complaints } = await env(['claude-code', '--write'], { HOLDFAST_KEY: SECRET })
    expect(statSync(inHome('.claude', 'settings.json')).mode & 0o777).toBe(0o600)
    expect(complaints).toContain('readable by you alone')
  })

  test('follows a link to where the file is kept, and keeps the rights it has', async () => {
    put('model = "x"\n', 'dotfiles', 'codex.toml')
    mkdirSync(inHome('.codex'))
    symlinkSync(inHome('dotfiles', 'codex.toml'), inHome('.codex', 'config.toml'))
    await env(['codex', '--write'])
    expect(readFileSync(inHome('dotfiles', 'codex.toml'), 'utf8')).toContain('[model_providers.holdfast]')
    expect(statSync(inHome('dotfiles', 'codex.toml')).mode & 0o777).toBe(0o644)
  })

  test('writes no file where one of them cannot be changed', async () => {
    put('[]', '.gemini', 'settings.json')
    const { exitCode, complaints } = await env(['gemini-cli', '--write'])
    expect(exitCode).toBe(exitCodes.configuration)
    expect(complaints).toContain('is not a JSON object: nothing was written')
    expect(existsSync(inHome('.gemini', '.env'))).toBe(false)
  })

  test('shows with --dry-run what would change, without secrets, and writes nothing', async () => {
    const before = `{"env": {\n"ANTHROPIC_AUTH_TOKEN": "${SECRET}",\n"FOO": "kept"\n}}\n`
    put(before, '.claude', 'settings.json')
    const { exitCode, output, complaints } = await env(
      ['claude-code', '--write', '--dry-run', '--key', '-'],
      {},
      'new-key-0123456789abcdef',
    )
    expect(exitCode).toBe(exitCodes.ok)
    expect(output).toContain('- "ANTHROPIC_AUTH_TOKEN": "sk-hf-…"')
    expect(output).toContain('+ "ANTHROPIC_AUTH_TOKEN": "new-ke…"')
    expect(output + complaints).not.toMatch(/0123456789/)
    expect(readFileSync(inHome('.claude', 'settings.json'), 'utf8')).toBe(before)
    expect(readdirSync(inHome('.claude'))).toEqual(['settings.json'])
  })

  test('answers in JSON what was done', async () => {
    const { output } = await env(['pi', '--write', '--json'])
    expect(JSON.parse(output)).toEqual({
      ok: true,
      client: 'pi',
      dryRun: false,
      files: [{ path: inHome('.pi', 'agent', 'models.json'), isChanged: true }],
    })
  })

  test('says why where the directory cannot be written to', async () => {
    writeFileSync(inHome('.codex'), 'a file, not a directory')
    const { exitCode, complaints } = await env(['codex', '--write'])
    expect(exitCode).toBe(exitCodes.failed)
    expect(complaints).toMatch(/config\.toml cannot be written \(E[A-Z]+\)/)
  })
})

test('a difference of texts is the lines that go and come', () => {
  const said = (before: string, after: string) =>
    diffLines(before, after).map(({ sign, text }) => sign + text)
  expect(said('a\nb\nc\nd\n', 'a\nB\nc\nD\nd\n')).toEqual(['-b', '+B', '+D'])
  expect(said('', 'a\n')).toEqual(['+a'])
  expect(said('a\n', 'a\n')).toEqual([])
})
