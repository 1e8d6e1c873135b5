import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import { type JsonObject, objectOf, stringOf } from '../../std/json.ts'
import { readStream, textOf } from './stream.test-support.ts'
import { createStreamWriter } from './stream-writer.ts'

const options = { responseId: 'msg_own', modelId: 'own-model', createdAtS: 0, wantsUsage: false }
const start: InferenceEvent = { type: 'answer-start', responseId: 'chatcmpl-1', modelId: 'gpt-x' }
const stop: InferenceEvent = { type: 'finish', candidate: 0, finish: { reason: 'stop', raw: 'stop' } }
const usage: InferenceEvent = {
  type: 'usage-update',
  usage: { inputTokens: 10, outputTokens: 5, cacheReadTokens: 4, reasoningTokens: 2 },
}

function text(part: number, ...texts: string[]): InferenceEvent[] {
  const at = { candidate: 0, part }
  return [
    { type: 'text-start', ...at },
    ...texts.map((said): InferenceEvent => ({ type: 'text-delta', text: said, ...at })),
    { type: 'text-end', ...at },
  ]
}

function call(part: number, id: string, ...pieces: string[]): InferenceEvent[] {
  const at = { candidate: 0, part }
  return [
    { type: 'tool-call-start', id, name: 'f', ...at },
    ...pieces.map((argumentsDelta): InferenceEvent => ({ type: 'tool-call-delta', argumentsDelta, ...at })),
    { type: 'tool-call-end', ...at },
  ]
}

function write(events: readonly InferenceEvent[]) {
  const writer = createStreamWriter(options)
  const pieces = events.map((event) => writer.write(event))
  const all = pieces.join('') + writer.end()
  return { pieces, text: all, events: parse(all), losses: writer.losses.map(({ field }) => field) }
}

/** Every event must carry its type as its name. */
function parse(all: string): readonly JsonObject[] {
  return all
    .split('\n\n')
    .filter((piece) => piece !== '')
    .map((piece) => {
      const [, name, data = ''] = /^event: (\S+)\ndata: (.*)$/s.exec(piece) ?? []
      const value = JSON.parse(data) as JsonObject
      expect(value['type']).toBe(name)
      return value
    })
}

function blocksOf(events: readonly JsonObject[]): readonly JsonObject[] {
  return events.filter(({ type }) => typeof type === 'string' && type.startsWith('content_block'))
}

test('writes an answer in the order SDKs want it', () => {
  const { events, losses } = write([start, ...text(0, 'Hel', 'lo'), usage, stop])
  expect(events).toEqual([
    {
      type: 'message_start',
      message: {
        id: 'chatcmpl-1',
        type: 'message',
        role: 'assistant',
        model: 'gpt-x',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          input_tokens: 0,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 0,
        },
      },
    },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Hel' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'lo' } },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: {
        input_tokens: 6,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 4,
        output_tokens: 5,
        output_tokens_details: { thinking_tokens: 2 },
      },
    },
    { type: 'message_stop' },
  ])
  expect(losses).toEqual([])
})

test('waits with the start for the first part, and then knows the input tokens if they came', () => {
  const { pieces, events } = write([start, usage, ...text(0, 'a'), stop])
  expect(pieces.slice(0, 2)).toEqual(['', ''])
  expect(events[0]).toMatchObject({ message: { usage: { input_tokens: 6, output_tokens: 0 } } })
})

test('writes an answer without any part', () => {
  const { events } = write([stop])
  expect(events.map(({ type }) => type)).toEqual(['message_start', 'message_delta', 'message_stop'])
  expect(events[0]).toMatchObject({ message: { id: 'msg_own', model: 'own-model' } })
})

test('opens no block for a part that says nothing', () => {
  const at = { candidate: 0, part: 0 }
  const silent: InferenceEvent[] = [
    { type: 'reasoning-start', ...at },
    { type: 'reasoning-end', ...at },
  ]
  const { events } = write([start, ...silent, ...text(1, ''), ...text(2, 'a'), stop])
  expect(blocksOf(events)).toMatchObject([{ index: 0 }, { index: 0 }, { index: 0 }])
})

test('holds parts that overlap until the open block closes, then says them in their order', () => {
  const [startA, ...restA] = call(1, 'a', '{"x":', '1}')
  const [startB, ...restB] = call(2, 'b', '{}')
  const mixed = [startA, startB, restB[0], restA[0], restB[1], restA[1], restA[2]] as InferenceEvent[]
  const { events } = write([start, ...mixed, stop])
  expect(blocksOf(events).map(({ type, index }) => [type, index])).toEqual([
    ['content_block_start', 0],
    ['content_block_delta', 0],
    ['content_block_delta', 0],
    ['content_block_stop', 0],
    ['content_block_start', 1],
    ['content_block_delta', 1],
    ['content_block_stop', 1],
  ])
})

test('closes what was never closed', () => {
  const [openA, deltaA] = call(0, 'a', '{}')
  const [openB, deltaB] = call(1, 'b', '{}')
  const { events } = write([start, openA, openB, deltaB, deltaA, stop] as InferenceEvent[])
  expect(blocksOf(events).filter(({ type }) => type === 'content_block_stop')).toHaveLength(2)
})

test('writes reasoning of another provider with an empty signature, and keeps a true one', () => {
  const at = { candidate: 0, part: 0 }
  const thought = (end: object): InferenceEvent[] => [
    { type: 'reasoning-start', ...at },
    { type: 'reasoning-delta', text: 'hm', ...at },
    { type: 'reasoning-end', ...end, ...at },
  ]
  const deltas = (end: object) =>
    blocksOf(write([start, ...thought(end), stop]).events).map(
      ({ content_block: block, delta }) => block ?? delta,
    )
  expect(deltas({})).toEqual([
    { type: 'thinking', thinking: '', signature: '' },
    { type: 'thinking_delta', thinking: 'hm' },
    undefined,
  ])
  expect(deltas({ signature: 's' })[2]).toEqual({ type: 'signature_delta', signature: 's' })
  expect(deltas({ encrypted: 'e' })[3]).toEqual({ type: 'redacted_thinking', data: 'e' })
})

test('writes a refusal as text with its own stop reason', () => {
  const at = { candidate: 0, part: 0 }
  const { events } = write([
    start,
    { type: 'refusal-start', ...at },
    { type: 'refusal-delta', text: 'No.', ...at },
    { type: 'refusal-end', ...at },
    stop,
  ])
  expect(blocksOf(events)[1]).toMatchObject({ delta: { text: 'No.' } })
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'refusal' } })
})

test('gives tool calls ids this dialect allows, none twice and none empty', () => {
  const { events } = write([start, ...call(0, 'functions.f:0'), ...call(1, ''), ...call(2, ''), stop])
  const ids = events.flatMap(({ content_block: block }) => (block ? [(block as { id: string }).id] : []))
  expect(ids).toEqual(['functions_f_0', 'toolu_chatcmpl-1', 'toolu_chatcmpl-1_2'])
})

test('makes JSON of the free text of a custom tool', () => {
  const at = { candidate: 0, part: 0 }
  const { events } = write([
    start,
    { type: 'tool-call-start', id: 'a', name: 'f', kind: 'custom', ...at },
    { type: 'tool-call-delta', argumentsDelta: 'say "', ...at },
    { type: 'tool-call-delta', argumentsDelta: 'hi"', ...at },
    { type: 'tool-call-end', ...at },
    stop,
  ])
  expect(blocksOf(events)[1]).toMatchObject({ delta: { partial_json: '{"input":"say \\"hi\\""}' } })
})

test('makes no input of arguments that are null, however they are cut, and loses nothing of others', () => {
  const inputOf = (...pieces: string[]) =>
    write([start, ...call(0, 'a', ...pieces), stop])
      .events.map(({ delta }) => stringOf(objectOf(delta)?.['partial_json']) ?? '')
      .join('')
  for (const pieces of [['null'], ['n', 'ul', 'l'], [' ', 'null\n'], [], ['', ' ']]) {
    expect([pieces, inputOf(...pieces)]).toEqual([pieces, ''])
  }
  for (const pieces of [['{', '}'], [' {"a"', ':null}'], ['nu'], ['nullable'], ['null', ' 1'], ['"null"']]) {
    expect([pieces, inputOf(...pieces)]).toEqual([pieces, pieces.join('')])
  }
  const padded = [' '.repeat(100), '{}']
  expect(inputOf(...padded)).toBe(padded.join(''))
})

describe('stop reasons', () => {
  function stopOf(finish: object, ...parts: InferenceEvent[]) {
    const end = { type: 'finish', candidate: 0, finish } as InferenceEvent
    return write([start, ...parts, end]).events.at(-2)?.['delta']
  }

  const words: Readonly<Record<string, string>> = {
    stop: 'end_turn',
    length: 'max_tokens',
    'tool-calls': 'tool_use',
    'content-filter': 'refusal',
    refusal: 'refusal',
    pause: 'pause_turn',
    'context-window': 'model_context_window_exceeded',
    error: 'end_turn',
    other: 'end_turn',
  }
  for (const [reason, word] of Object.entries(words)) {
    test(`${reason} is ${word}`, () => {
      expect(stopOf({ reason })).toEqual({ stop_reason: word, stop_sequence: null })
    })
  }

  test('a plain stop with a tool call is tool_use', () => {
    expect(stopOf({ reason: 'stop', raw: 'stop' }, ...call(0, 'a', '{}'))).toMatchObject({
      stop_reason: 'tool_use',
    })
  })

  test("Anthropic's own word stays", () => {
    expect(stopOf({ reason: 'stop', raw: 'end_turn' }, ...call(0, 'a', '{}'))).toMatchObject({
      stop_reason: 'end_turn',
    })
  })

  test('a stop sequence is named', () => {
    expect(stopOf({ reason: 'stop', stopSequence: 'END' })).toEqual({
      stop_reason: 'stop_sequence',
      stop_sequence: 'END',
    })
  })
})

test('writes blocks of this dialect in the steps in which it streams them', () => {
  const opaque = (part: number, value: JsonObject): InferenceEvent => ({
    type: 'opaque',
    dialect: 'anthropic-messages',
    value,
    candidate: 0,
    part,
  })
  const { events, losses } = write([
    start,
    opaque(0, { type: 'server_tool_use', id: 's', name: 'web', input: { q: 1 } }),
    opaque(1, { type: 'compaction', content: 'sum' }),
    opaque(2, { type: 'web_search_tool_result', tool_use_id: 's', content: [] }),
    { type: 'opaque', dialect: 'openai-chat', value: { a: 1 }, candidate: 0, part: 3 },
    stop,
  ])
  expect(blocksOf(events).map(({ content_block: block, delta }) => block ?? delta ?? 'stop')).toEqual([
    { type: 'server_tool_use', id: 's', name: 'web', input: {} },
    { type: 'input_json_delta', partial_json: '{"q":1}' },
    'stop',
    { type: 'compaction', content: null },
    { type: 'compaction_delta', content: 'sum' },
    'stop',
    { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
    'stop',
  ])
  expect(losses).toEqual(['content'])
})

test('writes the first candidate only, and names what is lost', () => {
  const other = text(0, 'second').map((event) => ({ ...event, candidate: 1 }))
  const { events, losses } = write([
    start,
    ...other,
    ...text(0, 'first'),
    { type: 'logprobs-delta', candidate: 0, content: [] },
    { type: 'text-start', candidate: 0, part: 1 },
    { type: 'text-delta', text: 'cited', candidate: 0, part: 1 },
    {
      type: 'text-end',
      citations: [{ url: 'https://a.example', raw: { type: 'url_citation' } }],
      candidate: 0,
      part: 1,
    },
    { type: 'finish', candidate: 1, finish: { reason: 'length' } },
    stop,
  ])
  expect(
    textOf(readStream(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('')).events),
  ).toBe('firstcited')
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: 'end_turn' } })
  expect(losses).toEqual(['n', 'logprobs', 'annotations'])
})

test('fault 70: where the first candidate never speaks, the one that does is given', () => {
  const only = [...text(0, 'second'), stop].map((event) => ({ ...event, candidate: 1 }))
  const { text: all, losses } = write([start, ...only])
  expect(textOf(readStream(all).events)).toBe('second')
  expect(all).toContain('"type":"message_stop"')
  expect(losses).toEqual([])
})

test('adds no field that only newer clients know', () => {
  expect(write([start, ...text(0, 'a'), stop]).text).not.toMatch(/citations|stop_details|container/)
})

test('SEC-40: no text can begin an event of its own', () => {
  const said = 'x\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n\r\r'
  const { text: all } = write([start, ...text(0, said), stop])
  expect(textOf(readStream(all).events)).toBe(said)
})

test('says every text whatever it is and however parts overlap', () => {
  const awkward = fc.constantFrom(
    'a',
    'data: ',
    'event: ',
    '\n',
    '\r',
    ':',
    '"',
    '\\',
    '\u0000',
    '\u2028',
    'é',
    '\u{1f600}',
  )
  const pieces = fc.array(fc.tuple(fc.nat(3), fc.string({ unit: awkward })), { maxLength: 30 })
  fc.assert(
    fc.property(pieces, (list) => {
      const parts = [...new Set(list.map(([part]) => part))]
      const deltas = list.map(
        ([part, said]): InferenceEvent => ({ type: 'text-delta', text: said, candidate: 0, part }),
      )
      const opened = parts.map((part): InferenceEvent => ({ type: 'text-start', candidate: 0, part }))
      const closed = parts.map((part): InferenceEvent => ({ type: 'text-end', candidate: 0, part }))
      const { text: all } = write([start, ...opened, ...deltas, ...closed, stop])
      const inOrder = parts.flatMap((part) => list.filter(([of]) => of === part).map(([, said]) => said))
      expect(textOf(readStream(all).events)).toBe(inOrder.join(''))
    }),
  )
})
