import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { Secret } from '../../std/secret.ts'
import type { Client, Connection, KeySource } from './client.ts'
import { clients, findClient } from './clients.ts'
import { type Shell, shellLine } from './shell-lines.ts'

const url = 'http://127.0.0.1:4141'
const named: KeySource = { type: 'variable', name: 'HOLDFAST_KEY' }
const set: KeySource = { ...named, secret: new Secret('sk-hf-set') }
const piped: KeySource = { type: 'secret', secret: new Secret('sk-hf-piped') }
const places = { home: '/u/me', env: {} }

const clientOf = (id: string): Client => {
  const client = findClient(id)
  if (client === undefined) throw new Error(`no ${id}`)
  return client
}

/** The files of a client who had none, by their paths. */
function filesOf(id: string, connection: Connection): Readonly<Record<string, string>> {
  return Object.fromEntries(
    clientOf(id).files.map((file) => {
      const edited = file.edit('', connection)
      return [file.paths(places).at(-1), edited.ok ? edited.text : edited.reason]
    }),
  )
}

const one = (files: Readonly<Record<string, string>>): string => Object.values(files)[0] ?? ''

test('knows the clients by their names and by what people call them', () => {
  expect(clients.map(({ id }) => id).join(' ')).toBe(
    'claude-code codex gemini-cli opencode qwen-code cline continue copilot pi aider openai anthropic google',
  )
  expect(findClient('Claude')?.id).toBe('claude-code')
  expect(findClient('gemini')?.id).toBe('gemini-cli')
  expect(findClient('constructor')).toBeUndefined()
})

describe('Claude Code', () => {
  test('has address and key in the env block of its settings', () => {
    const files = filesOf('claude-code', { url, key: set, model: 'claude-sonnet-4-5' })
    expect(Object.keys(files)).toEqual(['/u/me/.claude/settings.json'])
    expect(JSON.parse(one(files))).toEqual({
      env: {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: 'sk-hf-set',
        CLAUDE_CODE_ENABLE_GATEWAY_MODEL_DISCOVERY: '1',
        ANTHROPIC_MODEL: 'claude-sonnet-4-5',
      },
    })
  })

  test('is told where the key must come from when it is not at hand', () => {
    const connection = { url, key: named }
    expect(one(filesOf('claude-code', connection))).not.toContain('TOKEN')
    expect(clientOf('claude-code').needs(connection)).toEqual([
      { name: 'ANTHROPIC_AUTH_TOKEN', value: { type: 'key' } },
    ])
  })

  test('is found in the directory it is told to keep its settings in', () => {
    const [file] = clientOf('claude-code').files
    expect(file?.paths({ home: '/h', env: { CLAUDE_CONFIG_DIR: '/c' } })).toEqual(['/c/settings.json'])
  })
})

test('Codex has a provider of its own, and the key in a variable alone', () => {
  expect(filesOf('codex', { url, key: piped, model: 'smart' })).toEqual({
    '/u/me/.codex/config.toml': [
      'model = "smart"',
      'model_provider = "holdfast"',
      '',
      '[model_providers.holdfast]',
      'name = "Holdfast"',
      `base_url = "${url}/v1"`,
      'env_key = "HOLDFAST_KEY"',
      'wire_api = "responses"',
      '',
    ].join('\n'),
  })
})

test.each([
  [
    'gemini-cli',
    '/u/me/.gemini',
    `GOOGLE_GEMINI_BASE_URL=${url}\nGEMINI_API_KEY=sk-hf-set\n`,
    'gemini-api-key',
  ],
  ['qwen-code', '/u/me/.qwen', `OPENAI_BASE_URL=${url}/v1\nOPENAI_API_KEY=sk-hf-set\n`, 'openai'],
])('%s has variables in a file, and a setting that makes it use them', (id, directory, dotenv, auth) => {
  const files = filesOf(id, { url, key: set })
  expect(files[`${directory}/.env`]).toBe(dotenv)
  expect(JSON.parse(files[`${directory}/settings.json`] ?? '')).toEqual({
    security: { auth: { selectedType: auth } },
  })
  expect(filesOf(id, { url, key: named })[`${directory}/.env`]).not.toContain('KEY')
})

test.each([
  ['OpenCode', named, '{env:HOLDFAST_KEY}'],
  ['OpenCode', set, '{env:HOLDFAST_KEY}'],
  ['OpenCode', piped, 'sk-hf-piped'],
])('%s names the variable where there is one', (_, key, apiKey) => {
  expect(JSON.parse(one(filesOf('opencode', { url, key, model: 'smart' })))).toEqual({
    $schema: 'https://opencode.ai/config.json',
    provider: {
      holdfast: {
        npm: '@ai-sdk/openai-compatible',
        name: 'Holdfast',
        options: { baseURL: `${url}/v1`, apiKey },
        models: { smart: {} },
      },
    },
  })
})

test('Cline has the file that its own command writes', () => {
  const files = filesOf('cline', { url, key: set, model: 'smart' })
  expect(JSON.parse(files['/u/me/.cline/data/settings/providers.json'] ?? '')).toEqual({
    version: 1,
    lastUsedProvider: 'openai-compatible',
    providers: {
      'openai-compatible': {
        settings: {
          provider: 'openai-compatible',
          apiKey: 'sk-hf-set',
          model: 'smart',
          baseUrl: `${url}/v1`,
        },
        updatedAt: '1970-01-01T00:00:00.000Z',
        tokenSource: 'manual',
      },
    },
  })
})

test('Continue has a model among its models', () => {
  expect(parse(one(filesOf('continue', { url, key: named, model: 'smart' })))).toMatchObject({
    models: [
      {
        name: 'Holdfast',
        provider: 'openai',
        model: 'smart',
        apiBase: `${url}/v1`,
        apiKey: '${{ secrets.HOLDFAST_KEY }}',
      },
    ],
  })
})

test('Aider has three fields among those of its file, the model behind the word that means its protocol', () => {
  const fields = { 'openai-api-base': `${url}/v1`, model: 'openai/ollama/llama3' }
  const connection = { url, model: 'ollama/llama3' }
  const unset = filesOf('aider', { ...connection, key: named })
  expect(Object.keys(unset)).toEqual(['/u/me/.aider.conf.yml'])
  expect(parse(one(unset))).toEqual(fields)
  expect(clientOf('aider').needs({ url, key: named })).toEqual([
    { name: 'OPENAI_API_KEY', value: { type: 'key' } },
  ])
  expect(parse(one(filesOf('aider', { ...connection, key: set })))).toEqual({
    ...fields,
    'openai-api-key': 'sk-hf-set',
  })
  expect(clientOf('aider').start({ ...connection, key: named })).toBe('aider --model openai/ollama/llama3')
})

test('pi has a provider, and each model once', () => {
  const [file] = clientOf('pi').files
  const first = one(filesOf('pi', { url, key: named, model: 'smart' }))
  const provider = { baseUrl: `${url}/v1`, api: 'openai-completions', apiKey: 'HOLDFAST_KEY' }
  expect(JSON.parse(first)).toEqual({ providers: { holdfast: { ...provider, models: [{ id: 'smart' }] } } })
  expect(file?.edit(first, { url, key: named, model: 'smart' })).toEqual({ ok: true, text: first })
  const second = file?.edit(first, { url, key: named, model: 'fast' })
  expect(second?.ok && JSON.parse(second.text).providers.holdfast.models).toEqual([
    { id: 'smart' },
    { id: 'fast' },
  ])
})

test.each([
  [
    'copilot',
    { COPILOT_PROVIDER_BASE_URL: `${url}/v1`, COPILOT_PROVIDER_API_KEY: 'key', COPILOT_MODEL: 'smart' },
  ],
  ['aider', { OPENAI_API_BASE: `${url}/v1`, OPENAI_API_KEY: 'key', AIDER_MODEL: 'openai/smart' }],
  ['openai', { OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'key' }],
  ['anthropic', { ANTHROPIC_BASE_URL: url, ANTHROPIC_AUTH_TOKEN: 'key' }],
  ['google', { GOOGLE_GEMINI_BASE_URL: url, GEMINI_API_KEY: 'key' }],
])('%s has everything in its environment', (id, expected) => {
  const variables = clientOf(id).variables({ url, key: named, model: 'smart' })
  const said = variables.map(({ name, value }) => [name, value.type === 'text' ? value.text : 'key'])
  expect(Object.fromEntries(said)).toMatchObject(expected)
})

describe('lines for a shell', () => {
  const hostile = `a'b"c$(d)\`e\`\\f`
  const line = (text: string, shell: Shell) =>
    shellLine({ name: 'X', value: { type: 'text', text } }, named, shell)

  test.each([
    ['bash', 'export X=http://h', `export X='a'\\''b"c$(d)\`e\`\\f'`, 'export K="$HOLDFAST_KEY"'],
    ['fish', 'set -gx X http://h', `set -gx X 'a\\'b"c$(d)\`e\`\\\\f'`, 'set -gx K "$HOLDFAST_KEY"'],
    ['powershell', "$env:X = 'http://h'", `$env:X = 'a''b"c$(d)\`e\`\\f'`, '$env:K = $env:HOLDFAST_KEY'],
  ] as const)('of %s have nothing in them that it would run', (shell, plain, quoted, key) => {
    expect(line('http://h', shell)).toBe(plain)
    expect(line(hostile, shell)).toBe(quoted)
    expect(shellLine({ name: 'K', value: { type: 'key' } }, set, shell)).toBe(key)
  })
})
