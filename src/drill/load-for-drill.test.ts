import { describe, expect, test } from 'vitest'
import { loadForDrill } from './load-for-drill.ts'

function load(text: string, env: Readonly<Record<string, string>> = {}) {
  return loadForDrill({
    path: 'holdfast.yaml',
    env,
    readFile: (path) => {
      if (path === 'holdfast.yaml') return text
      throw Object.assign(new Error('gone'), { code: 'ENOENT' })
    },
  })
}

function loaded(text: string, env?: Readonly<Record<string, string>>) {
  const result = load(text, env)
  if (!result.ok) throw new Error(result.faults.map(({ message }) => message).join('\n'))
  return result
}

const idsOf = ({ config }: ReturnType<typeof loaded>) => config.providers.map(({ provider }) => provider.id)

describe('the configuration of a drill', () => {
  test('is what start reads, where nothing is missing', () => {
    const result = loaded('providers: { openai: {} }', { OPENAI_API_KEY: 'sk-real' })
    expect(result.placeholders).toEqual([])
    expect(result.config.providers[0]?.credential?.reveal()).toBe('sk-real')
  })

  test('has placeholders for all that this machine lacks, each its own, and names them', () => {
    const text = `
keys: [{ name: laptop, key: "\${LAPTOP_KEY}" }]
providers:
  openai: { keys: ["\${KEY_A}", os.environ/KEY_B] }
  anthropic: {}
  azure-openai: {}
  own: { dialect: openai-chat, baseUrl: "https://llm.example.com/v1", credential: file:own.key, headers: { x-team: "team \${TEAM}" } }
routes:
  smart: { targets: [openai/gpt-5, anthropic/claude, mistral/large, own/model] }
`
    const result = loaded(text)
    expect(idsOf(result)).toEqual(['openai', 'anthropic', 'azure-openai', 'own', 'mistral'])
    expect(result.placeholders).toEqual([
      'LAPTOP_KEY',
      'KEY_A',
      'KEY_B',
      'TEAM',
      'ANTHROPIC_API_KEY',
      'AZURE_OPENAI_API_KEY',
      'AZURE_OPENAI_ENDPOINT',
      'MISTRAL_API_KEY',
      expect.stringMatching(/own\.key$/),
    ])
    const secrets = result.config.providers.flatMap(({ pool, credential }) => pool ?? credential ?? [])
    expect(new Set(secrets.map((secret) => secret.reveal())).size).toBe(secrets.length)
    expect(loaded(text).config.providers[0]?.credential?.fingerprint).toBe(secrets[0]?.fingerprint)
  })

  test('keeps what the environment has, and fills in only the rest', () => {
    const text = 'providers: { openai: {}, anthropic: {} }'
    const result = loaded(text, { OPENAI_API_KEY: 'sk-real' })
    expect(result.placeholders).toEqual(['ANTHROPIC_API_KEY'])
    expect(result.config.providers[0]?.credential?.reveal()).toBe('sk-real')
  })

  test('does not bring in a provider that nobody named', () => {
    expect(idsOf(loaded('providers: { deepseek-anthropic: {} }'))).toEqual(['deepseek-anthropic'])
    expect(
      idsOf(
        loaded(
          'providers: { own: { dialect: openai-chat, baseUrl: "http://127.0.0.1:1/v1", credential: "${OPENAI_API_KEY}" } }',
        ),
      ),
    ).toEqual(['own'])
  })

  test('has the simulator where there is no provider', () => {
    expect(idsOf(loaded('discover: false'))).toEqual(['simulator'])
    const none = loadForDrill({ env: {} })
    expect(none.ok && none.config.providers.map(({ provider }) => provider.id)).toEqual(['simulator'])
  })

  test('is refused for what is wrong in it, with line and column', () => {
    const result = load('providers:\n  openai: {}\nroutes:\n  a: { targets: [opnai/x] }\n')
    expect(result.ok ? [] : result.faults).toMatchObject([
      { line: 4, message: expect.stringContaining('opnai') },
    ])
  })

  test('says of a reference that no placeholder can stand for that it is not set', () => {
    const result = load('listen: "127.0.0.1:${PORT}"\nproviders: { openai: {} }')
    expect(result.ok ? [] : result.faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('the environment variable PORT is not set'),
    ])
  })

  test('says of a file that is not there that it is not there', () => {
    const result = loadForDrill({
      path: 'gone.yaml',
      env: {},
      readFile: () => {
        throw Object.assign(new Error('gone'), { code: 'ENOENT' })
      },
    })
    expect(result.ok ? [] : result.faults.map(({ message }) => message)).toEqual([
      expect.stringContaining('there is no such file'),
    ])
  })
})
