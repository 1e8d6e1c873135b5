import { describe, expect, test } from 'vitest'
import { knownProviders } from '../providers/index.ts'
import {
  findInEnvironment,
  findLocalServers,
  LOCAL_SEARCH_MS,
  type Probe,
  readModelList,
} from './find-providers.ts'

describe('keys in the environment', () => {
  test.each(
    'OPENAI ANTHROPIC GEMINI DEEPSEEK GROQ MISTRAL OPENROUTER XAI DASHSCOPE MOONSHOT ZHIPUAI'
      .split(' ')
      .map((name) => [`${name}_API_KEY`] as const),
  )('%s becomes one provider, with its key', (name) => {
    const found = findInEnvironment({ [name]: ' k-123 ', UNRELATED: 'x' })
    expect(found).toHaveLength(1)
    expect(found[0]?.provider.environmentKeys).toContain(name)
    expect(found[0]?.credential?.reveal()).toBe('k-123')
    expect(found[0]?.origin).toBe('environment')
  })

  test.each(['', '   ', 'two words', 'line\nbreak', 'ключ'])('%j is no key', (value) => {
    expect(findInEnvironment({ OPENAI_API_KEY: value })).toEqual([])
  })

  test('names of the prototype are no variables', () => {
    expect(findInEnvironment(Object.create({ OPENAI_API_KEY: 'inherited' }))).toEqual([])
  })
})

describe('model servers on this machine', () => {
  const answers =
    (bodies: Readonly<Record<string, unknown>>): Probe =>
    async ({ provider }) =>
      provider.id in bodies ? { status: 200, body: bodies[provider.id] } : undefined

  test('what answers with a model list is found, with its models', async () => {
    const probe = answers({
      ollama: { object: 'list', data: [{ id: 'llama3:8b', object: 'model' }, { id: 'qwen3' }] },
      vllm: { object: 'list', data: [] },
    })
    const found = await findLocalServers(probe, {})
    expect(found.map(({ provider, models, origin }) => [provider.id, models, origin])).toEqual([
      ['ollama', ['llama3:8b', 'qwen3'], 'local'],
      ['vllm', [], 'local'],
    ])
  })

  test.each([
    ['a web page', undefined],
    ['another JSON API', { users: [] }],
    ['a list of something else', { data: [{ name: 'x' }] }],
    ['a bare word', 'ok'],
    ['nothing', null],
    ['numbers', { data: [1, 2] }],
  ])('%s on the port is not mistaken for one', async (_, body) => {
    expect(await findLocalServers(answers({ llamacpp: body, vllm: body }), {})).toEqual([])
  })

  test('an error status is none either', async () => {
    expect(await findLocalServers(async () => ({ status: 404, body: { data: [] } }), {})).toEqual([])
  })

  test('all ports are asked at once, each within the limit, and only loopback ones', async () => {
    const asked: string[] = []
    let open = 0
    let most = 0
    await findLocalServers(async ({ provider, path, timeoutMs }) => {
      open += 1
      most = Math.max(most, open)
      asked.push(provider.baseUrl + path)
      expect(timeoutMs).toBe(LOCAL_SEARCH_MS)
      await Promise.resolve()
      open -= 1
      return undefined
    }, {})
    expect(asked.sort()).toEqual([
      'http://127.0.0.1:11434/v1/models',
      'http://127.0.0.1:1234/v1/models',
      'http://127.0.0.1:8000/v1/models',
      'http://127.0.0.1:8080/v1/models',
    ])
    expect(most).toBe(4)
    expect(LOCAL_SEARCH_MS).toBeLessThanOrEqual(300)
  })

  test('a server that is configured already is not asked again', async () => {
    const asked: string[] = []
    const ollama = knownProviders.get('ollama')
    const taken = ollama ? [{ ...ollama, id: 'mine' }] : []
    await findLocalServers(
      async ({ provider }) => {
        asked.push(provider.id)
        return undefined
      },
      {},
      taken,
    )
    expect(asked).not.toContain('ollama')
    expect(asked).toHaveLength(3)
  })
})

describe('model lists', () => {
  test('a bare array counts, and "models/" is left off', () => {
    expect(readModelList([{ id: 'a' }, { id: 'models/b' }])).toEqual(['a', 'b'])
  })

  test('names are bounded in number and length', () => {
    expect(
      readModelList({ data: Array.from({ length: 2_000 }, (_, index) => ({ id: `m${index}` })) }),
    ).toHaveLength(500)
    expect(readModelList({ data: [{ id: 'x'.repeat(300) }] })).toBeUndefined()
  })
})
