import { describe, expect, test } from 'vitest'
import { createFolder } from './folder.ts'
import { createPassthrough } from './passthrough.ts'
import { readResult } from './read-result.ts'
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
  textBlock,
  wholeStream,
} from './stream.test-support.ts'

function pass(...chunks: string[]) {
  const passthrough = createPassthrough()
  const passed = chunks.map((chunk) => Buffer.from(passthrough.read(Buffer.from(chunk))).toString())
  const end = Buffer.from(passthrough.end()).toString()
  return { passed, end, text: passed.join('') + end, facts: passthrough.facts }
}

describe('a passthrough', () => {
  test('lets a whole stream through as one slice of the chunk, uncopied', () => {
    const chunk = Buffer.from(wholeStream('a', 'b'))
    const passed = createPassthrough().read(chunk)
    expect(Buffer.from(passed).equals(chunk)).toBe(true)
    expect([passed.buffer, passed.byteOffset]).toEqual([chunk.buffer, chunk.byteOffset])
  })

  test('keeps padding, unknown fields and unknown events', () => {
    const text = `${messageStart}event: content_block_start\ndata: {"type":"content_block_start","index":0,"x":1.0 ,"content_block":{"type":"text","text":""}   }\n\n${event({ type: 'event_of_2031' })}`
    expect(pass(text).text).toBe(text)
  })

  test('holds half an event back until it is whole', () => {
    const { passed } = pass(messageStart.slice(0, 40), messageStart.slice(40))
    expect(passed).toEqual(['', messageStart])
  })

  test('knows content from what is none', () => {
    const { facts: before } = pass(messageStart + ping + blockStart(0, { type: 'text', text: '' }))
    expect(before.hasContent).toBe(false)
    expect(pass(messageStart + textBlock(0, 'a')).facts.hasContent).toBe(true)
    expect(
      pass(messageStart + blockStart(0, { type: 'tool_use', id: 'a', name: 'f' })).facts.hasContent,
    ).toBe(true)
    const signature = blockDelta(0, { type: 'signature_delta', signature: 's' })
    expect(pass(messageStart + signature).facts.hasContent).toBe(true)
  })

  test('tells the searches that began, until the last usage tells those that are billed', () => {
    const search = { type: 'server_tool_use', id: 's', name: 'web_search', input: {} }
    const begun = messageStart + blockStart(0, search) + blockStop(0) + blockStart(1, search) + blockStop(1)
    expect(pass(begun).facts.usage).toMatchObject({ inputTokens: 14, searches: 2 })
    const billed = { output_tokens: 7, server_tool_use: { web_search_requests: 1 } }
    const ended = begun + textBlock(2, 'a') + messageDelta('end_turn', billed) + messageStop
    expect(pass(ended).facts.usage).toMatchObject({ outputTokens: 7, searches: 1 })
  })

  test('tells model, finish and usage', () => {
    expect(pass(wholeStream('a')).facts).toMatchObject({
      hasContent: true,
      isComplete: true,
      isTerminated: true,
      finish: { reason: 'stop', raw: 'end_turn' },
      usage: { inputTokens: 14, outputTokens: 7, cacheReadTokens: 4 },
      modelId: 'claude-x',
      anomalies: 0,
    })
  })

  test('fault 60: adds the message_stop that never came', () => {
    const text = messageStart + textBlock(0, 'a') + messageDelta('end_turn')
    expect(pass(text)).toMatchObject({ passed: [text], end: messageStop })
  })

  test('fault 59: adds nothing to a stream that broke off', () => {
    expect(pass(messageStart + textBlock(0, 'a'))).toMatchObject({ end: '', facts: { isComplete: false } })
  })

  test('fault 61: leaves a broken event out', () => {
    const broken = 'event: content_block_delta\ndata: {"type":\n\n'
    const { text, facts } = pass(
      messageStart + broken + textBlock(0, 'a') + messageDelta('end_turn') + messageStop,
    )
    expect(text).toBe(wholeStream('a'))
    expect(facts.anomalies).toBe(1)
  })

  test('faults 62 and 63: keeps an error for the caller to say', () => {
    const { text, facts } = pass(messageStart + textBlock(0, 'a') + overloaded + textBlock(1, 'b'))
    expect(text).toBe(messageStart + textBlock(0, 'a'))
    expect(facts.error?.code).toBe('upstream_overloaded')
    expect(facts.isComplete).toBe(false)
  })

  test('an error after the finish still leaves the client its message_stop', () => {
    const { end, facts } = pass(messageStart + textBlock(0, 'a') + messageDelta('end_turn') + overloaded)
    expect(end).toBe(messageStop)
    expect(facts.error).toBeUndefined()
  })

  test('fault 76: drops a second message_start, what follows the end, and [DONE]', () => {
    const { text, facts } = pass(
      `${messageStart}${messageStart}${textBlock(0, 'a')}${messageDelta('end_turn')}${messageStop}${textBlock(1, 'b')}event: data\ndata: [DONE]\n\n`,
    )
    expect(text).toBe(wholeStream('a'))
    expect(facts.anomalies).toBe(4)
  })

  test('gives events without an event line the one that SDKs need', () => {
    expect(pass(wholeStream('a').replaceAll(/event: .*\n/g, '')).text).toBe(wholeStream('a'))
  })

  test('passes on an event whose blank line never came, with one', () => {
    expect(pass(wholeStream('a').trimEnd()).text).toBe(wholeStream('a'))
  })

  test('fault 71: notices tool arguments that are not JSON', () => {
    const call = (json: string) =>
      messageStart +
      blockStart(0, { type: 'tool_use', id: 't', name: 'f', input: {} }) +
      blockDelta(0, { type: 'input_json_delta', partial_json: json }) +
      blockStop(0) +
      messageDelta('tool_use')
    expect(pass(call('{"a":')).facts.hasMalformedToolCall).toBe(true)
    expect(pass(call('{"a":1}')).facts.hasMalformedToolCall).toBe(false)
    expect(pass(call('')).facts.hasMalformedToolCall).toBe(false)
  })

  test('fault 68: an endless event is an error', () => {
    const { facts } = pass(messageStart, `data: ${'a'.repeat(17_000_000)}`)
    expect(facts.error?.code).toBe('event_too_large')
  })
})

describe('a folder', () => {
  function fold(...chunks: string[]) {
    const folder = createFolder()
    for (const chunk of chunks) folder.read(Buffer.from(chunk))
    folder.end()
    return { answer: JSON.parse(Buffer.from(folder.result()).toString()) as unknown, facts: folder.facts }
  }

  test('gives the plain answer, unknown fields kept', () => {
    const start = event({
      type: 'message_start',
      message: {
        id: 'm',
        type: 'message',
        role: 'assistant',
        model: 'x',
        content: [],
        stop_reason: null,
        new: 1,
        usage: { input_tokens: 3, output_tokens: 1, tier: null },
      },
    })
    const delta = event({
      type: 'message_delta',
      delta: { stop_reason: 'tool_use', stop_sequence: null, container: { id: 'c' } },
      usage: { output_tokens: 9 },
      context_management: { applied_edits: [] },
    })
    const { answer } = fold(
      start,
      textBlock(0, 'a', 'b'),
      blockStart(1, { type: 'tool_use', id: 't', name: 'f', input: {}, caller: { type: 'direct' } }),
      blockDelta(1, { type: 'input_json_delta', partial_json: '{"n":' }),
      blockDelta(1, { type: 'input_json_delta', partial_json: '1}' }),
      blockStop(1),
      delta,
      messageStop,
    )
    expect(answer).toEqual({
      id: 'm',
      type: 'message',
      role: 'assistant',
      model: 'x',
      new: 1,
      content: [
        { type: 'text', text: 'ab' },
        { type: 'tool_use', id: 't', name: 'f', input: { n: 1 }, caller: { type: 'direct' } },
      ],
      stop_reason: 'tool_use',
      stop_sequence: null,
      container: { id: 'c' },
      context_management: { applied_edits: [] },
      usage: { input_tokens: 3, output_tokens: 9, tier: null },
    })
  })

  test('fault 71: keeps arguments that are not JSON as the text they are', () => {
    const { answer, facts } = fold(
      messageStart,
      blockStart(0, { type: 'tool_use', id: 't', name: 'f', input: {} }),
      blockDelta(0, { type: 'input_json_delta', partial_json: '{"a":' }),
      blockStop(0),
      messageDelta('tool_use'),
    )
    expect(answer).toMatchObject({ content: [{ input: '{"a":' }] })
    expect(facts.hasMalformedToolCall).toBe(true)
  })

  test('takes in a last event whose blank line never came', () => {
    expect(fold((messageStart + messageDelta('end_turn')).trimEnd()).facts.isComplete).toBe(true)
  })

  test('gives an answer that this dialect reads', () => {
    const folder = createFolder()
    folder.read(Buffer.from(wholeStream('x', 'y')))
    expect(readResult(folder.result()).candidates[0]?.parts).toEqual([{ type: 'text', text: 'xy' }])
  })
})
