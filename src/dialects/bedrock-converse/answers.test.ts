import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { createFold } from '../../canonical/fold.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import { encodeEventStream } from '../../wire/eventstream-encode.ts'
import { bedrockConverse } from './index.ts'
import { BROKEN_MESSAGES_MAX } from './wire-messages.ts'

function event(type: string, value: unknown): Uint8Array {
  return frame({ ':event-type': type, ':message-type': 'event' }, JSON.stringify(value))
}

function frame(headers: Record<string, string>, payload: string): Uint8Array {
  return encodeEventStream({ ':content-type': 'application/json', ...headers }, Buffer.from(payload))
}

function delta(index: number, value: unknown): Uint8Array {
  return event('contentBlockDelta', { contentBlockIndex: index, delta: value, p: 'abcdef' })
}

const stop = event('messageStop', { stopReason: 'tool_use', p: 'ab' })
const metadata = event('metadata', {
  usage: {
    inputTokens: 5,
    outputTokens: 7,
    totalTokens: 112,
    cacheReadInputTokens: 60,
    cacheReadInputTokenCount: 60,
    cacheWriteInputTokens: 40,
    cacheDetails: [{ ttl: '1h', inputTokens: 40 }],
  },
  metrics: { latencyMs: 1 },
})

const stream: readonly Uint8Array[] = [
  event('messageStart', { role: 'assistant', p: 'a' }),
  delta(0, { reasoningContent: { text: 'Let me ' } }),
  delta(0, { reasoningContent: { text: 'see.' } }),
  delta(0, { reasoningContent: { signature: 'sig' } }),
  event('contentBlockStop', { contentBlockIndex: 0 }),
  delta(1, { text: 'Hel' }),
  delta(1, { text: 'lo' }),
  delta(1, { citation: { title: 'T', location: { web: { url: 'https://a.example' } } } }),
  event('contentBlockStop', { contentBlockIndex: 1 }),
  event('contentBlockStart', { contentBlockIndex: 2, start: { toolUse: { toolUseId: 't1', name: 'f' } } }),
  delta(2, { toolUse: { input: '{"a"' } }),
  delta(2, { toolUse: { input: ':1}' } }),
  event('contentBlockStop', { contentBlockIndex: 2 }),
  event('contentBlockStart', { contentBlockIndex: 3, start: { toolUse: { toolUseId: 't2', name: 'g' } } }),
  event('contentBlockStop', { contentBlockIndex: 3 }),
  delta(4, { reasoningContent: { redactedContent: 'AAAA' } }),
  event('contentBlockStop', { contentBlockIndex: 4 }),
  stop,
  metadata,
]

function read(...chunks: readonly Uint8Array[]) {
  const reader = bedrockConverse.createStreamReader()
  const events = [...chunks.flatMap((chunk) => reader.read(chunk)), ...reader.end()]
  const { isComplete, isTerminated, anomalies } = reader
  return { events, result: folded(events), state: { isComplete, isTerminated, anomalies } }
}

function folded(events: readonly InferenceEvent[]) {
  const fold = createFold()
  for (const each of events) fold.add(each)
  return fold.result()
}

function errorOf(events: readonly InferenceEvent[]) {
  const last = events.at(-1)
  return last?.type === 'error' ? last.error : undefined
}

describe('a stream', () => {
  test('is read part by part, with padding dropped and tokens added up', () => {
    const { result, state } = read(...stream)
    expect(state).toEqual({ isComplete: true, isTerminated: true, anomalies: 0 })
    expect(result).toMatchObject({
      candidates: [
        {
          index: 0,
          finish: { reason: 'tool-calls', raw: 'tool_use' },
          parts: [
            { type: 'reasoning', text: 'Let me see.', signature: 'sig' },
            { type: 'text', text: 'Hello', citations: [{ url: 'https://a.example', title: 'T' }] },
            { type: 'tool-call', id: 't1', name: 'f', arguments: '{"a":1}' },
            { type: 'tool-call', id: 't2', name: 'g', arguments: '{}' },
            { type: 'reasoning', text: '', encrypted: 'AAAA' },
          ],
        },
      ],
      usage: {
        inputTokens: 105,
        outputTokens: 7,
        cacheReadTokens: 60,
        cacheWriteTokens: 40,
        cacheWrite1hTokens: 40,
      },
    })
    expect(JSON.stringify(result.candidates)).not.toContain('abcdef')
  })

  test('cut in two at every byte is the same', () => {
    const bytes = Buffer.concat(stream)
    const whole = read(bytes)
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      expect(read(bytes.subarray(0, cut), bytes.subarray(cut)), `cut at ${cut}`).toEqual(whole)
    }
  })

  test('keeps what Bedrock’s own tools did', () => {
    const { result } = read(
      event('contentBlockStart', {
        contentBlockIndex: 0,
        start: { toolUse: { toolUseId: 's', name: 'search', type: 'server_tool_use' } },
      }),
      delta(0, { toolUse: { input: '{"q":' } }),
      delta(0, { toolUse: { input: '1}' } }),
      event('contentBlockStop', { contentBlockIndex: 0 }),
      event('contentBlockStart', { contentBlockIndex: 1, start: { toolResult: { toolUseId: 's' } } }),
      delta(1, { toolResult: [{ text: 'found' }] }),
      stop,
    )
    expect(result.candidates[0]?.parts).toEqual([
      {
        type: 'opaque',
        dialect: 'bedrock-converse',
        value: {
          toolUse: { toolUseId: 's', name: 'search', type: 'server_tool_use', input: { q: 1 } },
        },
      },
      {
        type: 'opaque',
        dialect: 'bedrock-converse',
        value: { toolResult: { toolUseId: 's', content: [{ text: 'found' }] } },
      },
    ])
  })

  test('is not complete without a stop reason, and not terminated without its metadata', () => {
    expect(read(...stream.slice(0, -2)).state).toMatchObject({ isComplete: false, isTerminated: false })
    expect(read(...stream.slice(0, -1)).state).toMatchObject({ isComplete: true, isTerminated: false })
  })

  test('says that arguments are no JSON', () => {
    const { events } = read(
      event('contentBlockStart', { contentBlockIndex: 0, start: { toolUse: { toolUseId: 't', name: 'f' } } }),
      delta(0, { toolUse: { input: '{"a' } }),
      stop,
    )
    expect(events).toContainEqual({ type: 'tool-call-end', isMalformed: true, candidate: 0, part: 0 })
  })

  test('survives a few broken events and unknown kinds, and is given up after many', () => {
    const broken = frame({ ':event-type': 'contentBlockDelta', ':message-type': 'event' }, '{"cut')
    expect(read(broken, event('somethingNew', {}), ...stream).state).toEqual({
      isComplete: true,
      isTerminated: true,
      anomalies: 1,
    })
    const many = Array.from({ length: BROKEN_MESSAGES_MAX + 1 }, () => broken)
    expect(errorOf(read(...many).events)?.code).toBe('upstream_bad_response')
  })

  test('drops what comes after its end', () => {
    expect(read(...stream, delta(9, { text: 'late' })).state.anomalies).toBe(1)
  })
})

describe('fault 79: a stream that breaks', () => {
  const begun = stream.slice(0, 7)

  test.each([
    ['throttlingException', 'rate_limited'],
    ['modelStreamErrorException', 'upstream_transient'],
    ['internalServerException', 'upstream_error'],
    ['serviceUnavailableException', 'upstream_unavailable'],
    ['validationException', 'upstream_invalid_request'],
    ['neverHeardOfException', 'upstream_error'],
  ])('by %s is an error of its class', (name, code) => {
    const exception = frame(
      { ':message-type': 'exception', ':exception-type': name },
      JSON.stringify({ message: 'The words of Bedrock.' }),
    )
    const { events, state } = read(...begun, exception, ...stream.slice(7))
    expect(errorOf(events)?.code).toBe(code)
    expect(errorOf(events)?.facts.upstreamMessage).toBe('The words of Bedrock.')
    expect(state.isComplete).toBe(false)
    expect(events.filter(({ type }) => type === 'text-delta')).toHaveLength(2)
  })

  test('by an error without a model is told by its headers', () => {
    const error = frame(
      { ':message-type': 'error', ':error-code': 'InternalServerException', ':error-message': 'Sorry.' },
      '',
    )
    expect(errorOf(read(...begun, error).events)).toMatchObject({
      code: 'upstream_error',
      facts: { upstreamMessage: 'Sorry.', upstreamType: 'InternalServerException' },
    })
  })

  test('in its framing is truncated, after what came before', () => {
    const damaged = Buffer.from(delta(1, { text: 'lost' }))
    const at = damaged.length - 6
    damaged[at] = (damaged[at] ?? 0) ^ 1
    const { events, state } = read(Buffer.concat([...begun, damaged, ...stream.slice(7)]))
    expect(errorOf(events)?.code).toBe('upstream_truncated')
    expect(state.isComplete).toBe(false)
    expect(events.filter(({ type }) => type === 'text-delta')).toHaveLength(2)
  })

  test('after its stop reason is whole all the same', () => {
    const exception = frame({ ':message-type': 'exception', ':exception-type': 'throttlingException' }, '{}')
    const { events, state } = read(...stream.slice(0, -1), exception)
    expect(errorOf(events)).toBeUndefined()
    expect(state).toEqual({ isComplete: true, isTerminated: false, anomalies: 1 })
  })
})

function readPlain(value: unknown) {
  return bedrockConverse.readResult(Buffer.from(JSON.stringify(value)))
}

function thrownBy(action: () => unknown): GatewayError {
  try {
    action()
  } catch (error) {
    if (error instanceof GatewayError) return error
  }
  throw new Error('threw nothing')
}

describe('a plain answer', () => {
  const answer = {
    metrics: { latencyMs: 1 },
    output: {
      message: {
        role: 'assistant',
        content: [
          { reasoningContent: { reasoningText: { text: 'hm', signature: 's' } } },
          { text: 'Hello', type: 'text' },
          { citationsContent: { content: [{ text: 'a' }, { text: 'b' }], citations: [{ title: 'T' }] } },
          { toolUse: { toolUseId: 't', name: 'f', input: { a: 1 } } },
        ],
      },
    },
    stopReason: 'stop_sequence',
    additionalModelResponseFields: { stop_sequence: 'END' },
    usage: { inputTokens: 1, outputTokens: 2, totalTokens: 3 },
  }

  test('is read with its parts, and what has no word is kept raw', () => {
    expect(readPlain(answer)).toMatchObject({
      candidates: [
        {
          finish: { reason: 'stop', raw: 'stop_sequence', stopSequence: 'END' },
          parts: [
            { type: 'reasoning', text: 'hm', signature: 's' },
            { type: 'text', text: 'Hello' },
            { type: 'text', text: 'ab', citations: [{ title: 'T', raw: { title: 'T' } }] },
            { type: 'tool-call', id: 't', name: 'f', arguments: '{"a":1}' },
          ],
        },
      ],
      usage: { inputTokens: 1, outputTokens: 2 },
      raw: { metrics: { latencyMs: 1 } },
    })
  })

  test.each([
    ['end_turn', 'stop'],
    ['max_tokens', 'length'],
    ['guardrail_intervened', 'content-filter'],
    ['content_filtered', 'content-filter'],
    ['model_context_window_exceeded', 'context-window'],
    ['malformed_tool_use', 'malformed-tool-call'],
    ['malformed_model_output', 'error'],
    ['something_new', 'other'],
  ])('that stopped for %s stopped for %s', (stopReason, reason) => {
    expect(readPlain({ ...answer, stopReason }).candidates[0]?.finish).toMatchObject({
      reason,
      raw: stopReason,
    })
  })

  test('without content is empty, unless its reason accounts for that', () => {
    const none = { output: { message: { role: 'assistant', content: [] } }, stopReason: 'end_turn' }
    expect(thrownBy(() => readPlain(none)).code).toBe('empty_response')
    expect(readPlain({ ...none, stopReason: 'guardrail_intervened' }).candidates[0]?.parts).toEqual([])
  })

  test('that is none is said to be none', () => {
    expect(thrownBy(() => readPlain([])).code).toBe('upstream_bad_response')
    expect(thrownBy(() => readPlain({ output: {} })).code).toBe('upstream_bad_response')
    expect(thrownBy(() => readPlain({ __type: 'ThrottlingException', message: 'Slow.' })).code).toBe(
      'rate_limited',
    )
    const count = bedrockConverse.readTokenCount
    expect(count?.(Buffer.from('{"inputTokens":0}'))).toBe(0)
    expect(thrownBy(() => count?.(Buffer.from('{}'))).code).toBe('upstream_bad_response')
  })
})

describe('a refusal', () => {
  function refuse(status: number, body: unknown, errorType?: string) {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    return bedrockConverse.readError({
      status,
      headers: errorType === undefined ? {} : { 'x-amzn-errortype': errorType },
      body: Buffer.from(text),
    })
  }

  test.each([
    [429, { Message: 'Too fast' }, undefined, 'rate_limited'],
    [429, { __type: 'com.amazon.coral#ThrottlingException', message: 'Too fast' }, undefined, 'rate_limited'],
    [503, { message: 'too many' }, 'ThrottlingException:http://internal.example/', 'rate_limited'],
    [403, { message: 'not yours' }, 'AccessDeniedException', 'upstream_forbidden'],
    [403, { message: 'token' }, 'ExpiredTokenException:http://internal.example/', 'upstream_auth'],
    [404, { message: 'no model' }, 'ResourceNotFoundException', 'upstream_model_not_found'],
    [400, { message: 'odd' }, 'ValidationException', 'upstream_invalid_request'],
    [424, { message: 'odd', originalMessage: 'x' }, 'ModelErrorException', 'upstream_transient'],
    [500, '<html>', undefined, 'upstream_error'],
  ])('of status %i saying %j with %s is %4$s', (status, body, errorType, code) => {
    expect(refuse(status, body, errorType).code).toBe(code)
  })

  test('names the exception without what follows the colon', () => {
    expect(
      refuse(400, { message: 'odd' }, 'ValidationException:http://internal.example/').facts,
    ).toMatchObject({
      upstreamType: 'ValidationException',
      upstreamMessage: 'odd',
    })
  })
})
