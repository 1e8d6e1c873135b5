/** Streams that fail, lie or break: what the reader makes of them. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
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
    const { events, isComplete } = readStream(
      messageStart + textBlock(0, 'a') + overloaded + textBlock(1, 'b') + overloaded + messageStop,
    )
    expect(textOf(events)).toBe('a')
    expect(events.filter(({ type }) => type === 'error')).toHaveLength(1)
    expect(isComplete).toBe(false)
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
      blockDelta(1, { type: 'input_json_delta', partial_json: '\\ud83c' }) +
      blockDelta(1, { type: 'input_json_delta', partial_json: '\\udf24"}' }) +
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
