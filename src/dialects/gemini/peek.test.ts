/** What routing learns of a request without decoding it, and where a call goes. */

import { describe, expect, test } from 'vitest'
import type { Operation } from '../../canonical/envelope.ts'
import { gemini } from './index.ts'

const contents = [{ parts: [{ text: 'hi' }] }]
const peek = (body: object, named: object = {}, operation: Operation = 'chat') =>
  gemini.peek(Buffer.from(JSON.stringify(body)), operation, { modelId: 'm', ...named })
const refusal = (body: object, named: object = {}) => {
  try {
    return peek(body, named)
  } catch (error) {
    return error
  }
}

describe('a peek', () => {
  test('takes model, stream and its form from the path', () => {
    expect(peek({ contents }, { stream: true, streamForm: 'json-array' })).toMatchObject({
      dialect: 'gemini',
      modelId: 'm',
      stream: true,
      streamForm: 'json-array',
      wantsStreamUsage: true,
      candidateCount: 1,
    })
    expect(peek({ contents }, { streamForm: 'json-array' })).not.toHaveProperty('streamForm')
  })

  test('finds the ceiling and the number of answers in either spelling', () => {
    const settings = { maxOutputTokens: 9, candidateCount: 2 }
    const snake = { max_output_tokens: 9, candidate_count: 2 }
    for (const body of [{ generationConfig: settings }, { generation_config: snake }])
      expect(peek({ contents, ...body })).toMatchObject({ maxOutputTokens: 9, candidateCount: 2 })
  })

  test('takes a content for a list of one, and a wrapped request to count', () => {
    expect(peek({ contents: contents[0] }).modelId).toBe('m')
    expect(peek({ generateContentRequest: { contents } }, {}, 'count-tokens').stream).toBe(false)
  })

  test.each([
    [{}, {}, 'contents'],
    [{ contents: 'hi' }, {}, 'contents'],
    [{ contents: [] }, {}, 'contents'],
    [{ contents }, { modelId: '' }, 'model'],
    [{ contents }, { modelId: 'x'.repeat(5_000) }, 'model'],
    [{ contents, generationConfig: [] }, {}, 'generationConfig'],
    [{ contents, generationConfig: { candidateCount: 0 } }, {}, 'generationConfig.candidateCount'],
    [{ contents, generationConfig: { maxOutputTokens: '9' } }, {}, 'generationConfig.maxOutputTokens'],
  ])('refuses %j', (body, named, param) => {
    expect(refusal(body, named)).toMatchObject({ code: 'invalid_request', facts: { param } })
  })

  test('knows chats and counts only', () => {
    expect(() => peek({ contents }, {}, 'embeddings')).toThrow(/no operation "embeddings"/)
  })
})

describe('a call', () => {
  const path = (modelId: string, operation: Operation = 'chat', stream = false) =>
    gemini.path({ modelId, operation, stream })

  test('goes to the model, by its method', () => {
    expect(path('gemini-2.5-flash')).toBe('/models/gemini-2.5-flash:generateContent')
    expect(path('gemini-2.5-flash', 'chat', true)).toBe(
      '/models/gemini-2.5-flash:streamGenerateContent?alt=sse',
    )
    expect(path('gemini-2.5-flash', 'count-tokens')).toBe('/models/gemini-2.5-flash:countTokens')
  })

  test('cannot leave its path by the name of a model', () => {
    expect(path('tunedModels/mine')).toBe('/tunedModels/mine:generateContent')
    expect(path('models/gemini-x')).toBe('/models/gemini-x:generateContent')
    expect(path('../../admin?x#y:z')).toBe('/models/..%2F..%2Fadmin%3Fx%23y%3Az:generateContent')
  })
})
