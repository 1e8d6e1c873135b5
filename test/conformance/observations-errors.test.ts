/** What recorded traffic holds of errors, limits and overload (observations 13 to 27): each gets its class. */

import { describe, expect, test } from 'vitest'
import { openaiChat } from '../../src/dialects/index.ts'
import { parseDuration, parseRetryAfter } from '../../src/resilience/reset-values.ts'
import {
  answerOf,
  faultsOf,
  hasGemini,
  hasCorpus,
  recordingOf,
  refusalOf,
  sayingOf,
} from './observations.test-support.ts'

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** The codes of refusals, by id. */
function codesOf(...ids: readonly string[]): readonly string[] {
  return ids.map((id) => refusalOf(id).code)
}

describe('errors (on recordings, skipped where there is no corpus)', () => {
  test.skipIf(!hasCorpus)(
    'observation 13: a failure in mid-stream is an error, in each of its shapes',
    async () => {
      const codes = {
        'anthropic.anthropic-messages.7504231544': 'upstream_overloaded',
        'groq.openai-chat.c34f9bbb7d': 'upstream_tool_use_failed',
        'groq.openai-chat.9fe6d3b386': 'upstream_tool_use_failed',
        'cohere.cohere-chat-v2.1638695479': 'upstream_tool_use_failed',
      }
      for (const [id, code] of Object.entries(codes)) {
        const { error, isComplete } = answerOf(id)
        expect({ code: error?.code, isComplete }, id).toEqual({ code, isComplete: false })
      }
      expect(answerOf('openai.openai-responses.807fbd538d').error).toBeDefined()
      expect(await faultsOf(...Object.keys(codes), 'openai.openai-responses.807fbd538d')).toEqual([])
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 13: an error after an end that says the same does not undo the end',
    () => {
      expect(sayingOf('openrouter.openai-chat.735157d3e6').finish).toBe('length')
    },
  )

  test.skipIf(!hasCorpus)('observation 14: the nested error of a Responses stream keeps its words', () => {
    const { error } = answerOf('openai.openai-responses.807fbd538d')
    expect(error?.facts.upstreamMessage ?? error?.message).not.toBe('')
    expect(error?.facts.upstreamType).toBeDefined()
  })

  test.skipIf(!hasCorpus)('observation 15: an overload without a wait is told by its type', () => {
    const error = refusalOf('anthropic.anthropic-messages.75e91087a2')
    expect(error.code).toBe('upstream_overloaded')
    expect(error.facts.retryAfterMs).toBeUndefined()
    expect(error.isClientRetryable).toBe(true)
  })

  test.skipIf(!hasCorpus)(
    'observation 16: x-should-retry parts a limit to wait for from one never to be met',
    () => {
      expect(
        codesOf('anthropic.anthropic-messages.432adac4ab', 'anthropic.anthropic-messages.8392b5d014'),
      ).toEqual(['rate_limited', 'request_over_limit'])
      expect(refusalOf('anthropic.anthropic-messages.432adac4ab').facts.retryAfterMs).toBeGreaterThan(0)
    },
  )

  test.skipIf(!hasCorpus)('observation 17: a 429 of OpenAI is one of three things', () => {
    const ids = [
      'openai.openai-chat.f8ed5e74e1',
      'openai.openai-chat.1113270c31',
      'openai.openai-chat.576f9f24cb',
    ]
    expect(codesOf(...ids)).toEqual(['rate_limited', 'request_over_limit', 'insufficient_quota'])
  })

  test.skipIf(!hasCorpus)('observation 18: the wait is found in headers, details or prose', () => {
    for (const id of ['cerebras.openai-chat.679ecbac66', 'groq.openai-chat.16986d9b3b']) {
      expect(refusalOf(id).facts.retryAfterMs, id).toBeGreaterThan(0)
    }
    expect(parseRetryAfter(recordingOf('azure.openai-chat.322c7c407d').response.headers).waitMs).toBe(0)
    expect(codesOf('openrouter.openai-chat.0098718b02')).toEqual(['rate_limited'])
  })

  test.skipIf(!hasCorpus)('observation 19: every spelling of a reset is read, and none beyond belief', () => {
    const groq = recordingOf('groq.openai-chat.020bd42a96').response.headers
    expect(parseDuration(groq['x-ratelimit-reset-requests'] ?? '')).toBeGreaterThan(0)
    const huggingface = recordingOf('huggingface.openai-chat.942380e58b').response.headers
    for (const [name, value] of Object.entries(huggingface)) {
      if (name.includes('ratelimit-reset')) expect(() => parseDuration(value), name).not.toThrow()
    }
  })

  test('observation 19, of our own: the spellings', () => {
    expect(['20ms', '0s', '4m19.2s', '24479.62'].map((text) => parseDuration(text))).toEqual([
      20, 0, 259_200, 24_479_620,
    ])
    expect(parseDuration('2026-01-01T00:00:10Z', Date.UTC(2026, 0, 1))).toBe(10_000)
    expect(['-1', '9223372036854767616', 'soon'].map((text) => parseDuration(text, 0))).toEqual([
      undefined,
      undefined,
      undefined,
    ])
  })

  test.skipIf(!hasCorpus)('observation 20: a body that is no JSON is classified by its status', async () => {
    const ids = [
      'openai.openai-chat.08786b7d97',
      'azure.openai-chat.6f22992559',
      'azure.openai-chat.e986ff0a83',
      'deepseek.openai-chat.1f95da8983',
    ]
    const [envoy, ...rest] = codesOf(...ids)
    expect(envoy).toMatch(/upstream_(unavailable|transient)/)
    expect(rest.slice(1)).toEqual(['upstream_request_too_large', 'upstream_invalid_request'])
    expect(await faultsOf(...ids)).toEqual([])
  })

  test.skipIf(!hasCorpus)('observation 21: a body without an error object keeps its message', async () => {
    const ids = [
      'cerebras.openai-chat.679ecbac66',
      'mistral.openai-chat.5251039332',
      'mistral.openai-chat.ec0d0fd503',
      'xai.openai-chat.11e5cc7112',
      'venice.openai-chat.30d523188b',
    ]
    for (const id of ids) expect(refusalOf(id).facts.upstreamMessage, id).toBeTruthy()
    expect(await faultsOf(...ids)).toEqual([])
  })

  test('observation 21, of our own: an error that is a plain string keeps its words', () => {
    const error = openaiChat.readError({
      status: 400,
      headers: {},
      body: bytesOf('{"code":"bad","error":"No such field: x"}'),
    })
    expect(error.message).toContain('No such field: x')
  })

  test.skipIf(!hasCorpus)('observation 22: a code may be a number, and 1305 means overloaded', () => {
    expect(codesOf('zai.openai-chat.f8cf2b8df1')).toEqual(['upstream_overloaded'])
    expect(refusalOf('llamacpp.openai-chat.809218180f').code).not.toBe('gateway_error')
  })

  test.skipIf(!hasCorpus)(
    'observation 23: a wrong key is told by its words where the status is 400',
    async () => {
      expect(codesOf('xai.openai-responses.187f0d0c6b')).toEqual(['upstream_auth'])
      const throttled = codesOf('bedrock.bedrock-converse.660fb40808', 'bedrock.bedrock-converse.f0cba97d2e')
      expect(throttled).toEqual(['rate_limited', 'rate_limited'])
    },
  )

  test.skipIf(!hasGemini)('observation 23: and where Google says it', () => {
    expect(codesOf('google.gemini.03c95de2ef')).toEqual(['upstream_auth'])
  })

  test.skipIf(!hasCorpus)('observation 24: the exception of Bedrock is read from its header', () => {
    expect(codesOf('bedrock.bedrock-converse.1ac423a635')).toEqual(['upstream_model_not_found'])
  })

  test.skipIf(!hasCorpus)('observation 25: a user id in the error of a provider is not handed on', () => {
    const error = refusalOf('openrouter.openai-chat.0098718b02')
    const told = openaiChat.writeError(error, { requestId: 'req_1', attempts: [] })
    expect(told).not.toContain('user_id')
    expect(told).not.toMatch(/user_\w{8}/)
  })

  test.skipIf(!hasCorpus)(
    'observation 26: a tool call that its own provider refused may be tried elsewhere',
    () => {
      const error = refusalOf('groq.openai-chat.56fdc3a188')
      expect(error.code).toBe('upstream_tool_use_failed')
      expect(error.row.otherTarget).toBe('yes')
    },
  )

  test.skipIf(!hasCorpus)(
    'observation 27: the organisation in the prose of an error stays here',
    async () => {
      const ids = ['anthropic.anthropic-messages.432adac4ab', 'openai.openai-chat.1113270c31']
      for (const id of ids) expect(refusalOf(id).message, id).not.toMatch(/org-\w{4}|0{8}-0{4}/)
      expect(await faultsOf(...ids)).toEqual([])
    },
  )
})
