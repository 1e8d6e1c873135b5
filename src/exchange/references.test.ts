import { expect, test } from 'vitest'
import { createResponseStore, type ResponseStore } from '../archive/response-store.ts'
import { openaiResponses } from '../dialects/openai-responses/index.ts'
import type { Exchange } from '../execution/exchange.ts'
import type { JsonObject } from '../std/json.ts'
import { StopSource } from '../std/stop-signal.ts'
import { answerKeeper } from './keep-answer.ts'
import { type Archive, CONVERSATION_BYTES_MAX, findReferences } from './references.ts'

const clock = { wallMs: () => 0, nowMs: () => 0, after: () => ({ cancel() {} }) }
const storeOf = () => createResponseStore({ clock })

function archiveOf(store: ResponseStore, change: Partial<Archive> = {}): Archive {
  return { owner: 'laptop', store, hold() {}, ...change }
}

function exchangeOf(fields: JsonObject): Exchange {
  const body = Buffer.from(JSON.stringify({ model: 'm', ...fields }))
  return {
    id: 'req_1',
    dialect: openaiResponses,
    operation: 'chat',
    envelope: openaiResponses.peek(body, 'chat'),
    body,
    headers: {},
    arrivedAtMs: 0,
    signal: new StopSource(),
  }
}

/** Serves a turn as the story does: what it refers to is looked up, its answer kept. */
function takeTurn(store: ResponseStore, fields: JsonObject, answer: JsonObject): string {
  const exchange = exchangeOf(fields)
  const { conversation } = openaiResponses
  const found = findReferences(exchange, archiveOf(store))
  if (conversation === undefined || found === undefined) throw new Error('the dialect has no conversations')
  const said = Buffer.from(found.referring?.inFull().body ?? exchange.body).toString()
  answerKeeper({ exchange, conversation, references: found.references, owner: 'laptop' }, store)(answer)
  return said
}

const call: JsonObject = { type: 'function_call', id: 'fc_1', call_id: 'call_1', name: 'f', arguments: '{}' }
const reference = { type: 'item_reference', id: 'fc_1' }

test('an item is found however often it was referred to in requests that were kept', () => {
  const store = storeOf()
  takeTurn(store, { input: 'hi' }, { id: 'r1', output: [call] })
  for (const id of ['r2', 'r3', 'r4'])
    expect(JSON.parse(takeTurn(store, { input: [reference] }, { id, output: [] })).input).toEqual([call])
  const last = takeTurn(store, { input: 'go on', previous_response_id: 'r4' }, { id: 'r5', output: [] })
  expect(JSON.parse(last).input[0]).toEqual(call)
})

test('a short request that refers to a large item again and again is refused before it is written out', () => {
  const store = storeOf()
  const large = { ...call, arguments: 'x'.repeat(CONVERSATION_BYTES_MAX / 4) }
  takeTurn(store, { input: 'hi' }, { id: 'r1', output: [large] })
  let held = 0
  const archive = archiveOf(store, { hold: (bytes) => (held += bytes) })
  const asking = (times: number) =>
    findReferences(exchangeOf({ input: Array.from({ length: times }, () => reference) }), archive)?.referring
  expect(asking(1)?.inFull().body.length).toBeGreaterThan(large.arguments.length)
  expect(held).toBeGreaterThan(large.arguments.length)
  expect(() => asking(1_000)?.inFull()).toThrow(expect.objectContaining({ code: 'body_too_large' }))
})

test('a history is bounded as a request is', () => {
  const store = storeOf()
  const large = { ...call, arguments: 'x'.repeat(CONVERSATION_BYTES_MAX / 2) }
  takeTurn(store, { input: 'hi' }, { id: 'r1', output: [large] })
  takeTurn(store, { input: 'hi', previous_response_id: 'r1' }, { id: 'r2', output: [large] })
  const exchange = exchangeOf({ input: 'hi', previous_response_id: 'r2' })
  const referring = findReferences(exchange, archiveOf(store))?.referring
  expect(() => referring?.inFull()).toThrow(expect.objectContaining({ code: 'body_too_large' }))
})

test('what another key’s answer or item is never goes on to a provider, which could not tell whose it is', () => {
  const store = storeOf()
  takeTurn(store, { input: 'hi' }, { id: 'r1', output: [call] })
  const asking = (fields: JsonObject) => () =>
    findReferences(exchangeOf(fields), archiveOf(store, { owner: 'phone' }))
  expect(asking({ input: 'hi', previous_response_id: 'r1' })).toThrow(
    expect.objectContaining({ code: 'previous_response_not_found' }),
  )
  expect(asking({ input: [reference] })).toThrow(expect.objectContaining({ code: 'response_not_found' }))
  expect(asking({ input: 'hi', previous_response_id: 'made_elsewhere' })).not.toThrow()
})
