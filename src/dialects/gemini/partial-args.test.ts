/** Arguments that come in pieces: put together as JSON, whatever paths a stream says. */

import { describe, expect, test } from 'vitest'
import { foldEvents, readStream } from '../dialect.contract.ts'
import { gemini } from './index.ts'
import { PartialArgs } from './partial-args.ts'

const argsOf = (pieces: unknown, args?: unknown) => {
  const partial = new PartialArgs(args)
  partial.add(pieces)
  return partial
}

describe('pieces of arguments', () => {
  test('stand where their paths say', () => {
    const partial = argsOf([
      { jsonPath: '$.recipe.steps[0]', stringValue: 'Boil' },
      { jsonPath: '$.recipe.steps[1]', stringValue: 'Serve' },
      { jsonPath: '$.recipe.ingredients[0].grams', numberValue: 16.5 },
      { jsonPath: "$.recipe['two words']", boolValue: false },
      { jsonPath: '$["it\'s"]', nullValue: null },
    ])
    expect(JSON.parse(partial.toString())).toEqual({
      recipe: {
        steps: ['Boil', 'Serve'],
        ingredients: [{ grams: 16.5 }],
        'two words': false,
      },
      "it's": null,
    })
    expect(partial.skipped).toBe(0)
  })

  test('of a text go on where it stopped', () => {
    const partial = argsOf([
      { jsonPath: '$.text', stringValue: 'one ', willContinue: true },
      { jsonPath: '$.text', stringValue: 'two', willContinue: true },
      { jsonPath: '$.text', stringValue: '' },
    ])
    expect(partial.toString()).toBe('{"text":"one two"}')
  })

  test('go on from what was said whole', () => {
    expect(
      argsOf([{ jsonPath: '$.list[1]', numberValue: 2 }], { list: [1], kept: { a: null } }).toString(),
    ).toBe('{"list":[1,2],"kept":{"a":null}}')
  })

  test('without a place or a value are counted and left out', () => {
    const partial = argsOf([
      { jsonPath: '$', stringValue: 'everything' },
      { jsonPath: 'city', stringValue: 'no root' },
      { jsonPath: '$.a[*]', stringValue: 'any' },
      { jsonPath: '$[0]', stringValue: 'arguments are an object' },
      { jsonPath: '$.none' },
      { stringValue: 'nowhere' },
      { jsonPath: '$.list[999999]', stringValue: 'far away' },
      { jsonPath: `$${'.a'.repeat(1_000)}`, stringValue: 'deep' },
      'no piece',
    ])
    expect(JSON.parse(partial.toString())).not.toHaveProperty('none')
    expect(partial.skipped).toBe(9)
  })

  test('named like members of Object are names', () => {
    const partial = argsOf([{ jsonPath: '$.__proto__.polluted', boolValue: true }])
    expect(partial.toString()).toBe('{"__proto__":{"polluted":true}}')
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
  })
})

const chunk = (part: unknown, end: object = {}) =>
  `data: ${JSON.stringify({ responseId: 'r1', candidates: [{ content: { parts: [part], role: 'model' }, index: 0, ...end }] })}\r\n\r\n`

const pieces = (call: object) => chunk({ functionCall: call })

const stream =
  chunk({ functionCall: { name: 'book', willContinue: true }, thoughtSignature: 'c2ln' }) +
  pieces({
    partialArgs: [{ jsonPath: '$.city', stringValue: 'Zü', willContinue: true }],
    willContinue: true,
  }) +
  pieces({ partialArgs: [{ jsonPath: '$.city', stringValue: 'rich' }], willContinue: true }) +
  pieces({ willContinue: true }) +
  pieces({}) +
  pieces({ name: 'pay', partialArgs: [{ jsonPath: '$.sum', numberValue: 7 }] }) +
  chunk({ text: '' }, { finishReason: 'STOP' })

const calls = [
  { type: 'tool-call', id: 'call_r1_0', name: 'book', arguments: '{"city":"Zürich"}', signature: 'c2ln' },
  { type: 'tool-call', id: 'call_r1_1', name: 'pay', arguments: '{"sum":7}' },
]

describe('a call whose arguments are streamed', () => {
  test('is one call, ended by the part that does not go on', () => {
    const result = foldEvents(readStream(gemini, [Buffer.from(stream)]))
    expect(result.candidates).toEqual([
      { index: 0, parts: calls, finish: { reason: 'tool-calls', raw: 'STOP' } },
    ])
  })

  test('is folded into a call that came whole', () => {
    const folder = gemini.createFolder()
    folder.read(Buffer.from(stream))
    folder.end()
    const answer: unknown = JSON.parse(Buffer.from(folder.result()).toString())
    expect(answer).toMatchObject({
      candidates: [
        {
          content: {
            parts: [
              { functionCall: { name: 'book', args: { city: 'Zürich' } }, thoughtSignature: 'c2ln' },
              { functionCall: { name: 'pay', args: { sum: 7 } } },
              { text: '' },
            ],
          },
          finishReason: 'STOP',
        },
      ],
    })
    expect(JSON.stringify(answer)).not.toMatch(/partialArgs|willContinue/)
    expect(gemini.readResult(folder.result()).candidates[0]?.parts).toEqual(calls)
  })

  test('is ended by the end of the answer, and by the next call', () => {
    const cut =
      pieces({ name: 'a', willContinue: true, partialArgs: [{ jsonPath: '$.x', boolValue: true }] }) +
      pieces({ name: 'b', willContinue: true }) +
      chunk({ text: 'Done.' }, { finishReason: 'STOP' })
    const [candidate] = foldEvents(readStream(gemini, [Buffer.from(cut)])).candidates
    expect(candidate?.parts).toMatchObject([
      { name: 'a', arguments: '{"x":true}' },
      { name: 'b', arguments: '{}' },
      { text: 'Done.' },
    ])
  })

  test('is an anomaly where none has begun', () => {
    const reader = gemini.createStreamReader()
    const events = [
      ...reader.read(Buffer.from(pieces({ partialArgs: [], willContinue: true }))),
      ...reader.read(Buffer.from(chunk({ text: 'Hi.' }, { finishReason: 'STOP' }))),
      ...reader.end(),
    ]
    expect(foldEvents(events).candidates[0]).toMatchObject({
      parts: [{ type: 'text' }],
      finish: { reason: 'stop' },
    })
    expect(reader.anomalies).toBe(1)
  })
})
