import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import {
  blockDelta,
  blockStart,
  blockStop,
  event,
  messageDelta,
  messageStart,
  messageStop,
  readStream,
  textBlock,
  textOf,
  wholeStream,
} from './stream.test-support.ts'

const at = { candidate: 0, part: 0 }

function lastUsage(events: readonly InferenceEvent[]) {
  const update = events.findLast(({ type }) => type === 'usage-update')
  const { raw: _raw, ...counts } = update?.type === 'usage-update' ? update.usage : {}
  return counts
}

function finishOf(events: readonly InferenceEvent[]) {
  const finish = events.find(({ type }) => type === 'finish')
  return finish?.type === 'finish' ? finish.finish : undefined
}

test('reads an answer from start to finish', () => {
  const { events, ...state } = readStream(wholeStream('Hel', 'lo'))
  expect(events.map((step) => (step.type === 'usage-update' ? { type: step.type } : step))).toEqual([
    { type: 'answer-start', responseId: 'msg_1', modelId: 'claude-x' },
    { type: 'usage-update' },
    { type: 'text-start', ...at },
    { type: 'text-delta', text: 'Hel', ...at },
    { type: 'text-delta', text: 'lo', ...at },
    { type: 'text-end', ...at },
    { type: 'usage-update' },
    { type: 'finish', candidate: 0, finish: { reason: 'stop', raw: 'end_turn' } },
  ])
  expect(state).toEqual({ isComplete: true, isTerminated: true, anomalies: 0 })
})

test('fault 69: usage is cumulative: a later count replaces an earlier one, null replaces nothing', () => {
  const later = {
    input_tokens: 12,
    cache_read_input_tokens: null,
    cache_creation_input_tokens: 3,
    output_tokens: 9,
  }
  const { events } = readStream(
    messageStart +
      messageDelta('end_turn', { output_tokens: 5 }) +
      messageDelta('end_turn', later) +
      messageStop,
  )
  expect(lastUsage(events)).toEqual({
    inputTokens: 19,
    outputTokens: 9,
    cacheReadTokens: 4,
    cacheWriteTokens: 3,
  })
  expect(events.filter(({ type }) => type === 'finish')).toHaveLength(1)
})

test('fault 50: counts that cannot be are not reported', () => {
  const odd = { input_tokens: 1e308, cache_read_input_tokens: -4, output_tokens: '7' }
  const { events } = readStream(messageStart + messageDelta('end_turn', odd) + messageStop)
  expect(lastUsage(events)).toEqual({})
})

test('counts every run of the model where the top-level counts leave some out', () => {
  const usage = {
    input_tokens: 181,
    output_tokens: 8,
    iterations: [
      { type: 'compaction', input_tokens: 100, output_tokens: 83, cache_read_input_tokens: 50 },
      { type: 'message', input_tokens: 181, output_tokens: 8 },
    ],
  }
  const { events } = readStream(messageStart + messageDelta('end_turn', usage) + messageStop)
  expect(lastUsage(events)).toMatchObject({ inputTokens: 331, outputTokens: 91, cacheReadTokens: 50 })
})

describe('blocks', () => {
  function partsOf(...blocks: string[]): readonly InferenceEvent[] {
    const { events } = readStream(messageStart, ...blocks, messageDelta('end_turn'), messageStop)
    return events.filter((step) => 'part' in step)
  }

  test('of thinking carry their signature, even without text', () => {
    const start = blockStart(0, { type: 'thinking', thinking: '', signature: '' })
    expect(partsOf(start, blockDelta(0, { type: 'signature_delta', signature: 's' }), blockStop(0))).toEqual([
      { type: 'reasoning-start', ...at },
      { type: 'reasoning-end', signature: 's', ...at },
    ])
    expect(partsOf(start, blockDelta(0, { type: 'thinking_delta', thinking: 'hm' }), blockStop(0))).toEqual([
      { type: 'reasoning-start', ...at },
      { type: 'reasoning-delta', text: 'hm', ...at },
      { type: 'reasoning-end', ...at },
    ])
  })

  test('of redacted thinking come whole in their start', () => {
    expect(partsOf(blockStart(0, { type: 'redacted_thinking', data: 'x' }), blockStop(0))).toEqual([
      { type: 'reasoning-start', ...at },
      { type: 'reasoning-end', encrypted: 'x', ...at },
    ])
  })

  const tool = { type: 'tool_use', id: 't', name: 'f', input: {} }
  const json = (index: number, partial_json: string) =>
    blockDelta(index, { type: 'input_json_delta', partial_json })

  test('of a tool call stream their arguments', () => {
    expect(partsOf(blockStart(0, tool), json(0, ''), json(0, '{"a"'), json(0, ':1}'), blockStop(0))).toEqual([
      { type: 'tool-call-start', id: 't', name: 'f', ...at },
      { type: 'tool-call-delta', argumentsDelta: '{"a"', ...at },
      { type: 'tool-call-delta', argumentsDelta: ':1}', ...at },
      { type: 'tool-call-end', ...at },
    ])
  })

  test('of a tool call without arguments, or with them in the start, say them once', () => {
    const argumentsOf = (...blocks: string[]) =>
      partsOf(...blocks).flatMap((step) => (step.type === 'tool-call-delta' ? [step.argumentsDelta] : []))
    expect(argumentsOf(blockStart(0, tool), json(0, ''), blockStop(0))).toEqual(['{}'])
    expect(argumentsOf(blockStart(0, { ...tool, input: { a: 1 } }), blockStop(0))).toEqual(['{"a":1}'])
  })

  test('fault 71: a tool call whose arguments are not JSON is passed on and said to be', () => {
    expect(partsOf(blockStart(0, tool), json(0, '{"a":'), blockStop(0)).slice(1)).toEqual([
      { type: 'tool-call-delta', argumentsDelta: '{"a":', ...at },
      { type: 'tool-call-end', isMalformed: true, ...at },
    ])
  })

  test('fault 71: a tool call without an id gets one', () => {
    expect(partsOf(blockStart(0, { type: 'tool_use', name: 'f' }), blockStop(0))[0]).toMatchObject({
      id: 'toolu_msg_1_0',
    })
  })

  test('of text end with their citations', () => {
    const citation = { type: 'char_location', cited_text: 'c', document_title: 'D', start_char_index: 0 }
    expect(
      partsOf(
        blockStart(0, { type: 'text', text: 'a', citations: [] }),
        blockDelta(0, { type: 'citations_delta', citation }),
        blockStop(0),
      ),
    ).toEqual([
      { type: 'text-start', ...at },
      { type: 'text-delta', text: 'a', ...at },
      { type: 'text-end', citations: [{ title: 'D', citedText: 'c', raw: citation }], ...at },
    ])
  })

  test('fault 88: of unknown kinds are told whole, unknown deltas folded in', () => {
    const [first, second, third] = partsOf(
      blockStart(0, { type: 'server_tool_use', id: 's', name: 'web', input: {} }),
      json(0, '{"q":'),
      json(0, '1}'),
      blockStop(0),
      blockStart(1, { type: 'compaction', content: null }),
      blockDelta(1, { type: 'compaction_delta', content: 'sum' }),
      blockDelta(1, { type: 'compaction_delta', content: 'mary' }),
      blockStop(1),
      blockStart(2, { type: 'kind_of_2031', list: [1], __proto__: null }),
      blockDelta(2, { type: 'delta_of_2031', list: [2], more: { x: 1 } }),
      blockStop(2),
    )
    const opaque = { type: 'opaque', dialect: 'anthropic-messages', candidate: 0 }
    expect(first).toEqual({
      ...opaque,
      part: 0,
      value: { type: 'server_tool_use', id: 's', name: 'web', input: { q: 1 } },
    })
    expect(second).toEqual({ ...opaque, part: 1, value: { type: 'compaction', content: 'summary' } })
    expect(third).toEqual({
      ...opaque,
      part: 2,
      value: { type: 'kind_of_2031', list: [1, 2], more: { x: 1 } },
    })
  })

  test('that were never stopped are closed before the finish', () => {
    const { events } = readStream(
      messageStart,
      blockStart(0, { type: 'text', text: 'a' }),
      messageDelta('max_tokens'),
    )
    expect(events.slice(-3).map(({ type }) => type)).toEqual(['text-end', 'usage-update', 'finish'])
  })

  test('whose start was lost are still told', () => {
    const { events } = readStream(
      messageStart,
      blockDelta(0, { type: 'text_delta', text: 'late' }),
      messageDelta('end_turn'),
    )
    expect(textOf(events)).toBe('late')
  })
})

describe('endings', () => {
  const reasons: Readonly<Record<string, string>> = {
    end_turn: 'stop',
    stop_sequence: 'stop',
    max_tokens: 'length',
    tool_use: 'tool-calls',
    pause_turn: 'pause',
    refusal: 'refusal',
    model_context_window_exceeded: 'context-window',
  }
  for (const [raw, reason] of Object.entries(reasons)) {
    test(`${raw} is ${reason}`, () => {
      expect(finishOf(readStream(messageStart + messageDelta(raw)).events)).toEqual({ reason, raw })
    })
  }

  test('fault 88: an unknown stop reason is kept', () => {
    expect(finishOf(readStream(messageStart + messageDelta('bored')).events)).toEqual({
      reason: 'other',
      raw: 'bored',
    })
  })

  test('fault 77: a refusal in mid-stream is a finish and no error', () => {
    const { events } = readStream(messageStart + textBlock(0, 'a') + messageDelta('refusal') + messageStop)
    expect(events.some(({ type }) => type === 'error')).toBe(false)
    expect(finishOf(events)?.reason).toBe('refusal')
  })

  test('name the stop sequence', () => {
    const delta = event({
      type: 'message_delta',
      delta: { stop_reason: 'stop_sequence', stop_sequence: 'END' },
      usage: {},
    })
    expect(finishOf(readStream(messageStart + delta).events)?.stopSequence).toBe('END')
  })

  test('fault 59: a stream that ends without a reason is not complete', () => {
    const { isComplete, events } = readStream(messageStart + textBlock(0, 'a'))
    expect(isComplete).toBe(false)
    expect(finishOf(events)).toBeUndefined()
  })

  test('fault 60: a stop reason without message_stop is complete', () => {
    const { isComplete, isTerminated } = readStream(
      messageStart + textBlock(0, 'a') + messageDelta('end_turn'),
    )
    expect({ isComplete, isTerminated }).toEqual({ isComplete: true, isTerminated: false })
  })

  test('message_stop without a reason is complete', () => {
    const { isComplete, events } = readStream(messageStart + textBlock(0, 'a') + messageStop)
    expect(isComplete).toBe(true)
    expect(finishOf(events)).toEqual({ reason: 'other' })
  })

  test('fault 76: what follows message_stop is dropped and counted', () => {
    const { events, anomalies } = readStream(wholeStream('a') + wholeStream('b'))
    expect(textOf(events)).toBe('a')
    expect(anomalies).toBeGreaterThan(0)
  })

  test('fault 76: a second message_start is dropped and counted', () => {
    const { events, anomalies } = readStream(
      messageStart + messageStart + textBlock(0, 'a') + messageDelta('end_turn'),
    )
    expect(events.filter(({ type }) => type === 'answer-start')).toHaveLength(1)
    expect(anomalies).toBe(1)
  })

  test("another dialect's [DONE] says nothing", () => {
    expect(readStream(`${wholeStream('a')}data: [DONE]\n\n`)).toMatchObject({
      isComplete: true,
      anomalies: 0,
    })
  })
})
