import fc from 'fast-check'
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
  overloaded,
  ping,
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

describe('errors', () => {
  const codes: Readonly<Record<string, string>> = {
    overloaded_error: 'upstream_overloaded',
    rate_limit_error: 'rate_limited',
    api_error: 'upstream_error',
    timeout_error: 'upstream_gateway_timeout',
    authentication_error: 'upstream_auth',
    billing_error: 'insufficient_quota',
    not_found_error: 'upstream_model_not_found',
    invalid_request_error: 'upstream_invalid_request',
    request_too_large: 'upstream_request_too_large',
  }
  for (const [type, code] of Object.entries(codes)) {
    test(`fault 62: ${type} before any content is ${code}`, () => {
      const { events, isComplete } = readStream(event({ type: 'error', error: { type, message: 'no' } }))
      expect(events).toMatchObject([{ type: 'error', error: { code } }])
      expect(isComplete).toBe(false)
    })
  }

  test('fault 63: an error after content is told once and ends the stream', () => {
    const { events, isTerminated } = readStream(
      messageStart + textBlock(0, 'a') + overloaded + textBlock(1, 'b') + overloaded,
    )
    expect(textOf(events)).toBe('a')
    expect(events.filter(({ type }) => type === 'error')).toHaveLength(1)
    expect(isTerminated).toBe(true)
  })

  test('after the finish change nothing', () => {
    const { events, isComplete, anomalies } = readStream(messageStart + messageDelta('end_turn') + overloaded)
    expect(events.some(({ type }) => type === 'error')).toBe(false)
    expect({ isComplete, anomalies }).toEqual({ isComplete: true, anomalies: 1 })
  })

  test('without an event line, as bare JSON, or in a field of their own are errors too', () => {
    const error = '{"type":"error","error":{"type":"overloaded_error","message":"x"}}'
    for (const text of [`data: ${error}\n\n`, `${error}\n`, `error: ${error}\n\n`]) {
      expect(readStream(messageStart + text).events.at(-1)).toMatchObject({
        type: 'error',
        error: { code: 'upstream_overloaded' },
      })
    }
  })
})

describe('strange streams', () => {
  const broken = 'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"del\n\n'

  test('fault 61: a broken event in the middle is skipped and the rest delivered', () => {
    const { events, anomalies, isComplete } = readStream(
      messageStart + textBlock(0, 'a') + broken + textBlock(1, 'b') + messageDelta('end_turn') + messageStop,
    )
    expect(textOf(events)).toBe('ab')
    expect({ anomalies, isComplete }).toEqual({ anomalies: 1, isComplete: true })
  })

  test('more than five broken events in a row fail the stream, five do not', () => {
    const rest = textBlock(0, 'a') + messageDelta('end_turn')
    expect(readStream(messageStart + broken.repeat(5) + rest).isComplete).toBe(true)
    const { events } = readStream(messageStart + broken.repeat(6) + rest)
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'upstream_bad_response' } })
    expect(textOf(events)).toBe('')
  })

  test('events whose data is JSON but no object are broken', () => {
    expect(readStream(`${messageStart}data: null\n\ndata: [1]\n\ndata: 5\n\n`).anomalies).toBe(3)
  })

  test('fault 88: unknown events and pings are tolerated anywhere', () => {
    const unknown = event({ type: 'event_of_2031', x: 1 })
    const { events, anomalies } = readStream(
      ping + unknown + messageStart + ping + textBlock(0, 'a') + unknown + messageDelta('end_turn'),
    )
    expect(textOf(events)).toBe('a')
    expect(anomalies).toBe(0)
  })

  test('events without an event line count by their type', () => {
    expect(textOf(readStream(wholeStream('a').replaceAll(/event: .*\n/g, '')).events)).toBe('a')
  })

  test('fault 66: CRLF, CR, BOM, no space after data and a missing last blank line read the same', () => {
    const text = wholeStream('né', '\u{1f600}')
    const expected = readStream(text)
    for (const variant of [
      text.replaceAll('\n', '\r\n'),
      text.replaceAll('\n', '\r'),
      `\ufeff${text}`,
      text.replaceAll('data: ', 'data:'),
      text.trimEnd(),
    ]) {
      expect(readStream(variant)).toEqual(expected)
    }
  })

  test('fault 67: an invalid byte becomes one replacement character', () => {
    const [before = '', after = ''] = wholeStream('a#b').split('#')
    const { events } = readStream(
      Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)]),
    )
    expect(textOf(events)).toBe('a\ufffdb')
  })

  test('fault 68: an endless event fails with event_too_large', () => {
    const chunk = Buffer.alloc(1_048_576, 0x61)
    const { events } = readStream(messageStart, 'data: ', ...Array.from({ length: 17 }, () => chunk))
    expect(events.at(-1)).toMatchObject({ type: 'error', error: { code: 'event_too_large' } })
  })

  test('fault 48: __proto__ pollutes nothing', () => {
    const nasty = '{"type":"x","__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'
    const start = `event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":${nasty}}\n\n`
    const delta = `event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":${nasty}}\n\n`
    const { events } = readStream(messageStart + start + delta + blockStop(0) + messageDelta('end_turn'))
    expect(events.some(({ type }) => type === 'opaque')).toBe(true)
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })
})

test('fault 65: reads the same however the bytes are cut', () => {
  const stream = Buffer.from(
    messageStart +
      ping +
      textBlock(0, 'naïve \u{1f9d1}\u200d\u{1f680}', '\u2028 end') +
      blockStart(1, { type: 'tool_use', id: 't', name: 'f', input: {} }) +
      blockDelta(1, { type: 'input_json_delta', partial_json: '{"a":"\u{1f600}' }) +
      blockDelta(1, { type: 'input_json_delta', partial_json: '"}' }) +
      blockStop(1) +
      messageDelta('tool_use') +
      messageStop,
  )
  const whole = readStream(stream)
  fc.assert(
    fc.property(fc.array(fc.nat(stream.length), { maxLength: 20 }), (cuts) => {
      const ends = [...cuts.toSorted((left, right) => left - right), stream.length]
      const chunks = ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end))
      expect(readStream(...chunks)).toEqual(whole)
    }),
  )
})

test('never throws and never tells a part after its finish, whatever the events', () => {
  const index = fc.option(fc.integer({ min: -1, max: 3 }), { nil: undefined })
  const anyEvent = fc.oneof(
    fc.constantFrom(messageStart, messageStop, ping, overloaded, messageDelta('end_turn')),
    fc
      .record({ index, block: fc.constantFrom('text', 'thinking', 'tool_use', 'redacted_thinking', 'odd') })
      .map(({ index: place, block }) =>
        event({ type: 'content_block_start', index: place, content_block: { type: block } }),
      ),
    fc
      .record({ index, delta: fc.constantFrom('text_delta', 'thinking_delta', 'input_json_delta', 'odd') })
      .map(({ index: place, delta }) =>
        event({
          type: 'content_block_delta',
          index: place,
          delta: { type: delta, text: 'a', thinking: 'b', partial_json: '{' },
        }),
      ),
    index.map((place) => event({ type: 'content_block_stop', index: place })),
    fc.jsonValue().map((value) => `data: ${JSON.stringify(value)}\n\n`),
    fc.string().map((text) => `${text}\n`),
  )
  fc.assert(
    fc.property(fc.array(anyEvent, { maxLength: 30 }), (list) => {
      const { events } = readStream(...list)
      const finish = events.findIndex(({ type }) => type === 'finish')
      if (finish >= 0) expect(events.slice(finish).some((step) => 'part' in step)).toBe(false)
      const open = new Set<number>()
      for (const step of events) {
        if (!('part' in step) || step.type === 'opaque') continue
        if (step.type.endsWith('-start')) open.add(step.part)
        expect(open.has(step.part)).toBe(true)
        if (step.type.endsWith('-end')) open.delete(step.part)
      }
    }),
  )
})
