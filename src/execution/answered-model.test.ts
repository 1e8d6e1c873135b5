import { expect, test } from 'vitest'
import { compatibleProvider } from '../providers/compatible.ts'
import { createTarget } from '../providers/target.ts'
import { answeredModel, modelFlags } from './answered-model.ts'

const provider = compatibleProvider({ id: 'p', dialect: 'openai-chat', baseUrl: 'http://127.0.0.1:1/v1' })
const asked = (modelId: string) => createTarget(provider, modelId)

test('the name that was asked for is no news, and neither is none', () => {
  expect(answeredModel('gpt-4o', asked('gpt-4o'))).toEqual({})
  expect(answeredModel(undefined, asked('gpt-4o'))).toEqual({})
  expect(answeredModel('', asked('gpt-4o'))).toEqual({})
  expect(answeredModel('x'.repeat(257), asked('gpt-4o'))).toEqual({})
})

test.for([
  ['gpt-4o-2024-08-06', 'gpt-4o'],
  ['gpt-4-0613', 'gpt-4'],
  ['claude-sonnet-4-5-20250929', 'claude-sonnet-4-5'],
  ['gemini-2.0-flash-001', 'gemini-2.0-flash'],
  ['gpt-4o', 'openai/gpt-4o'],
  ['claude-3-5-haiku-20241022', 'claude-3-5-haiku-latest'],
])('%s is what %s was asked for as: told, and not odd', ([said, name]) => {
  expect(answeredModel(said, asked(name ?? ''))).toEqual({ upstreamModelId: said })
  expect(modelFlags(said, asked(name ?? ''))).toEqual([])
})

test.for([
  ['gpt-4o-mini', 'gpt-4o'],
  ['gpt-3.5-turbo', 'gpt-4o'],
  ['claude-haiku-4-5', 'claude-sonnet-4-5'],
])('fault 52: %s is another model than %s', ([said, name]) => {
  expect(modelFlags(said, asked(name ?? ''))).toEqual(['other_model'])
})
