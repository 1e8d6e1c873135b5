import { describe, expect, test } from 'vitest'
import { anthropicMessages } from '../dialects/anthropic-messages/index.ts'
import { knownProviders } from './index.ts'
import type { Provider, QuirkedCall } from './provider.ts'

function need(id: string): Provider {
  const provider = knownProviders.get(id)
  if (!provider) throw new Error(`no provider ${id}`)
  return provider
}

function at(id: string, address: string): Provider {
  const provider = need(id).at?.(address)
  if (!provider) throw new Error(`${id} has no addresses of its own`)
  return provider
}

function addressInEnvironment(id: string, env: Readonly<Record<string, string>>): string | undefined {
  return need(id).environmentAddress?.((name) => env[name])
}

function credentialInEnvironment(id: string, env: Readonly<Record<string, string>>): string | undefined {
  return need(id).environmentCredential?.((name) => env[name])
}

function urlOf(provider: Provider, path: string, call: QuirkedCall): string {
  return (
    provider.baseUrl + provider.quirks.reduce((told, quirk) => quirk.adaptPath?.(told, call) ?? told, path)
  )
}

const chat: QuirkedCall = { operation: 'chat', modelId: 'm', stream: false }

describe('Amazon Bedrock', () => {
  test.each([
    ['https://bedrock-runtime.eu-west-1.amazonaws.com/', 'eu-west-1'],
    ['https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com', 'us-gov-west-1'],
    ['https://bedrock-runtime.cn-north-1.amazonaws.com.cn', 'cn-north-1'],
    ['https://vpce-1-2.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com', 'ap-southeast-2'],
    ['http://127.0.0.1:8080/aws?region=eu-central-1', 'eu-central-1'],
    ['http://127.0.0.1:8080', 'us-east-1'],
  ])('at %s signs for %s', (address, region) => {
    const bedrock = at('bedrock', address)
    expect(bedrock.auth).toEqual({ kind: 'aws-sigv4', service: 'bedrock', region })
    expect(bedrock.baseUrl).not.toMatch(/[?]|\/$/)
  })

  test('is found by the region and keys that every AWS tool reads', () => {
    expect(addressInEnvironment('bedrock', { AWS_DEFAULT_REGION: 'eu-west-3' })).toBe(
      'https://bedrock-runtime.eu-west-3.amazonaws.com',
    )
    expect(addressInEnvironment('bedrock', { AWS_REGION: 'evil.example/' })).toBeUndefined()
    const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret' }
    expect(credentialInEnvironment('bedrock', keys)).toBe('id:secret')
    expect(credentialInEnvironment('bedrock', { ...keys, AWS_SESSION_TOKEN: 't' })).toBe('id:secret:t')
    expect(credentialInEnvironment('bedrock', { AWS_ACCESS_KEY_ID: 'id' })).toBeUndefined()
  })
})

describe('Vertex AI', () => {
  const gemini =
    'https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google'

  test.each([
    [gemini],
    [`${gemini}/models/gemini-2.5-flash:generateContent`],
    ['https://us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1'],
  ])('takes the address %s', (address) => {
    expect(at('vertex-gemini', address).baseUrl).toBe(gemini)
  })

  test('is found by project and location', () => {
    const env = { GOOGLE_CLOUD_PROJECT: 'p', GOOGLE_CLOUD_LOCATION: 'us-central1' }
    expect(addressInEnvironment('vertex-gemini', env)).toBe(gemini)
    expect(addressInEnvironment('vertex-gemini', { GOOGLE_CLOUD_PROJECT: 'p' })).toBe(
      'https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google',
    )
    const claude = { ANTHROPIC_VERTEX_PROJECT_ID: 'p', CLOUD_ML_REGION: 'eu' }
    expect(addressInEnvironment('vertex-anthropic', claude)).toBe(
      'https://aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic',
    )
    expect(addressInEnvironment('vertex-gemini', { ...env, GOOGLE_CLOUD_LOCATION: 'a/../b' })).toBeUndefined()
    expect(addressInEnvironment('vertex-gemini', {})).toBeUndefined()
  })

  test('takes a key file’s content, or its two fields that matter', () => {
    expect(credentialInEnvironment('vertex-gemini', { GOOGLE_CREDENTIALS: '{"a": 1}' })).toBe('{"a": 1}')
    const fields = { GOOGLE_CLIENT_EMAIL: 'a@example.com', GOOGLE_PRIVATE_KEY: 'k' }
    expect(JSON.parse(credentialInEnvironment('vertex-gemini', fields) ?? '')).toEqual({
      type: 'service_account',
      client_email: 'a@example.com',
      private_key: 'k',
    })
  })

  test('has Claude with the model in the path and the version in the body', () => {
    const claude = need('vertex-anthropic')
    const path = anthropicMessages.path(chat)
    const base =
      'https://aiplatform.googleapis.com/v1/projects/your-project/locations/global/publishers/anthropic'
    const modelId = 'claude-sonnet-4-5@20250929'
    expect(urlOf(claude, path, { ...chat, modelId })).toBe(
      `${base}/models/claude-sonnet-4-5%4020250929:rawPredict`,
    )
    expect(urlOf(claude, path, { ...chat, stream: true })).toBe(`${base}/models/m:streamRawPredict`)
    expect(urlOf(claude, path, { ...chat, operation: 'count-tokens' })).toBe(
      `${base}/models/count-tokens:rawPredict`,
    )
    const adapt = claude.quirks[0]?.adaptRequest
    expect(adapt?.({ model: 'm', max_tokens: 5, messages: [] })).toEqual({
      anthropic_version: 'vertex-2023-10-16',
      max_tokens: 5,
      messages: [],
    })
    expect(adapt?.({ model: 'm', messages: [] })).toEqual({
      anthropic_version: 'vertex-2023-10-16',
      model: 'm',
      messages: [],
    })
  })
})

describe('Azure', () => {
  const older = at('azure-openai', 'https://acme.openai.azure.com/?api-version=2025-04-01-preview')
  const current = at('azure-openai', 'https://acme.cognitiveservices.azure.com')

  test.each([
    ['/chat/completions', '/openai/deployments/m/chat/completions?api-version=2025-04-01-preview'],
    ['/embeddings', '/openai/deployments/m/embeddings?api-version=2025-04-01-preview'],
    ['/images/generations', '/openai/deployments/m/images/generations?api-version=2025-04-01-preview'],
    ['/responses', '/openai/responses?api-version=2025-04-01-preview'],
    ['/responses/r?include=x', '/openai/responses/r?include=x&api-version=2025-04-01-preview'],
  ])('of an older version has %s under its deployment, where it belongs to one', (path, expected) => {
    expect(urlOf(older, path, chat)).toBe(`https://acme.openai.azure.com${expected}`)
    expect(urlOf(current, path, chat)).toBe(`https://acme.cognitiveservices.azure.com/openai/v1${path}`)
  })

  test('has the models of other makers in Foundry, named in the body', () => {
    const foundry = at(
      'azure-openai',
      'https://acme.services.ai.azure.com/models?api-version=2024-05-01-preview',
    )
    expect(urlOf(foundry, '/chat/completions', chat)).toBe(
      'https://acme.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview',
    )
    expect(foundry.quirks.map(({ name }) => name)).toEqual(['api-version'])
    expect(foundry.alsoSpeaks).toBeUndefined()
  })

  test('speaks Responses beside chat', () => {
    expect(current.alsoSpeaks).toContain('openai-responses')
  })

  test('has Claude under the resource’s own address', () => {
    const base = 'https://acme.services.ai.azure.com/anthropic/v1'
    for (const address of ['', '/anthropic', '/anthropic/v1/messages']) {
      expect(at('azure-anthropic', `https://acme.services.ai.azure.com${address}`).baseUrl).toBe(base)
    }
    expect(addressInEnvironment('azure-anthropic', { ANTHROPIC_FOUNDRY_RESOURCE: 'acme' })).toBe(
      'https://acme.services.ai.azure.com/anthropic',
    )
    expect(need('azure-anthropic').auth).toEqual({ kind: 'header', header: 'x-api-key', prefix: '' })
  })
})

test('whoever serves Claude names the same maker of its state', () => {
  const origins = ['anthropic', 'bedrock', 'vertex-anthropic', 'azure-anthropic'].map(
    (id) => need(id).stateOrigin,
  )
  expect(new Set(origins)).toEqual(new Set(['anthropic']))
  expect(need('vertex-gemini').stateOrigin).toBe(need('gemini').stateOrigin)
})

test('Vertex counts a request as it stands, where the Gemini API has it wrapped', () => {
  const quirk = knownProviders.get('vertex-gemini')?.quirks.find(({ name }) => name === 'unwrapped-count')
  const contents = [{ role: 'user', parts: [{ text: 'Hello' }] }]
  const wrapped = { generateContentRequest: { model: 'models/gemini-2.5-flash', contents } }
  expect(quirk?.adaptRequest?.(wrapped)).toEqual({ contents })
  expect(quirk?.adaptRequest?.({ contents })).toEqual({ contents })
})
