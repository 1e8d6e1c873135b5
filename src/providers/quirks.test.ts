import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../std/json.ts'
import { knownProviders } from './index.ts'

/** What a provider is sent when a client says this. */
function adapted(id: string, fields: JsonObject): JsonObject {
  const quirks = knownProviders.get(id)?.quirks ?? []
  return quirks.reduce((current, quirk) => quirk.adaptRequest?.(current) ?? current, fields)
}

const messages = [{ role: 'user', content: 'hi' }]

describe('max-completion-tokens', () => {
  test('OpenAI is told the ceiling by its newer name', () => {
    expect(adapted('openai', { messages, max_tokens: 10 })).toEqual({ messages, max_completion_tokens: 10 })
  })

  test('the newer name wins where a client gives both, as it would at the provider', () => {
    expect(adapted('openai', { max_tokens: 10, max_completion_tokens: 20 })).toEqual({
      max_completion_tokens: 20,
    })
  })

  test('a null ceiling stays a null ceiling', () => {
    expect(adapted('openai', { max_tokens: null })).toEqual({ max_completion_tokens: null })
  })
})

describe('max-tokens', () => {
  test.each([
    'deepseek',
    'mistral',
    'together',
    'zhipu',
    'zai',
    'siliconflow',
    'perplexity',
    'ollama',
    'ollama-cloud',
  ])('%s is told the ceiling by its older name', (id) => {
    expect(adapted(id, { max_completion_tokens: 10 })).toEqual({ max_tokens: 10 })
    expect(adapted(id, { max_tokens: 10 })).toEqual({ max_tokens: 10 })
  })
})

describe('reasoning of earlier turns', () => {
  const said = { role: 'assistant', content: 'hi' }
  const conversation = {
    messages: [...messages, { ...said, reasoning_content: 'hm', reasoning_details: [] }, said],
  }

  test.each(['groq', 'mistral'])('no-reasoning-replay: %s is not told it again', (id) => {
    expect(adapted(id, conversation)).toEqual({ messages: [...messages, said, said] })
    expect(adapted(id, { messages: [said] })).toEqual({ messages: [said] })
  })

  test('reasoning-as-reasoning: Cerebras is told it by the name it uses itself', () => {
    expect(adapted('cerebras', conversation)).toEqual({
      messages: [...messages, { ...said, reasoning: 'hm' }, said],
    })
  })

  test('those who want it back are told it as it was', () => {
    expect(adapted('deepseek', conversation)).toEqual(conversation)
    expect(adapted('moonshot', conversation)).toEqual(conversation)
  })
})

describe('Mistral', () => {
  test('random-seed: the seed by the name it knows', () => {
    expect(adapted('mistral', { seed: 7 })).toEqual({ random_seed: 7 })
  })

  test('no-stream-options: left out, usage comes unasked', () => {
    expect(adapted('mistral', { stream: true, stream_options: { include_usage: true } })).toEqual({
      stream: true,
    })
  })
})

describe('no-developer-role', () => {
  test.each(['deepseek', 'mistral', 'dashscope'])(
    '%s is given the developer message as a system message',
    (id) => {
      const before = { messages: [{ role: 'developer', content: 'be brief', name: 'ops' }, ...messages] }
      expect(adapted(id, before)).toEqual({
        messages: [{ role: 'system', content: 'be brief', name: 'ops' }, ...messages],
      })
      expect(before.messages[0]?.role).toBe('developer')
    },
  )

  test('a conversation without one is the same object', () => {
    const fields = { messages }
    expect(adapted('dashscope', fields)).toBe(fields)
  })

  test('strange messages are left for the provider to judge', () => {
    const fields = { messages: [null, 3, { role: 'developer' }, 'x'] }
    expect(adapted('dashscope', fields)).toEqual({ messages: [null, 3, { role: 'system' }, 'x'] })
    expect(adapted('dashscope', { messages: 'developer' })).toEqual({ messages: 'developer' })
  })
})

test('a provider without quirks is sent what the client said', () => {
  const fields = { messages, max_tokens: 5, seed: 1, stream_options: { include_usage: true } }
  for (const id of ['groq', 'openrouter', 'fireworks', 'cerebras', 'vllm'])
    expect(adapted(id, fields)).toBe(fields)
})

test('a quirk names the fields it needs, so that a passthrough without them stays one', () => {
  for (const provider of knownProviders.values()) {
    for (const quirk of provider.quirks) {
      // Vertex wants every body changed.
      if (!quirk.adaptRequest || quirk.name === 'raw-predict') continue
      expect(quirk.fields?.length).toBeGreaterThan(0)
      const fields = { model: 'm', stream: true }
      expect(quirk.adaptRequest(fields)).toEqual(fields)
    }
  }
})
