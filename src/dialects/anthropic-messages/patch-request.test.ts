import fc from 'fast-check'
import { expect, test } from 'vitest'
import { patchRequest } from './patch-request.ts'
import { peek } from './peek.ts'

function patch(text: string, change: { modelId: string; stream?: true }): string {
  const body = Buffer.from(text)
  return Buffer.from(patchRequest(body, peek(body, 'chat'), change)).toString()
}

test('renames the model and touches no other byte', () => {
  const text =
    '{ "messages" : [ {"role":"user","content":"h\\u00e9 1.0"} ],\n "model":"a" , "max_tokens":1.0e1, "x":12345678901234567890 }'
  expect(patch(text, { modelId: 'claude "x"\n' })).toBe(text.replace('"a"', '"claude \\"x\\"\\n"'))
})

test('leaves the text of a body alone that needs no change', () => {
  const text = '{"model":"a","max_tokens":1,"messages":[{}]}'
  expect(patch(text, { modelId: 'a' })).toBe(text)
})

test('turns stream on, set or not', () => {
  expect(patch('{"model":"a","max_tokens":1,"messages":[{}]}', { modelId: 'a', stream: true })).toBe(
    '{"stream":true,"model":"a","max_tokens":1,"messages":[{}]}',
  )
  expect(
    patch('{"model":"a","stream": false,"max_tokens":1,"messages":[{}]}', { modelId: 'b', stream: true }),
  ).toBe('{"model":"b","stream": true,"max_tokens":1,"messages":[{}]}')
})

test('gives a body that parses to the same with the new values, whatever the fields', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.string({ minLength: 1 }), (extra, modelId) => {
      const { model: _m, messages: _ms, max_tokens: _t, stream: _s, ...rest } = extra
      const known = new Set([
        'system',
        'tools',
        'tool_choice',
        'thinking',
        'metadata',
        'output_config',
        'temperature',
      ])
      const free = Object.fromEntries(Object.entries(rest).filter(([name]) => !known.has(name)))
      const said = { ...free, model: 'a', max_tokens: 1, messages: [{ role: 'user', content: 'x' }] }
      const text = JSON.stringify(said)
      expect(JSON.parse(patch(text, { modelId, stream: true }))).toEqual({
        ...JSON.parse(text),
        model: modelId,
        stream: true,
      })
    }),
  )
})

test('takes out thinking without a signature, which Anthropic would refuse', () => {
  const user = { role: 'user', content: 'hi' }
  const signed = { type: 'thinking', thinking: 'mine', signature: 'abc' }
  const foreign = { type: 'thinking', thinking: 'theirs', signature: '' }
  const text = { type: 'text', text: 'hello, "signature":""' }
  const said = {
    model: 'a',
    max_tokens: 1,
    messages: [
      user,
      { role: 'assistant', content: [foreign, signed, text] },
      user,
      { role: 'assistant', content: [foreign] },
    ],
  }
  expect(JSON.parse(patch(JSON.stringify(said, undefined, 1), { modelId: 'a' }))).toEqual({
    ...said,
    messages: [user, { role: 'assistant', content: [signed, text] }, user],
  })
})

test('leaves every byte of messages alone that only speak of empty signatures', () => {
  const text =
    '{"model":"a","max_tokens":1,"messages":[{"role":"user","content":[{"type":"x","signature":"" , "n":1.0}]}]}'
  expect(patch(text, { modelId: 'a' })).toBe(text)
})
