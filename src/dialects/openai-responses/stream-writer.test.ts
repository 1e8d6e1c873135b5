import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import type { WriteAnswerOptions } from '../dialect.ts'
import { openaiResponses } from './index.ts'

const at = (part: number) => ({ candidate: 0, part })
const base: WriteAnswerOptions = { responseId: 'x-1', modelId: 'm', createdAtS: 5, wantsUsage: true }
const finish: InferenceEvent = { type: 'finish', candidate: 0, finish: { reason: 'stop' } }

interface Said {
  readonly type: string
  readonly response?: { readonly id: string; readonly output: readonly Record<string, unknown>[] }
  readonly [field: string]: unknown
}

function say(events: readonly InferenceEvent[], options: Partial<WriteAnswerOptions> = {}) {
  const writer = openaiResponses.createStreamWriter({ ...base, ...options })
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  const lines = text.split('\n').filter((line) => line.startsWith('data: '))
  // What was written has a type.
  const said = lines.map((line) => JSON.parse(line.slice(6)) as Said)
  return { text, said, output: said.at(-1)?.response?.output ?? [], losses: writer.losses }
}

const call = (part: number, id: string): readonly InferenceEvent[] => [
  { type: 'tool-call-start', id, name: 'f', ...at(part) },
  { type: 'tool-call-end', ...at(part) },
]

describe('a stream that we write', () => {
  test('has the official sequence of events for a text', () => {
    const { said, text } = say([
      { type: 'text-start', ...at(0) },
      { type: 'text-delta', text: 'a "b"', ...at(0) },
      { type: 'text-end', ...at(0) },
      finish,
    ])
    expect(said.map(({ type }) => type)).toEqual([
      'response.created',
      'response.in_progress',
      'response.output_item.added',
      'response.content_part.added',
      'response.output_text.delta',
      'response.output_text.done',
      'response.content_part.done',
      'response.output_item.done',
      'response.completed',
    ])
    expect(said.map(({ sequence_number: number }) => number)).toEqual(said.map((_, index) => index))
    // Clients 6: the event line says the type.
    for (const event of text.trimEnd().split('\n\n')) {
      const [line = '', data = ''] = event.split('\n')
      expect(line).toBe(`event: ${JSON.parse(data.slice(6)).type}`)
    }
  })

  test('has an id of this dialect from its first event to its last', () => {
    const ids = (events: readonly InferenceEvent[]) =>
      new Set(say([...events, finish]).said.flatMap(({ response }) => (response ? [response.id] : [])))
    expect(ids([{ type: 'answer-start', responseId: 'chatcmpl-7' }])).toEqual(new Set(['resp_x1']))
    expect(ids([{ type: 'answer-start', responseId: 'resp_7' }])).toEqual(new Set(['resp_7']))
  })

  test('has no two calls of one id, and none without', () => {
    const { output } = say([...call(0, 'c'), ...call(1, 'c'), ...call(2, ''), finish])
    const ids = output.map((item) => item['call_id'])
    expect([ids[0], new Set(ids).size, ids.includes('')]).toEqual(['c', 3, false])
  })

  test('seals words that nobody proved, so that they come back to who wrote them', () => {
    const thought: readonly InferenceEvent[] = [
      { type: 'reasoning-start', ...at(0) },
      { type: 'reasoning-delta', text: 'hm', ...at(0) },
      { type: 'reasoning-end', ...at(0) },
      finish,
    ]
    const [item] = say(thought, { origin: 'deepseek' }).output
    expect(say(thought).output[0]).not.toHaveProperty('encrypted_content')
    const body = { model: 'm', input: [{ role: 'user', content: 'hi' }, item] }
    const read = openaiResponses.readRequest(Buffer.from(JSON.stringify(body)))
    const [part] = read.messages[1]?.parts ?? []
    expect(part).toMatchObject({ type: 'reasoning', text: 'hm', origin: 'deepseek' })
    expect(part).not.toHaveProperty('signature')
  })

  test('that was refused without a word is not complete, and one that refuses in words is', () => {
    const refused: InferenceEvent = { type: 'finish', candidate: 0, finish: { reason: 'refusal' } }
    const words: readonly InferenceEvent[] = [
      { type: 'refusal-start', ...at(0) },
      { type: 'refusal-delta', text: 'No.', ...at(0) },
      { type: 'refusal-end', ...at(0) },
    ]
    expect(say([refused]).said.at(-1)).toMatchObject({
      type: 'response.incomplete',
      response: { incomplete_details: { reason: 'content_filter' } },
    })
    expect(say([...words, refused]).said.at(-1)?.type).toBe('response.completed')
  })

  test('says reasoning under one id as one item, until its proof', () => {
    const thought = (part: number, more: object = {}): readonly InferenceEvent[] => [
      { type: 'reasoning-start', id: 'r', ...at(part) },
      { type: 'reasoning-delta', text: `t${part}`, ...at(part) },
      { type: 'reasoning-end', ...more, ...at(part) },
    ]
    const { output } = say([...thought(0), ...thought(1, { encrypted: 'e' }), ...thought(2), finish])
    expect(output).toMatchObject([
      { type: 'reasoning', summary: [{ text: 't0' }, { text: 't1' }], encrypted_content: 'e' },
      { type: 'reasoning', summary: [{ text: 't2' }] },
    ])
  })

  test('finishes every item, however its parts overlap', () => {
    const { said, output } = say([
      { type: 'reasoning-start', ...at(0) },
      { type: 'reasoning-delta', text: 'a', ...at(0) },
      { type: 'reasoning-start', ...at(1) },
      { type: 'reasoning-delta', text: 'b', ...at(1) },
      { type: 'text-start', ...at(2) },
      { type: 'reasoning-delta', text: 'c', ...at(0) },
      { type: 'tool-call-start', id: 'c', name: 'f', ...at(3) },
      { type: 'text-delta', text: 'd', ...at(2) },
      { type: 'reasoning-end', ...at(0) },
      { type: 'text-start', ...at(4) },
      { type: 'text-delta', text: 'e', ...at(4) },
      { type: 'text-end', ...at(2) },
      finish,
    ])
    expect(output).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'ac' }] },
      { type: 'reasoning', summary: [{ text: 'b' }] },
      { type: 'message', content: [{ text: 'd' }] },
      { type: 'function_call', arguments: '{}' },
      { type: 'message', content: [{ text: 'e' }] },
    ])
    const count = (type: string) => said.filter((event) => event.type === type).length
    expect(count('response.output_item.done')).toBe(count('response.output_item.added'))
  })

  test('loses by name what this dialect has no place for', () => {
    const { losses, output } = say([
      { type: 'reasoning-start', ...at(0) },
      { type: 'reasoning-end', signature: 's', ...at(0) },
      { type: 'tool-call-start', id: 'c', name: 'search', kind: 'provider', ...at(1) },
      { type: 'tool-call-end', ...at(1) },
      { type: 'opaque', dialect: 'anthropic-messages', value: { type: 'container_upload' }, ...at(2) },
      { type: 'text-start', candidate: 1, part: 0 },
      finish,
    ])
    expect(output).toEqual([])
    expect(losses.map(({ field }) => field)).toEqual([
      'content.signature',
      'content.server_tool_use',
      'content.container_upload',
      'n',
    ])
  })

  test('gives every probability to the text that it came with', () => {
    const logprob = { token: 'a', logprob: -1, bytes: null, top_logprobs: [] }
    const { said, output } = say([
      { type: 'text-start', ...at(0) },
      { type: 'logprobs-delta', candidate: 0, content: [logprob] },
      { type: 'text-delta', text: 'a', ...at(0) },
      { type: 'text-end', ...at(0) },
      finish,
    ])
    expect(said.find(({ type }) => type === 'response.output_text.delta')).toMatchObject({
      logprobs: [logprob],
    })
    expect(output).toMatchObject([{ content: [{ text: 'a', logprobs: [logprob] }] }])
  })

  test('says nothing after an error, and no end where there is none', () => {
    const start: InferenceEvent = { type: 'text-start', ...at(0) }
    expect(say([start]).said.at(-1)?.type).toBe('response.content_part.added')
  })
})
