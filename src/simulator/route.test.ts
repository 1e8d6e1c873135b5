/** Where a gateway may put a dialect's base URL, and what the simulator takes each path for. */

import { describe, expect, test } from 'vitest'
import { routeOf } from './route.ts'

const POSTS = [
  ['/v1/chat/completions', 'openai-chat', 'chat'],
  ['/openai/deployments/d/chat/completions?api-version=1', 'openai-chat', 'chat'],
  ['/v1/messages', 'anthropic-messages', 'chat'],
  ['/v1/messages?beta=true', 'anthropic-messages', 'chat'],
  ['/v1/messages/count_tokens', 'anthropic-messages', 'count-tokens'],
  ['/v1/messages/batches', 'anthropic-messages', 'batches'],
  ['/openai/v1/responses', 'openai-responses', 'chat'],
  ['/v1/completions', 'openai-completions', 'chat'],
  ['/v2/chat', 'cohere-chat', 'chat'],
  ['/api/chat', 'ollama-chat', 'chat'],
  ['/v1/rerank', 'openai-chat', 'rerank'],
  ['/v2/rerank', 'cohere-chat', 'rerank'],
  ['/v1/batches/batch_1/cancel', 'openai-chat', 'batches'],
  ['/v1/audio/speech', 'openai-chat', 'speech'],
  ['/v1/nowhere', 'openai-chat', 'unknown'],
] as const

describe('the path', () => {
  test.each(POSTS)('POST %s is %s %s', (path, dialect, operation) => {
    expect(routeOf({ method: 'POST', path, headers: {} })).toEqual({ dialect, operation })
  })

  test.each([
    ['/v1beta/models/m:generateContent', 'gemini', 'm', false],
    ['/v1/models/m:streamGenerateContent?alt=sse', 'gemini', 'm', true],
    ['/v1/projects/p/locations/l/publishers/google/models/m:generateContent', 'gemini', 'm', false],
    [
      '/v1/projects/p/locations/l/publishers/anthropic/models/m:streamRawPredict',
      'anthropic-messages',
      'm',
      true,
    ],
    ['/model/us.a%2Fb%3A0/converse', 'bedrock-converse', 'us.a/b:0', false],
    ['/model/m/converse-stream', 'bedrock-converse', 'm', true],
    ['/model/%zz/converse', 'bedrock-converse', '%zz', false],
  ])('POST %s names its model and its form', (path, dialect, pathModel, pathStream) => {
    const route = routeOf({ method: 'POST', path, headers: {} })
    expect(route).toEqual({ dialect, operation: 'chat', pathModel, pathStream })
  })

  test('that makers share is told apart by their headers', () => {
    const asked = (headers: Readonly<Record<string, string>>) =>
      routeOf({ method: 'GET', path: '/v1/models', headers }).dialect
    expect([
      asked({}),
      asked({ 'anthropic-version': '2023-06-01' }),
      asked({ 'x-goog-api-key': 'k' }),
    ]).toEqual(['openai-chat', 'anthropic-messages', 'gemini'])
  })
})
