/** References of a request, what stands in their place, and the answers that are kept (clients 5). */

import { describe, expect, test } from 'vitest'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { JsonObject } from '../../std/json.ts'
import { conversation } from './conversation.ts'
import { openaiResponses } from './index.ts'

const bytesOf = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
const referencesOf = (value: unknown) => {
  const body = bytesOf(value)
  return conversation.readReferences(body, openaiResponses.peek(body, 'chat'))
}

const question: JsonObject = { role: 'user', content: 'What is 1 + 1?' }
const call: JsonObject = {
  type: 'function_call',
  id: 'fc_1',
  call_id: 'call_1',
  name: 'add',
  arguments: '{}',
}
const result = { type: 'function_call_output', call_id: 'call_1', output: '2' }
const item = (id: string) => (id === 'fc_1' ? call : undefined)

const resolve = (value: unknown, history: readonly JsonObject[] = [question, call]) =>
  Buffer.from(conversation.resolve(bytesOf(value), { history, item })).toString()

describe('the references of a request', () => {
  test('are none where it says everything itself, and its answer is stored', () => {
    for (const store of [undefined, null, true]) {
      expect(referencesOf({ model: 'm', input: 'hi', store })).toEqual({
        itemIds: [],
        isStored: true,
        isBackground: false,
      })
    }
  })

  test('name the response before it, the items it means, and what is to become of the answer', () => {
    const input = [
      { type: 'item_reference', id: 'fc_1' },
      { id: 'fc_2' },
      { type: 'item_reference', id: 'fc_1' },
    ]
    const body = { model: 'm', input, previous_response_id: 'resp_1', store: false, background: true }
    expect(referencesOf(body)).toEqual({
      previousId: 'resp_1',
      itemIds: ['fc_1', 'fc_2'],
      isStored: false,
      isBackground: true,
    })
  })

  test('are not seen in what a user says', () => {
    const input = [{ role: 'user', content: 'What is an item_reference? {"id":"x"}' }]
    expect(referencesOf({ model: 'm', input }).itemIds).toEqual([])
  })
})

describe('a resolved request', () => {
  test('begins with the conversation before it, and keeps its own bytes', () => {
    const own = '[ {"type":"function_call_output", "call_id":"call_1","output":"2", "x":1.50} ]'
    const text = resolve(`{"model":"m","previous_response_id":"resp_1","input":${own}}`)
    expect(JSON.parse(text)).toEqual({
      model: 'm',
      previous_response_id: null,
      input: [question, call, { ...result, x: 1.5 }],
    })
    expect(text).toContain(own.slice(1))
  })

  test('takes a string as what the user says next', () => {
    const body = JSON.parse(resolve({ model: 'm', previous_response_id: 'resp_1', input: 'And "2"?' }))
    expect(body.input).toEqual([question, call, { role: 'user', content: 'And "2"?' }])
  })

  test('needs no input of its own', () => {
    for (const input of [undefined, null, []]) {
      const body = JSON.parse(resolve({ model: 'm', input, previous_response_id: 'resp_1' }))
      expect(body.input).toEqual([question, call])
    }
  })

  test('holds the items it referred to, and those that its history did', () => {
    const reference = { type: 'item_reference', id: 'fc_1' }
    const body = bytesOf(resolve({ model: 'm', input: [question, reference, result] }, []))
    expect(JSON.parse(body.toString()).input).toEqual([question, call, result])
    expect(openaiResponses.readRequest(body).messages).toHaveLength(3)
    expect(JSON.parse(resolve({ model: 'm', input: [result] }, [reference])).input).toEqual([call, result])
  })

  test('names an item that nobody has', () => {
    expect(() => resolve({ model: 'm', input: [{ type: 'item_reference', id: 'fc_9' }] })).toThrow(
      expect.objectContaining({ code: 'response_not_found', message: expect.stringContaining('fc_9') }),
    )
  })

  test('is a copy of the same bytes where nothing is referred to', () => {
    const text = '{ "model":"m", "input":[ {"role":"user","content":"hi"} ] }'
    expect(resolve(text, [])).toBe(text)
  })
})

describe('the items of a conversation', () => {
  test('all have ids, the same whenever they are read, which nobody else is told', () => {
    const body = bytesOf({ model: 'm', input: [question, question, call] })
    const items = conversation.inputItems(body)
    expect(items).toEqual(conversation.inputItems(body))
    expect(new Set(items.map(({ id }) => id)).size).toBe(3)
    expect(items[0]).toMatchObject({
      type: 'message',
      content: [{ type: 'input_text', text: 'What is 1 + 1?' }],
    })
    expect(items[2]).toEqual(call)
    const said = JSON.parse(resolve({ model: 'm', input: 'hi' }, items)).input
    expect(said.map(({ id }: JsonObject) => id)).toEqual([undefined, undefined, 'fc_1', undefined])
  })

  test('are a single message where the input is a string', () => {
    expect(conversation.inputItems(bytesOf({ model: 'm', input: 'hi' }))).toMatchObject([
      { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'hi' }] },
    ])
  })
})

describe('an answer that is kept', () => {
  const pending = conversation.pendingAnswer({
    id: 'resp_1',
    createdAtS: 5,
    modelId: 'm',
    echo: { store: true },
  })

  test('is queued, cancelled or failed', () => {
    expect(pending).toMatchObject({
      id: 'resp_1',
      status: 'queued',
      background: true,
      output: [],
      store: true,
    })
    expect(conversation.endedAnswer(pending, 'cancelled')).toMatchObject({
      id: 'resp_1',
      status: 'cancelled',
    })
    const error = new GatewayError('upstream_truncated', 'Cut.')
    expect(conversation.endedAnswer(pending, { error, requestId: 'req_1' })).toMatchObject({
      status: 'failed',
      error: {
        code: 'server_error',
        message: 'Cut.',
        holdfast: { type: 'upstream_truncated', request_id: 'req_1' },
      },
    })
  })

  test('that failed is told in its stream: after what was said, or from the beginning where nothing was', () => {
    const error = new GatewayError('budget_exceeded', 'Spent.')
    const failed = conversation.endedAnswer(pending, { error, requestId: 'req_1' })
    const read = (sequence: number) =>
      conversation.failedEvents(failed, sequence).map(({ bytes, ...rest }) => {
        const [head = '', data = ''] = Buffer.from(bytes).toString().split('\n')
        return { ...rest, head, data: JSON.parse(data.slice('data: '.length)) }
      })
    const end = (sequence: number) => ({
      sequence,
      head: 'event: response.failed',
      data: { type: 'response.failed', sequence_number: sequence, response: failed },
    })
    expect(read(7)).toEqual([end(7)])
    expect(read(0)).toEqual([
      {
        sequence: 0,
        head: 'event: response.created',
        data: { type: 'response.created', sequence_number: 0, response: pending },
      },
      end(1),
    ])
  })

  test('is whole in the last event of its stream, and in no other', () => {
    const data = JSON.stringify({
      type: 'response.completed',
      sequence_number: 7,
      response: { id: 'a', output: [call] },
    })
    const answer = conversation.wholeAnswer({ name: 'response.completed', data })
    expect(answer).toEqual({ id: 'a', output: [call] })
    expect(conversation.outputItems(answer ?? {})).toEqual([call])
    expect(conversation.wholeAnswer({ name: 'response.created', data })).toBeUndefined()
    expect(conversation.wholeAnswer({ name: 'response.completed', data: '{' })).toBeUndefined()
  })

  test('has one id in all events of its stream', () => {
    const data = JSON.stringify({ type: 'response.created', sequence_number: 0, response: { id: 'a' } })
    const event = conversation.renamedEvent(data, 'resp_1')
    expect(event?.sequence).toBe(0)
    expect(Buffer.from(event?.bytes ?? []).toString()).toBe(
      'event: response.created\ndata: {"type":"response.created","sequence_number":0,"response":{"id":"resp_1","background":true}}\n\n',
    )
    const delta = '{"type":"response.output_text.delta","sequence_number":4,"delta":"x"}'
    expect(conversation.renamedEvent(delta, 'resp_1')).toEqual({
      sequence: 4,
      bytes: Buffer.from(`event: response.output_text.delta\ndata: ${delta}\n\n`),
    })
    expect(conversation.renamedEvent('[DONE]', 'resp_1')).toBeUndefined()
  })
})
