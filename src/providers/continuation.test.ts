import { expect, test } from 'vitest'
import { knownProviders } from './index.ts'
import type { Provider } from './provider.ts'
import { createTarget, nativeContinuationOf } from './target.ts'

function waysOf(id: string, modelId: string) {
  const provider = knownProviders.get(id)
  return provider && nativeContinuationOf(createTarget(provider, modelId))
}

test.each([
  ['anthropic', 'claude-sonnet-4-5', 'assistant-prefill'],
  ['vertex-anthropic', 'claude-haiku-4-5@20251001', 'assistant-prefill'],
  ['anthropic', 'claude-opus-4-6', undefined],
  ['mistral', 'mistral-large-latest', 'echoed-prefix'],
  ['mistral', 'magistral-medium-latest', undefined],
  ['deepseek', 'deepseek-chat', 'prefix-flag'],
  ['deepseek', 'deepseek-reasoner', undefined],
  ['vllm', 'any/model', 'continue-final-message'],
  ['openai', 'gpt-5', undefined],
] as const)('%s goes on with what %s has begun: %s', (id, modelId, how) => {
  expect(waysOf(id, modelId)).toBe(how)
})

test('prefix-on-beta: DeepSeek goes on below another path, and is called nowhere else there', () => {
  const { quirks = [] }: Partial<Provider> = knownProviders.get('deepseek') ?? {}
  const pathOf = (isContinued: boolean) => {
    const call = { operation: 'chat', modelId: 'deepseek-chat', stream: true, isContinued } as const
    return quirks.reduce((path, quirk) => quirk.adaptPath?.(path, call) ?? path, '/chat/completions')
  }
  expect([pathOf(true), pathOf(false)]).toEqual(['/beta/chat/completions', '/chat/completions'])
})
