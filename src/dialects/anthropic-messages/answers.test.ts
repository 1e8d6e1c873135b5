/** Whole answers, read and written. */

import { describe, expect, test } from 'vitest'
import type { Part } from '../../canonical/message.ts'
import type { InferenceResult } from '../../canonical/result.ts'
import { readResult } from './read-result.ts'
import { writeResult } from './write-result.ts'

const options = { responseId: 'msg_own', modelId: 'own-model', createdAtS: 0, wantsUsage: true }

function read(message: unknown): InferenceResult {
  return readResult(Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)))
}

function thrown(message: unknown): unknown {
  try {
    read(message)
  } catch (error) {
    return error
  }
  return undefined
}

describe('reading', () => {
  const message = {
    id: 'msg_1',
    type: 'message',
    role: 'assistant',
    model: 'claude-x',
    content: [{ type: 'text', text: 'hi', citations: null }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 3,
      cache_creation_input_tokens: 2,
      cache_read_input_tokens: null,
      output_tokens: 1,
    },
  }

  test('gives the answer', () => {
    expect(read(message)).toEqual({
      responseId: 'msg_1',
      modelId: 'claude-x',
      candidates: [
        { index: 0, parts: [{ type: 'text', text: 'hi' }], finish: { reason: 'stop', raw: 'end_turn' } },
      ],
      usage: { inputTokens: 5, outputTokens: 1, cacheWriteTokens: 2, raw: message.usage },
    })
  })

  test('keeps fields it has no word for', () => {
    expect(read({ ...message, container: { id: 'c' }, stop_details: null }).raw).toEqual({
      container: { id: 'c' },
    })
  })

  test('counts the hour-long cache writes', () => {
    const usage = {
      ...message.usage,
      cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 2 },
    }
    expect(read({ ...message, usage }).usage?.cacheWrite1hTokens).toBe(2)
  })

  test('fault 45: leading white space is no harm', () => {
    expect(read(`\n\n   ${JSON.stringify(message)}`).responseId).toBe('msg_1')
  })

  test('fault 49: an answer without content and without output is empty_response', () => {
    for (const usage of [undefined, { output_tokens: 0 }]) {
      expect(thrown({ ...message, content: [], usage })).toMatchObject({ code: 'empty_response' })
    }
  })

  test('an answer without content that counts output, or whose end explains it, is an answer', () => {
    expect(read({ ...message, content: [] }).candidates[0]?.parts).toEqual([])
    for (const stop_reason of ['max_tokens', 'refusal', 'pause_turn', 'model_context_window_exceeded']) {
      const usage = { input_tokens: 3, output_tokens: 0 }
      expect(thrown({ ...message, content: [], stop_reason, usage })).toBeUndefined()
    }
  })

  test('fault 36: an error in a 200 is what its own code says', () => {
    const overloaded = { type: 'error', error: { type: 'overloaded_error', message: 'Overloaded' } }
    expect(thrown(overloaded)).toMatchObject({ code: 'upstream_overloaded' })
    expect(thrown({ error: { message: 'x', type: 'rate_limit_error' } })).toMatchObject({
      code: 'rate_limited',
    })
    expect(thrown({ error: 'it broke' })).toMatchObject({ code: 'upstream_error' })
  })

  test('what is no message is upstream_bad_response', () => {
    for (const text of [
      '',
      'hello',
      '[]',
      '{}',
      '{"content":null}',
      '<html></html>',
      JSON.stringify(message).slice(0, -9),
    ]) {
      expect(thrown(text)).toMatchObject({ code: 'upstream_bad_response' })
    }
  })

  test('fault 88: blocks it does not know, or that break their own rules, are kept raw', () => {
    const odd = [{ type: 'text', text: 7 }, { type: 'tool_use' }, { type: 'kind_of_2031' }, 'no block']
    expect(read({ ...message, content: odd }).candidates[0]?.parts).toEqual(
      odd.slice(0, 3).map((value) => ({ type: 'opaque', dialect: 'anthropic-messages', value })),
    )
  })

  test('fault 48: depth and __proto__ do no harm', () => {
    const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`
    const text = `{"content":[{"type":"tool_use","id":"a","name":"f","input":{"__proto__":{"polluted":1},"d":${deep}}}],"stop_reason":"tool_use"}`
    expect(read(text).candidates[0]?.parts).toHaveLength(1)
    expect(({} as { polluted?: number }).polluted).toBeUndefined()
  })
})

describe('writing', () => {
  function write(parts: readonly Part[], rest: Partial<InferenceResult> = {}) {
    const finish = { reason: 'stop' as const }
    const { body, losses } = writeResult({ candidates: [{ index: 0, parts, finish }], ...rest }, options)
    return { message: JSON.parse(body) as Record<string, unknown>, losses: losses.map(({ field }) => field) }
  }

  test('gives a message, with names of ours where the source gave none', () => {
    expect(write([{ type: 'text', text: 'hi' }])).toEqual({
      message: {
        id: 'msg_own',
        type: 'message',
        role: 'assistant',
        model: 'own-model',
        content: [{ type: 'text', text: 'hi' }],
        stop_reason: 'end_turn',
        stop_sequence: null,
        usage: {
          input_tokens: 0,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 0,
        },
      },
      losses: [],
    })
  })

  test('says every part that can be said', () => {
    const { message, losses } = write([
      { type: 'reasoning', text: 'hm' },
      { type: 'reasoning', text: 'hm', signature: 's' },
      { type: 'reasoning', text: '', encrypted: 'e' },
      { type: 'reasoning', text: '' },
      { type: 'text', text: '' },
      { type: 'tool-call', id: 'a.b', name: 'f', arguments: '{"x":1}' },
      { type: 'tool-call', id: 'a.b', name: 'f', arguments: '' },
      { type: 'tool-call', id: 'c', name: 'f', arguments: '{"x":' },
      { type: 'opaque', dialect: 'anthropic-messages', value: { type: 'odd' } },
      { type: 'opaque', dialect: 'openai-chat', value: { type: 'odd' } },
    ])
    expect(message['content']).toEqual([
      { type: 'thinking', thinking: 'hm', signature: '' },
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'redacted_thinking', data: 'e' },
      { type: 'tool_use', id: 'a_b', name: 'f', input: { x: 1 } },
      { type: 'tool_use', id: 'a_b_2', name: 'f', input: {} },
      { type: 'tool_use', id: 'c', name: 'f', input: '{"x":' },
      { type: 'odd' },
    ])
    expect(message['stop_reason']).toBe('tool_use')
    expect(losses).toEqual(['content'])
  })

  test('names what is lost', () => {
    const candidate = { index: 0, parts: [], logprobs: [] }
    const { losses } = writeResult({ candidates: [candidate, { ...candidate, index: 1 }] }, options)
    expect(losses.map(({ field }) => field)).toEqual(['n', 'logprobs'])
  })
})
