import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { openaiChat } from './index.ts'

const options = { responseId: 'chatcmpl-own', modelId: 'model-own', createdAtS: 9, wantsUsage: true }
const at = (part: number, candidate = 0) => ({ candidate, part })
const stop: InferenceEvent = { type: 'finish', candidate: 0, finish: { reason: 'stop' } }

function stream(events: readonly InferenceEvent[], more: Partial<typeof options> = {}) {
  const writer = openaiChat.createStreamWriter({ ...options, ...more })
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  const chunks = text
    .split('\n\n')
    .filter((line) => line !== '' && line !== 'data: [DONE]')
    .map((line) => JSON.parse(line.slice(6)) as Record<string, unknown>)
  return { text, chunks, losses: writer.losses.map(({ field }) => field) }
}

describe('a stream', () => {
  test('has one id, the role first, and the finish and usage last', () => {
    const { chunks, text } = stream([
      { type: 'answer-start', responseId: 'msg_1', modelId: 'claude' },
      { type: 'text-start', ...at(0) },
      { type: 'text-delta', ...at(0), text: 'Hi' },
      { type: 'text-end', ...at(0) },
      {
        type: 'usage-update',
        usage: { inputTokens: 10, outputTokens: 2, cacheReadTokens: 4, reasoningTokens: 1 },
      },
      { type: 'answer-start', responseId: 'msg_2' },
      stop,
    ])
    expect(new Set(chunks.map((it) => it['id']))).toEqual(new Set(['msg_1']))
    expect(chunks).toMatchObject([
      {
        object: 'chat.completion.chunk',
        created: 9,
        model: 'claude',
        choices: [{ index: 0, delta: { role: 'assistant', content: '' } }],
      },
      { choices: [{ delta: { content: 'Hi' }, finish_reason: null }] },
      { choices: [{ delta: {}, finish_reason: 'stop' }] },
      {
        choices: [],
        usage: {
          prompt_tokens: 10,
          completion_tokens: 2,
          total_tokens: 12,
          prompt_tokens_details: { cached_tokens: 4 },
          completion_tokens_details: { reasoning_tokens: 1 },
        },
      },
    ])
    expect(text.endsWith('data: [DONE]\n\n')).toBe(true)
  })

  test('has no usage chunk for those who did not ask', () => {
    const { chunks } = stream([{ type: 'usage-update', usage: { inputTokens: 1, outputTokens: 1 } }, stop], {
      wantsUsage: false,
    })
    expect(chunks.every((it) => it['usage'] === undefined)).toBe(true)
  })

  test('never says [DONE] without a finish, nor after an error', () => {
    const half: InferenceEvent[] = [
      { type: 'text-start', ...at(0) },
      { type: 'text-delta', ...at(0), text: 'a' },
    ]
    expect(stream(half).text).not.toContain('[DONE]')
    expect(stream([]).text).toBe('')
    expect(stream([stop, { type: 'text-delta', ...at(0, 1), text: 'b' }]).text).not.toContain('[DONE]')
    expect(
      stream([...half, stop, { type: 'error', error: new GatewayError('upstream_error', 'x') }]).text,
    ).not.toContain('[DONE]')
  })

  test('numbers tool calls from 0, keeps their ids, and calls without arguments with {}', () => {
    const { chunks } = stream([
      { type: 'text-start', ...at(0) },
      { type: 'text-end', ...at(0) },
      { type: 'tool-call-start', ...at(1), id: 'toolu_1', name: 'f' },
      { type: 'tool-call-start', ...at(2), id: 'toolu_2', name: 'g' },
      { type: 'tool-call-delta', ...at(2), argumentsDelta: '{"x":1}' },
      { type: 'tool-call-end', ...at(1) },
      { type: 'tool-call-end', ...at(2) },
      { type: 'finish', candidate: 0, finish: { reason: 'stop' } },
    ])
    expect(chunks.slice(1)).toMatchObject([
      {
        choices: [
          {
            delta: {
              tool_calls: [
                { index: 0, id: 'toolu_1', type: 'function', function: { name: 'f', arguments: '' } },
              ],
            },
          },
        ],
      },
      { choices: [{ delta: { tool_calls: [{ index: 1, id: 'toolu_2', function: { name: 'g' } }] } }] },
      { choices: [{ delta: { tool_calls: [{ index: 1, function: { arguments: '{"x":1}' } }] } }] },
      { choices: [{ delta: { tool_calls: [{ index: 0, function: { arguments: '{}' } }] } }] },
      { choices: [{ finish_reason: 'tool_calls' }] },
    ])
  })

  test('says reasoning, and names what it cannot say', () => {
    const { chunks, losses } = stream([
      { type: 'reasoning-start', ...at(0) },
      { type: 'reasoning-delta', ...at(0), text: 'hm' },
      { type: 'reasoning-end', ...at(0), signature: 's', encrypted: 'e' },
      { type: 'opaque', ...at(1), dialect: 'anthropic-messages', value: { type: 'compaction' } },
      {
        type: 'text-end',
        ...at(2),
        citations: [
          { citedText: 'x', raw: {} },
          { url: 'https://a', raw: {} },
        ],
      },
      stop,
    ])
    expect(chunks[1]).toMatchObject({ choices: [{ delta: { reasoning_content: 'hm' } }] })
    expect(chunks[2]).toMatchObject({
      choices: [{ delta: { annotations: [{ type: 'url_citation', url_citation: { url: 'https://a' } }] } }],
    })
    expect(losses).toEqual(['thinking.signature', 'redacted_thinking', 'content.compaction', 'citations'])
  })

  test.each([
    ['length', 'length'],
    ['context-window', 'length'],
    ['content-filter', 'content_filter'],
    ['refusal', 'content_filter'],
    ['pause', 'stop'],
    ['other', 'stop'],
    ['tool-calls', 'tool_calls'],
  ] as const)('says the finish %s as %s', (reason, word) => {
    const { chunks } = stream([{ type: 'finish', candidate: 0, finish: { reason } }])
    expect(chunks.at(-1)).toMatchObject({ choices: [{ finish_reason: word }] })
  })
})

test('a plain answer says everything the canonical one does', () => {
  const { body, losses } = openaiChat.writeResult(
    {
      candidates: [
        {
          index: 0,
          parts: [
            { type: 'reasoning', text: 'hm' },
            { type: 'tool-call', id: 'a', name: 'f', arguments: '' },
          ],
          finish: { reason: 'tool-calls' },
          logprobs: [{ token: 'a' }],
        },
      ],
      usage: { inputTokens: 1 },
    },
    options,
  )
  expect(losses).toEqual([])
  expect(JSON.parse(body)).toEqual({
    id: 'chatcmpl-own',
    object: 'chat.completion',
    created: 9,
    model: 'model-own',
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: null,
          refusal: null,
          reasoning_content: 'hm',
          tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }],
        },
        logprobs: { content: [{ token: 'a' }], refusal: null },
        finish_reason: 'tool_calls',
      },
    ],
    usage: { prompt_tokens: 1, completion_tokens: 0, total_tokens: 1 },
  })
})

describe('an error', () => {
  const context = {
    requestId: 'req_1',
    attempts: [{ target: 'p/m', status: 503, code: 'upstream_unavailable', durationMs: 3 }],
  }

  test('has the words of the dialect and the facts of the gateway', () => {
    const error = new GatewayError('upstream_model_not_found', 'No such model.', { param: 'model' })
    expect(JSON.parse(openaiChat.writeError(error, context))).toEqual({
      error: {
        message: 'No such model.',
        type: 'not_found_error',
        param: 'model',
        code: 'model_not_found',
        holdfast: {
          type: 'upstream_model_not_found',
          retryable: false,
          fault: 'provider',
          next_step: error.row.nextStep,
          request_id: 'req_1',
          attempts: [{ target: 'p/m', status: 503, code: 'upstream_unavailable', duration_ms: 3 }],
        },
      },
    })
  })

  test('inside a stream ends it for those who read no errors, without [DONE]', () => {
    const text = openaiChat.writeStreamError(new GatewayError('upstream_truncated', 'Cut.'), {
      ...context,
      isPartial: true,
    })
    expect(text).toMatch(/^data: .*\n\n$/)
    expect(JSON.parse(text.slice(6))).toMatchObject({
      error: { code: 'upstream_truncated', type: 'api_error', holdfast: { partial: true } },
      choices: [{ delta: {}, finish_reason: 'error' }],
    })
  })
})
