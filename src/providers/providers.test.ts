import { createReadStream, existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import type { TargetDialectId } from '../canonical/envelope.ts'
import { atAddress, compatibleProvider } from './compatible.ts'
import { knownProviders } from './index.ts'
import { isLocalAddress, isLoopbackHost } from './local-address.ts'
import type { Provider } from './provider.ts'
import { createTarget, parseAddress } from './target.ts'

const all = [...knownProviders.values()]
const need = (id: string): Provider => {
  const provider = knownProviders.get(id)
  if (!provider) throw new Error(`no provider ${id}`)
  return provider
}

test('knows every provider that the main job names', () => {
  const named =
    'openai anthropic azure-openai deepseek groq mistral together fireworks openrouter xai moonshot zhipu dashscope minimax siliconflow volcengine stepfun cerebras perplexity nvidia gemini ollama llamacpp lmstudio vllm openai-compatible anthropic-compatible'
  expect(named.split(' ').filter((id) => !knownProviders.has(id))).toEqual([])
})

describe.each(all)('$id', (provider) => {
  test('is sound data', () => {
    expect(knownProviders.get(provider.id)).toBe(provider)
    expect(provider.id).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
    expect(provider.name.length).toBeGreaterThan(1)
    const url = new URL(provider.baseUrl)
    expect(url.protocol).toBe(provider.isLocal ? 'http:' : 'https:')
    expect(provider.isLocal).toBe(isLocalAddress(provider.baseUrl))
    expect(provider.baseUrl).not.toMatch(/\/$|[?#]/)
    expect(url.username + url.password).toBe('')
    if (provider.modelsPath !== undefined) expect(provider.modelsPath).toMatch(/^\/[a-z0-9/]+$/)
    if (!provider.at) expect(provider.documentation).toMatch(/^https:\/\//)
  })

  test('takes its key from named variables, in a header', () => {
    if (!provider.isLocal && !provider.id.endsWith('-compatible')) {
      expect(provider.environmentKeys.length).toBeGreaterThan(0)
    }
    for (const name of provider.environmentKeys) {
      expect(name).toMatch(/^[A-Z][A-Z0-9_]*_API_KEY$|^AWS_BEARER_TOKEN_BEDROCK$|^GOOGLE_CREDENTIALS$/)
    }
    // The clouds compute theirs: upstream/authorize.
    if (provider.auth.kind === 'aws-sigv4' || provider.auth.kind === 'google-oauth') return
    expect(provider.auth.kind).toBe('header')
    if (provider.auth.kind !== 'header') return
    expect(['authorization', 'x-api-key', 'api-key', 'x-goog-api-key']).toContain(provider.auth.header)
    expect(provider.auth.prefix).toBe(provider.auth.header === 'authorization' ? 'Bearer ' : '')
  })

  test('says where each of its quirks was seen', () => {
    for (const quirk of provider.quirks) {
      expect(quirk.name).toMatch(/^[a-z]+(-[a-z]+)*$/)
      expect(URL.canParse(quirk.seenAt) && quirk.seenAt.startsWith('https://')).toBe(true)
      expect(quirk.adaptRequest ?? quirk.adaptPath).toBeTypeOf('function')
    }
    expect(new Set(provider.quirks.map((quirk) => quirk.name)).size).toBe(provider.quirks.length)
  })
})

test('no two hosted providers share an address', () => {
  const urls = all.filter((provider) => !provider.at).map((provider) => provider.baseUrl)
  expect(new Set(urls).size).toBe(urls.length)
})

describe('SEC-20: a key never travels in a URL', () => {
  test('Gemini takes it in a header of its own', () => {
    expect(need('gemini').auth).toEqual({ kind: 'header', header: 'x-goog-api-key', prefix: '' })
    expect(need('gemini').environmentKeys).toContain('GEMINI_API_KEY')
  })
})

describe('addresses', () => {
  test('Azure: an endpoint is the v1 API, where the model travels in the body', () => {
    const azure = atAddress(need('azure-openai'), 'https://acme.openai.azure.com/')
    expect(azure.baseUrl).toBe('https://acme.openai.azure.com/openai/v1')
    expect(azure.quirks.map((quirk) => quirk.name)).toEqual(['max-completion-tokens'])
    expect(azure.auth).toEqual({ kind: 'header', header: 'api-key', prefix: '' })
  })

  test('Azure: a deployment URL of the portal is the older API, where the model is in the path', () => {
    const copied =
      'https://acme.openai.azure.com/openai/deployments/gpt-4o/chat/completions?api-version=2025-04-01-preview'
    const azure = atAddress(need('azure-openai'), copied)
    const path = azure.quirks
      .find((quirk) => quirk.name === 'deployment-path')
      ?.adaptPath?.('/chat/completions', { operation: 'chat', modelId: 'my model', stream: false })
    expect(azure.baseUrl + path).toBe(
      'https://acme.openai.azure.com/openai/deployments/my%20model/chat/completions?api-version=2025-04-01-preview',
    )
  })

  test('another address keeps what is known of the provider', () => {
    const china = atAddress(need('dashscope'), 'https://dashscope-intl.aliyuncs.com/compatible-mode/v1/')
    expect(china.baseUrl).toBe('https://dashscope-intl.aliyuncs.com/compatible-mode/v1')
    expect(china.quirks).toBe(need('dashscope').quirks)
    expect(atAddress(need('vllm'), 'https://gpu.example.com/v1').isLocal).toBe(false)
    expect(atAddress(need('openai'), 'http://10.1.2.3:9000/v1').isLocal).toBe(true)
  })

  test('a compatible server is known by address and dialect', () => {
    const house = compatibleProvider({
      id: 'house',
      dialect: 'anthropic-messages',
      baseUrl: 'http://models.lan/v1/',
    })
    expect(house).toMatchObject({ id: 'house', baseUrl: 'http://models.lan/v1', isLocal: true, quirks: [] })
    expect(house.auth).toEqual({ kind: 'header', header: 'x-api-key', prefix: '' })
  })

  test.each([
    ['http://127.0.0.1:8000/v1', true],
    ['http://[::1]:8000/v1', true],
    ['http://localhost:1234', true],
    ['http://ollama:11434/v1', true],
    ['http://host.docker.internal:11434', true],
    ['http://192.168.1.20/v1', true],
    ['https://api.openai.com/v1', false],
    ['https://8.8.8.8/v1', false],
    ['not a url', false],
  ])('%s is local: %s', (url, isLocal) => {
    expect(isLocalAddress(url)).toBe(isLocal)
  })

  test.each([
    ['127.0.0.1', true],
    ['127.9.9.9', true],
    ['::1', true],
    ['[::1]', true],
    ['localhost', true],
    ['0.0.0.0', false],
    ['::', false],
    ['192.168.0.1', false],
    ['example.com', false],
  ])('%s is loopback: %s', (host, isLoopback) => {
    expect(isLoopbackHost(host)).toBe(isLoopback)
  })

  test('provider/model splits at the first slash', () => {
    expect(parseAddress('openrouter/meta/llama-3')).toEqual({
      providerId: 'openrouter',
      modelId: 'meta/llama-3',
    })
    expect(['gpt-4o', '/x', 'x/', ''].map(parseAddress)).toEqual([undefined, undefined, undefined, undefined])
  })
})

test('a target is patient with a local server and not with a hosted one', () => {
  const hosted = createTarget(need('openai'), 'gpt-5')
  const local = createTarget(need('ollama'), 'llama3')
  expect(hosted.id).toBe('openai/gpt-5')
  expect(hosted.timers).toEqual({ connectMs: 5_000, firstTokenMs: 60_000, idleMs: 30_000 })
  expect(local.timers).toEqual({ connectMs: 5_000, firstTokenMs: 300_000, idleMs: 120_000 })
  expect('credential' in hosted).toBe(false)
})

const corpus = new URL('../../../shared/corpus/', import.meta.url)
const hasCorpus = existsSync(corpus)

/** The corpus's own names for who answered, where they are not ours. */
const ours: Readonly<Record<string, string>> = { google: 'gemini' }
const paths: Readonly<Partial<Record<TargetDialectId, string>>> = {
  'openai-chat': '/chat/completions',
  'anthropic-messages': '/messages',
  gemini: '/models/gemini-2.5-flash:generateContent',
}

describe.skipIf(!hasCorpus)('recorded traffic (skipped where the shared recordings are absent)', () => {
  test('goes to the addresses that we would call', async () => {
    const recorded = await recordedUrls()
    const checked = all.filter(
      ({ id, isLocal, at, dialect }) => !isLocal && !at && recorded.has(id) && paths[dialect] !== undefined,
    )
    expect(checked.length).toBeGreaterThanOrEqual(12)
    for (const provider of checked) {
      expect(recorded.get(provider.id)).toContain(provider.baseUrl + paths[provider.dialect])
    }
  })

  test('local servers are where their users call them', async () => {
    const recorded = await recordedUrls()
    expect(recorded.get('ollama')).toContain(`${need('ollama').baseUrl}/chat/completions`)
    const llamacpp = need('llamacpp').baseUrl.replace('127.0.0.1', 'localhost')
    expect(recorded.get('llamacpp')).toContain(`${llamacpp}/chat/completions`)
  })

  test('Azure is called at both of its addresses', async () => {
    const urls = [...((await recordedUrls()).get('azure') ?? [])]
    const host = 'https://redacted-resource.openai.azure.com'
    const azure = need('azure-openai')
    expect(urls).toContain(`${atAddress(azure, host).baseUrl}/chat/completions`)
    const older = atAddress(azure, `${host}?api-version=2024-12-01-preview`)
    const path = older.quirks
      .find((quirk) => quirk.adaptPath)
      ?.adaptPath?.('/chat/completions', {
        operation: 'chat',
        modelId: 'gpt-4o',
        stream: false,
      })
    expect(urls).toContain((older.baseUrl + path).split('?')[0])
  })
})

let reading: Promise<ReadonlyMap<string, ReadonlySet<string>>> | undefined

function recordedUrls(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  reading ??= readRecordedUrls()
  return reading
}

/** The URL stands near the front of each line; the rest of it is not decoded. */
async function readRecordedUrls(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const urls = new Map<string, Set<string>>()
  for (const dialect of ['openai-chat', 'anthropic-messages', 'gemini']) {
    const lines = createInterface({
      input: createReadStream(new URL(`${dialect}.jsonl.gz`, corpus)).pipe(createGunzip()),
    })
    for await (const line of lines) {
      const provider = /"provider": ?"([^"]+)"/.exec(line)?.[1]
      const url = /"url": ?"([^"?]+)/.exec(line)?.[1]
      if (provider === undefined || url === undefined) continue
      const id = ours[provider] ?? provider
      urls.set(id, (urls.get(id) ?? new Set()).add(url))
    }
  }
  return urls
}
