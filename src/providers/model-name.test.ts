import { describe, expect, test } from 'vitest'
import { parseModelName } from './model-name.ts'

describe('the names of one model', () => {
  test.each([
    ['claude-sonnet-4-5', 'claude-sonnet-4-5'],
    ['claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
    ['claude-sonnet-4-5@20250929', 'claude-sonnet-4-5'],
    ['claude-sonnet-4-5@default', 'claude-sonnet-4-5'],
    ['claude-sonnet-4-5-latest', 'claude-sonnet-4-5'],
    ['anthropic/claude-sonnet-4.5', 'claude-sonnet-4-5'],
    ['anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
    ['us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
    ['eu.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
    ['global.anthropic.claude-sonnet-4-5-20250929-v1:0', 'claude-sonnet-4-5'],
    [
      'arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.anthropic.claude-sonnet-4-5-20250929-v1:0',
      'claude-sonnet-4-5',
    ],
    ['anthropic.claude-v2:1', 'claude-v2'],
    ['anthropic.claude-3-haiku-20240307-v1:0:200k', 'claude-3-haiku'],
    ['models/gemini-2.5-pro', 'gemini-2-5-pro'],
    ['publishers/google/models/gemini-2.5-pro', 'gemini-2-5-pro'],
    ['accounts/fireworks/models/qwen3-32b', 'qwen3-32b'],
    ['gpt-4o-2024-08-06', 'gpt-4o'],
    ['GPT-4o', 'gpt-4o'],
    ['ft:gpt-4o-2024-08-06:acme::abc123', 'gpt-4o'],
    ['deepseek/deepseek-r1:free', 'deepseek-r1'],
    ['llama3.2:latest', 'llama3-2'],
  ])('%s is %s', (name, key) => {
    expect(parseModelName(name).key).toBe(key)
  })

  test.each(['gpt-3.5-turbo-0613', 'gpt-4-1106-preview', 'qwen3:32b', 'o1'])(
    '%s is no date of another',
    (name) => {
      expect(parseModelName(name)).toEqual({
        key: name.replaceAll('.', '-'),
        date: '',
        isPricedApart: false,
      })
    },
  )

  test('what costs something else is told apart', () => {
    expect(parseModelName('ft:gpt-4o-2024-08-06:acme::abc123').isPricedApart).toBe(true)
    expect(parseModelName('deepseek/deepseek-r1:free').isPricedApart).toBe(true)
    expect(parseModelName('claude-sonnet-4-5@20250929')).toMatchObject({
      date: '20250929',
      isPricedApart: false,
    })
    expect(parseModelName('gpt-4o-2024-08-06').date).toBe('20240806')
  })
})
