import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { foldEvents, gist, readStream } from '../dialect.contract.ts'
import { openaiChat } from './index.ts'
import { call, chunk, DONE, data, delta, errorOf, read } from './streams.test-support.ts'

describe('endings', () => {
  test('fault 59: an end without a finish reason is no success', () => {
    const { isComplete, isTerminated, events } = read(delta({ content: 'Hi' }))
    expect([isComplete, isTerminated]).toEqual([false, false])
    expect(events.map(({ type }) => type)).toEqual(['answer-start', 'text-start', 'text-delta'])
  })

  test('[DONE] without a finish reason is flagged and is no success', () => {
    expect(read(delta({ content: 'Hi' }) + DONE)).toMatchObject({
      isComplete: false,
      isTerminated: true,
      anomalies: 1,
    })
  })

  test('fault 60: a finish reason without [DONE] is complete before the source ends', () => {
    const reader = openaiChat.createStreamReader()
    reader.read(Buffer.from(delta({ content: 'Hi' }, 'stop')))
    expect(reader.isComplete).toBe(true)
    expect(reader.end().map(({ type }) => type)).toEqual(['text-end', 'finish'])
  })

  test('content and usage after the finish reason are kept, the repeated reason is not', () => {
    const text =
      delta({ content: 'a' }, 'stop') +
      delta({ content: 'b' }) +
      chunk([{ index: 0, delta: { content: '' }, finish_reason: 'length' }], {
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      }) +
      DONE
    const { first, result, events } = read(text)
    expect(first).toMatchObject({ text: 'ab', finish: 'stop' })
    expect(result.usage).toMatchObject({ inputTokens: 1, outputTokens: 2 })
    expect(events.filter(({ type }) => type === 'finish').length).toBe(1)
  })

  test('fault 76: events after [DONE] are dropped and counted', () => {
    const { first, anomalies } = read(delta({ content: 'a' }, 'stop') + DONE + delta({ content: 'b' }) + DONE)
    expect(first?.text).toBe('a')
    expect(anomalies).toBe(2)
  })

  test('fault 77: a content filter in the middle is a finish, not an error', () => {
    const { first, isComplete } = read(delta({ content: 'a' }) + delta({}, 'content_filter') + DONE)
    expect([first?.finish, first?.text, isComplete]).toEqual(['content-filter', 'a', true])
  })

  test('fault 88: an unknown finish reason is kept beside a safe one', () => {
    const { result } = read(delta({ content: 'a' }, 'brand_new') + DONE)
    expect(result.candidates[0]?.finish).toEqual({ reason: 'other', raw: 'brand_new' })
  })

  test('fault 64: a length stays a length', () => {
    expect(read(delta({ content: 'a' }, 'length') + DONE).first?.finish).toBe('length')
  })

  test('a finish of `stop` after a tool call is one of tool calls', () => {
    const text =
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{}' } }) + delta({}, 'stop') + DONE
    expect(read(text).result.candidates[0]?.finish).toEqual({ reason: 'tool-calls', raw: 'stop' })
  })
})

describe('framing', () => {
  test('fault 66: CRLF, CR, a byte order mark, no space, several data lines and a missing blank line', () => {
    const plain = delta({ role: 'assistant', content: 'Zü' }) + delta({ content: ' ✓' }, 'stop') + DONE
    const events = read(plain).events
    const variants = [
      plain.replaceAll('\n', '\r\n'),
      plain.replaceAll('\n', '\r'),
      `\uFEFF${plain}`,
      plain.replaceAll('data: ', 'data:'),
      plain.replaceAll('"choices"', '\ndata: "choices"'),
      plain.slice(0, -2),
    ]
    for (const variant of variants) expect(read(variant).events).toEqual(events)
  })

  test('fault 67: an invalid byte becomes one replacement character', () => {
    const [before = '', after = ''] = delta({ content: 'a?b' }, 'stop').split('?')
    const bytes = Buffer.concat([Buffer.from(before), Buffer.from([0xff]), Buffer.from(after)])
    expect(gist(foldEvents(readStream(openaiChat, [bytes])))[0]?.text).toBe('a\uFFFDb')
  })

  test('fault 68: an event beyond the limit is an error', () => {
    const reader = openaiChat.createStreamReader()
    const piece = Buffer.alloc(1 << 20, 0x61)
    const events = [...reader.read(Buffer.from('data: {"x":"'))]
    for (let index = 0; index < 20; index += 1) events.push(...reader.read(piece))
    expect(errorOf(events)?.code).toBe('event_too_large')
    expect(reader.read(Buffer.from(DONE))).toEqual([])
  })

  test('fault 68: a hundred thousand tiny events are read in time', { timeout: 60_000 }, () => {
    const reader = openaiChat.createStreamReader()
    const bytes = Buffer.from(delta({ content: 'a' }).repeat(1000))
    const started = performance.now()
    for (let index = 0; index < 100; index += 1) reader.read(bytes)
    expect(performance.now() - started).toBeLessThan(20_000)
  })

  test('fault 61: up to five broken events in a row are skipped, the sixth ends the stream', () => {
    const broken = 'data: {"choices":[\n\n'
    const five = read(broken.repeat(5) + delta({ content: 'a' }, 'stop') + broken.repeat(5) + DONE)
    expect([five.first?.text, five.anomalies, five.isComplete]).toEqual(['a', 10, true])
    const six = read(delta({ content: 'a' }) + broken.repeat(6) + delta({}, 'stop'))
    expect(errorOf(six.events)?.code).toBe('upstream_bad_response')
    expect(six.isComplete).toBe(false)
  })

  test('JSON that is no object, and an event nested without end, are broken events', () => {
    const deep = `data: {"a":${'['.repeat(5000)}${']'.repeat(5000)}}\n\n`
    expect(
      read(`data: "x"\n\ndata: 7\n\ndata: []\n\n${deep}${delta({ content: 'a' }, 'stop')}`),
    ).toMatchObject({
      anomalies: 4,
      isComplete: true,
    })
  })

  test('fault 78: a plain answer in place of a stream is read', () => {
    const answer = {
      id: 'x',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1 },
    }
    const { first, isComplete, result } = read(JSON.stringify(answer, null, 2))
    expect([first?.text, first?.finish, isComplete, result.usage?.outputTokens]).toEqual([
      'Hi',
      'stop',
      true,
      1,
    ])
  })
})

describe('choices', () => {
  test('fault 70: null, empty and absent choices, null deltas, index 1 only', () => {
    const text =
      data({ id: '', model: '', choices: [], prompt_filter_results: [] }) +
      chunk(null) +
      data({ id: 'c1' }) +
      delta(null, null, 1) +
      chunk([null, 7]) +
      delta({ role: null, content: null }, null, 1) +
      delta({ content: 'b' }, 'stop', 1) +
      DONE
    const { result, anomalies, events } = read(text)
    expect(anomalies).toBe(0)
    expect(events[0]).toMatchObject({ type: 'answer-start', responseId: 'c1' })
    expect(gist(result)).toMatchObject([{ index: 1, text: 'b', finish: 'stop' }])
  })

  test('fault 70: several candidates interleaved', () => {
    const text =
      delta({ content: 'a' }) +
      delta({ content: 'x' }, null, 1) +
      chunk([
        { index: 1, delta: { content: 'y' } },
        { index: 0, delta: { content: 'b' } },
      ]) +
      delta({}, 'stop', 1)
    expect(read(text).isComplete).toBe(false)
    const { result, isComplete } = read(text + delta({}, 'length') + DONE)
    expect(isComplete).toBe(true)
    expect(gist(result)).toMatchObject([
      { text: 'ab', finish: 'length' },
      { text: 'xy', finish: 'stop' },
    ])
  })

  test('the id of the stream is the first one, whatever later chunks say', () => {
    const text =
      data({ id: 'a', choices: [] }) +
      data({ id: 'b', choices: [{ delta: { content: 'x' }, finish_reason: 'stop' }] })
    expect(read(text).result.responseId).toBe('a')
  })

  test('text, refusal, reasoning and text again are parts in order', () => {
    const { events } = read(
      delta({ reasoning: 'r' }) +
        delta({ content: 'a' }) +
        delta({ refusal: 'no' }) +
        delta({ content: 'b' }, 'stop'),
    )
    expect(foldEvents(events).candidates[0]?.parts).toEqual([
      { type: 'reasoning', text: 'r' },
      { type: 'text', text: 'a' },
      { type: 'refusal', text: 'no' },
      { type: 'text', text: 'b' },
    ])
  })

  test('log probabilities and citations travel', () => {
    const annotation = {
      type: 'url_citation',
      url_citation: { url: 'https://a', title: 'A', start_index: 0, end_index: 1 },
    }
    const text =
      chunk([{ index: 0, delta: { content: 'a' }, logprobs: { content: [{ token: 'a', logprob: -1 }] } }]) +
      delta({ annotations: [annotation] }, 'stop') +
      DONE
    const [candidate] = read(text).result.candidates
    expect(candidate?.logprobs).toEqual([{ token: 'a', logprob: -1 }])
    expect(candidate?.parts).toMatchObject([{ type: 'text', citations: [{ url: 'https://a', endIndex: 1 }] }])
  })

  test('links beside the choices are citations of the text', () => {
    const text = chunk([{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }], {
      citations: ['https://a'],
    })
    expect(read(text).result.candidates[0]?.parts).toMatchObject([{ citations: [{ url: 'https://a' }] }])
  })
})

describe('reasoning', () => {
  test.each([
    [{ reasoning_content: 'r' }],
    [{ reasoning: 'r' }],
    [{ reasoning_text: 'r' }],
    [{ reasoning_details: [{ type: 'reasoning.text', text: 'r' }] }],
    [{ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'r' }] }] }],
    [{ reasoning: 'r', reasoning_content: 'r', reasoning_details: [{ type: 'reasoning.text', text: 'r' }] }],
  ])('%j is told once', (value) => {
    const { first } = read(delta(value) + delta(value) + delta({ content: 'a' }, 'stop'))
    expect([first?.reasoning, first?.text]).toEqual(['rr', 'a'])
  })

  test('a home used once is the only one: a last chunk that repeats everything elsewhere adds nothing', () => {
    const { first } = read(
      delta({ reasoning: 'abc' }) + delta({ reasoning_details: [{ text: 'abc' }], content: 'x' }, 'stop'),
    )
    expect(first?.reasoning).toBe('abc')
  })

  test('signatures and encrypted reasoning are kept', () => {
    const details = (detail: object) => delta({ reasoning_details: [detail] })
    const { result } = read(
      details({ text: 'r' }) + details({ signature: 'sig' }) + delta({ content: 'a' }, 'stop'),
    )
    expect(result.candidates[0]?.parts[0]).toEqual({ type: 'reasoning', text: 'r', signature: 'sig' })
    const hidden = read(delta({ content: 'a' }) + details({ data: 'enc' }) + delta({}, 'stop'))
    expect(hidden.result.candidates[0]?.parts).toContainEqual({
      type: 'reasoning',
      text: '',
      encrypted: 'enc',
    })
  })
})

describe('faults 62 and 63: errors inside a stream', () => {
  test.each([
    [data({ error: { message: 'slow', code: 429 } }), 'rate_limited'],
    [data({ error: { message: 'x', type: 'overloaded_error' } }), 'upstream_overloaded'],
    [data({ error: 'Service temporarily unavailable. The model is at capacity.' }), 'upstream_overloaded'],
    [
      data({ id: 'c', error: { code: 502, message: 'x' }, choices: [{ delta: {}, finish_reason: 'error' }] }),
      'upstream_error',
    ],
    [delta({}, 'error'), 'upstream_error'],
    [delta({}, 'insufficient_system_resource'), 'upstream_overloaded'],
    [
      `event: error\n${data({ error: { message: 'x', code: 'tool_use_failed' } })}`,
      'upstream_tool_use_failed',
    ],
    ['event: error\ndata: it broke\n\n', 'upstream_error'],
    ['error: {"error":{"message":"failed to decode"}}\n\n', 'upstream_error'],
    ['{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}', 'upstream_overloaded'],
    ['[{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED"}}]', 'rate_limited'],
    [data({ object: 'error', message: 'x', type: 'BadRequestError', code: 400 }), 'upstream_invalid_request'],
  ])('%j', (text, code) => {
    for (const before of ['', delta({ content: 'a' })]) {
      const { events, isComplete } = read(before + text + delta({}, 'stop') + DONE)
      expect(errorOf(events)?.code).toBe(code)
      expect(isComplete).toBe(false)
    }
  })

  test('an `error` that is null or empty is none', () => {
    for (const error of [null, '', {}, { message: '', code: null }]) {
      const text = chunk([{ index: 0, delta: { content: 'a' }, finish_reason: 'stop' }], { error })
      expect(read(text)).toMatchObject({ isComplete: true, first: { text: 'a' } })
    }
  })

  test('an error after a whole answer changes nothing but is counted, and its usage is taken', () => {
    const text =
      delta({ content: 'a' }, 'length') +
      chunk([{ index: 0, delta: {}, finish_reason: null }], {
        error: { code: 400, message: 'Token limit reached' },
        usage: { prompt_tokens: 1, completion_tokens: 2 },
      }) +
      DONE
    const { isComplete, anomalies, result, first } = read(text)
    expect([isComplete, anomalies, first?.finish, result.usage?.outputTokens]).toEqual([true, 1, 'length', 2])
  })
})

test('fault 65: any stream of any chunks gives the same events however it is cut', () => {
  const piece = fc.oneof(
    fc.string({ unit: 'binary' }).map((content) => delta({ content })),
    fc.string().map((reasoning) => delta({ reasoning })),
    fc
      .tuple(fc.nat(2), fc.string())
      .map(([index, text]) => call({ index, id: `i${index}`, function: { name: 'f', arguments: text } })),
    fc.json().map((json) => `data: ${json}\n\n`),
    fc.constantFrom(': ping\n\n', '\n', 'data: {"cho\n\n', 'event: x\ndata: {}\n\n', DONE),
    fc.jsonValue().map((value) => chunk(value)),
    fc
      .jsonValue()
      .map((value) => chunk([{ index: 0, delta: value, finish_reason: value }], { usage: value })),
  )
  const stream = fc
    .array(piece, { maxLength: 20 })
    .map((pieces) => Buffer.from(pieces.join('') + delta({}, 'stop') + DONE))
  fc.assert(
    fc.property(stream, fc.array(fc.nat(200), { minLength: 1, maxLength: 50 }), (bytes, sizes) => {
      const chunks: Uint8Array[] = []
      for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
        const size = (sizes[turn % sizes.length] ?? 0) + 1
        chunks.push(bytes.subarray(at, at + size))
        at += size
      }
      // Errors hold stacks; their codes are what matters.
      const plain = (events: readonly InferenceEvent[]) =>
        events.map((event) => (event.type === 'error' ? { type: 'error', code: event.error.code } : event))
      const whole = plain(readStream(openaiChat, [bytes]))
      expect(plain(readStream(openaiChat, chunks))).toEqual(whole)
      expect(whole).not.toContainEqual({ type: 'error', code: 'gateway_error' })
    }),
    { numRuns: 200 },
  )
})
