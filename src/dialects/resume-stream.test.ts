/** What is particular to a dialect when its stream is resumed; that each goes on as one is in execution/resumed-streams.test.ts. */

import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../canonical/event.ts'
import type { Dialect, ResumeStreamOptions } from './dialect.ts'
import { anthropicMessages, gemini, openaiChat, openaiCompletions, openaiResponses } from './index.ts'

const options: ResumeStreamOptions = { responseId: 'own', modelId: 'own-m', createdAtS: 5, wantsUsage: true }
const at = (part: number) => ({ candidate: 0, part })
const finish: InferenceEvent = { type: 'finish', candidate: 0, finish: { reason: 'stop' } }

const data = (value: unknown) => `data: ${JSON.stringify(value)}\n\n`
const named = (value: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${value.type}\n${data(value)}`

function resume(dialect: Dialect, said: readonly string[], more: Partial<ResumeStreamOptions> = {}) {
  return dialect.resumeStream(
    said.map((event) => Buffer.from(event)),
    { ...options, ...more },
  )
}

function reasonOf(dialect: Dialect, said: readonly string[], more: Partial<ResumeStreamOptions> = {}) {
  const delivered = resume(dialect, said, more)?.delivered
  return delivered?.isRescuable === false ? delivered.reason : delivered?.text
}

const chunk = (choice: object) =>
  data({
    id: 'c-1',
    object: 'chat.completion.chunk',
    created: 7,
    model: 'm',
    choices: [{ index: 0, ...choice }],
  })
const delta = (fields: object) => chunk({ delta: fields, finish_reason: null })

describe('OpenAI chat', () => {
  test('has no second role where only the role was said', () => {
    const resumed = resume(openaiChat, [delta({ role: 'assistant', content: '' })])
    const said = resumed?.writer.write({ type: 'text-delta', text: 'Hi', ...at(0) })
    expect(said).toBe(
      'data: {"id":"c-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"Hi"},"logprobs":null,"finish_reason":null}]}\n\n',
    )
  })

  test('numbers calls on from the highest number that was delivered', () => {
    const call = (index: number) =>
      delta({
        tool_calls: [
          { index, id: `call_${index}`, type: 'function', function: { name: 'f', arguments: '{}' } },
        ],
      })
    const resumed = resume(openaiChat, [call(1), call(2), delta({ content: 'Hi' })])
    expect(resumed?.delivered).toMatchObject({ isRescuable: true, hasToolCalls: true })
    const numbers = [3, 4].map((part) => {
      const said =
        resumed?.writer.write({ type: 'tool-call-start', id: `n${part}`, name: 'f', ...at(part) }) ?? ''
      return /"tool_calls":\[\{"index":(\d)/.exec(said)?.[1]
    })
    expect(numbers).toEqual(['3', '4'])
  })

  test.each([
    ['log probabilities', [chunk({ delta: { content: 'Hi' }, logprobs: { content: [{ token: 'Hi' }] } })]],
    ['a refusal', [delta({ refusal: 'No' })]],
    ['spoken', [delta({ content: 'Hi' }), delta({ audio: { id: 'a', data: 'AA==' } })]],
    ['in the old way', [delta({ content: 'Hi' }), delta({ function_call: { name: 'f', arguments: '{}' } })]],
    ['signed reasoning', [delta({ reasoning_content: 'hm', reasoning_details: [{ signature: 's' }] })]],
    ['signed reasoning', [delta({ reasoning: 'hm' })]],
    ['more than one candidate', [delta({ content: 'Hi' }), chunk({ index: 1, delta: { content: 'Ho' } })]],
    ['only its own provider', [delta({ images: [{ type: 'image_url' }] })]],
  ])('does not go on with %s', (reason, said) => {
    expect(reasonOf(openaiChat, said)).toContain(reason)
  })

  test('does not go on where several candidates were asked for', () => {
    expect(reasonOf(openaiChat, [delta({ content: 'Hi' })], { candidates: 2 })).toContain(
      'more than one candidate',
    )
  })

  test('has nothing to go on with after an error or a finish', () => {
    expect(resume(openaiChat, [delta({ content: 'Hi' }), data({ error: { message: 'x' } })])).toBeUndefined()
    expect(resume(openaiChat, [chunk({ delta: { content: 'Hi' }, finish_reason: 'stop' })])).toBeUndefined()
  })

  test('bytes cut anywhere are the same stream', () => {
    const bytes = Buffer.from(delta({ role: 'assistant', content: '' }) + delta({ content: 'Zürich' }))
    for (let cut = 0; cut <= bytes.length; cut += 1) {
      const resumed = openaiChat.resumeStream([bytes.subarray(0, cut), bytes.subarray(cut)], options)
      expect(resumed?.delivered.text).toBe('Zürich')
    }
  })
})

test("OpenAI completions go on under the same id, and leave the first stream's losses behind", () => {
  const piece = data({
    id: 'cmpl-1',
    object: 'text_completion',
    created: 7,
    model: 'm',
    choices: [{ text: 'Hel', index: 0, logprobs: null, finish_reason: null }],
  })
  const resumed = resume(openaiCompletions, [piece])
  const said = [{ type: 'text-delta', text: 'lo', ...at(0) } as const, finish].map((event) =>
    resumed?.writer.write(event),
  )
  const end = resumed?.writer.end() ?? ''
  const ids = [...(said.join('') + end).matchAll(/"id":"([^"]*)"/g)].map(([, id]) => id)
  expect(new Set(ids)).toEqual(new Set(['cmpl-1']))
  expect(end).toContain('[DONE]')
  expect(resumed?.writer.losses).toEqual([])
})

describe('Anthropic messages', () => {
  const start = named({ type: 'message_start', message: { id: 'msg_1', model: 'm', content: [] } })
  const block = (index: number, content_block: object) =>
    named({ type: 'content_block_start', index, content_block })
  const grow = (index: number, piece: object) => named({ type: 'content_block_delta', index, delta: piece })

  test('goes on in the block that is open, under the number its server gave it', () => {
    const said = [start, block(4, { type: 'text', text: '' }), grow(4, { type: 'text_delta', text: 'Hi' })]
    const resumed = resume(anthropicMessages, said)
    expect(resumed?.writer.write({ type: 'text-delta', text: '!', ...at(0) })).toBe(
      grow(4, { type: 'text_delta', text: '!' }),
    )
    expect(resumed?.writer.write({ type: 'text-end', ...at(0) })).toBe(
      named({ type: 'content_block_stop', index: 4 }),
    )
    expect(resumed?.writer.write({ type: 'text-delta', text: 'So', ...at(1) })).toContain('"index":5')
  })

  test('does not go on with blocks that overlap, or with the tools of its provider', () => {
    const text = block(0, { type: 'text', text: '' })
    expect(reasonOf(anthropicMessages, [start, text, block(1, { type: 'text', text: '' })])).toContain(
      'overlap',
    )
    const tool = block(0, { type: 'server_tool_use', id: 's', name: 'web_search', input: {} })
    const stop = named({ type: 'content_block_stop', index: 0 })
    expect(reasonOf(anthropicMessages, [start, tool, stop])).toContain('only its own provider')
  })
})

describe('OpenAI Responses', () => {
  const response = { id: 'resp_1', object: 'response', created_at: 7, model: 'm', output: [] }
  const created = named({ type: 'response.created', response, sequence_number: 3 })
  const item = { id: 'msg_a', type: 'message', role: 'assistant', content: [] }
  const added = named({
    type: 'response.output_item.added',
    output_index: 0,
    item,
    sequence_number: 4,
  })
  const place = { output_index: 0, item_id: 'msg_a', content_index: 0 }
  const part = { type: 'output_text', text: '', annotations: [] }
  const opened = named({ type: 'response.content_part.added', ...place, part, sequence_number: 5 })
  const grown = named({
    type: 'response.output_text.delta',
    ...place,
    delta: 'Hi',
    sequence_number: 6,
  })
  const annotation = {
    type: 'url_citation',
    url: 'https://a.example/',
    title: 'A',
    start_index: 0,
    end_index: 1,
  }
  const cited = named({
    type: 'response.output_text.annotation.added',
    ...place,
    annotation_index: 0,
    annotation,
    sequence_number: 7,
  })

  test('keeps the sources that an open text was given, and counts on from them', () => {
    const { writer } = resume(openaiResponses, [created, added, opened, grown, cited]) ?? {}
    const other = { url: 'https://b.example/', title: 'B', raw: {} }
    const end = writer?.write({ type: 'text-end', citations: [other], ...at(0) }) ?? ''
    expect(end).toContain('"annotation_index":1')
    expect(end).toContain('"sequence_number":8')
    writer?.write(finish)
    const last = writer?.end() ?? ''
    expect(last).toContain('https://a.example/')
    expect(last).toContain('https://b.example/')
  })

  test('an error inside the stream bears its id and the next number', () => {
    const { writer } = resume(openaiResponses, [created, added, opened, grown]) ?? {}
    const said = writer?.write({ type: 'text-delta', text: '!', ...at(0) })
    expect(said).toContain('"item_id":"msg_a","output_index":0,"content_index":0,"delta":"!"')
    expect(said).toContain('"sequence_number":7')
  })

  test('does not go on with a tool that the provider runs', () => {
    const search = { id: 'ws_1', type: 'web_search_call', status: 'in_progress' }
    const begun = named({
      type: 'response.output_item.added',
      output_index: 0,
      item: search,
      sequence_number: 4,
    })
    expect(reasonOf(openaiResponses, [created, begun])).toContain('cannot be gone on with')
    const done = named({
      type: 'response.output_item.done',
      output_index: 0,
      item: search,
      sequence_number: 5,
    })
    expect(reasonOf(openaiResponses, [created, begun, done])).toContain('only its own provider')
  })
})

describe('Gemini', () => {
  const response = (text: string) =>
    JSON.stringify({
      candidates: [{ content: { parts: [{ text }], role: 'model' }, index: 0 }],
      modelVersion: 'm',
      responseId: 'answer-1',
    })

  test('goes on in the array that has begun, and ends it', () => {
    const said = [`[${response('Hel')}`]
    const { writer } = resume(gemini, said, { streamForm: 'json-array' }) ?? {}
    const rest = [{ type: 'text-delta', text: 'lo', ...at(0) } as const, finish].map((event) =>
      writer?.write(event),
    )
    const whole = said.join('') + rest.join('') + (writer?.end() ?? '')
    const elements: unknown = JSON.parse(whole)
    expect(elements).toMatchObject([
      { responseId: 'answer-1' },
      { responseId: 'answer-1' },
      { modelVersion: 'm' },
    ])
  })

  test('goes on in the array where only an empty response was said', () => {
    const { writer } = resume(gemini, [`[${response('')}`], { streamForm: 'json-array' }) ?? {}
    expect(writer?.write({ type: 'text-delta', text: 'Hi', ...at(0) })).toMatch(/^,\r\n\{/)
  })

  test('does not go on inside a call whose arguments come in pieces', () => {
    const call = { name: 'f', partialArgs: [{ jsonPath: '$.a', stringValue: 'x' }], willContinue: true }
    const begun = data({ candidates: [{ content: { parts: [{ functionCall: call }] }, index: 0 }] })
    expect(reasonOf(gemini, [begun])).toContain('inside a tool call')
  })
})
