import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { InferenceEvent } from '../../canonical/event.ts'
import type { Part } from '../../canonical/message.ts'
import { openState, SEAL_MARK, sealState } from '../../canonical/seal.ts'
import { unfold } from '../../canonical/unfold.ts'
import { isJsonObject, parseJson, stringOf } from '../../std/json.ts'
import type { RequestPatch, WriteAnswerOptions } from '../dialect.ts'
import { anthropicMessages as dialect } from './index.ts'

const options: WriteAnswerOptions = { responseId: 'msg_1', modelId: 'm', createdAtS: 1, wantsUsage: true }

/** The blocks that a client keeps of a plain answer. */
function plain(parts: readonly Part[], origin?: string): readonly unknown[] {
  const { body } = dialect.writeResult(
    { candidates: [{ index: 0, parts, finish: { reason: 'stop' } }] },
    { ...options, ...(origin === undefined ? {} : { origin }) },
  )
  return JSON.parse(body).content
}

/** The blocks that a client puts together of a stream. */
function streamed(events: readonly InferenceEvent[], origin?: string): readonly unknown[] {
  const writer = dialect.createStreamWriter({ ...options, ...(origin === undefined ? {} : { origin }) })
  const text = events.map((event) => writer.write(event)).join('') + writer.end()
  const folder = dialect.createFolder()
  folder.read(Buffer.from(text))
  folder.end()
  return JSON.parse(Buffer.from(folder.result()).toString()).content
}

function streamedParts(parts: readonly Part[], origin?: string): readonly unknown[] {
  return streamed(unfold({ candidates: [{ index: 0, parts, finish: { reason: 'stop' } }] }), origin)
}

function bodyOf(content: readonly unknown[]): Buffer {
  const messages = [
    { role: 'user', content: 'hi' },
    { role: 'assistant', content },
    { role: 'user', content: 'go on' },
  ]
  return Buffer.from(JSON.stringify({ model: 'm', max_tokens: 9, messages }))
}

function readBack(content: readonly unknown[]): readonly Part[] {
  return dialect.readRequest(bodyOf(content)).messages[1]?.parts ?? []
}

const reasoning: Part = { type: 'reasoning', text: 'hm', signature: 'SIG' }

describe('state of another provider, on its way through a client of this dialect', () => {
  const cases: readonly [string, readonly Part[]][] = [
    ['a signature', [reasoning]],
    ['a signature without words', [{ type: 'reasoning', text: '', signature: 'SIG' }]],
    ['encrypted reasoning', [{ type: 'reasoning', text: '', encrypted: 'ENC' }]],
    ['encrypted reasoning with a summary', [{ type: 'reasoning', text: 'summary', encrypted: 'ENC' }]],
    [
      'a signed tool call',
      [
        { type: 'tool-call', id: 'toolu_1', name: 'f', arguments: '{"a":1}', signature: 'SIG' },
        { type: 'tool-call', id: 'toolu_2', name: 'g', arguments: '{}' },
      ],
    ],
  ]
  const isProven = (part: Part) => ('signature' in part && part.signature) || 'encrypted' in part
  const owned = (parts: readonly Part[]) =>
    parts.map((part) => (isProven(part) ? { ...part, origin: 'google' } : part))

  test.each(cases)('%s comes back from a plain answer with its maker', (_name, parts) => {
    expect(readBack(plain(parts, 'google'))).toEqual(owned(parts))
  })

  test.each(cases)('%s comes back from a stream with its maker', (_name, parts) => {
    expect(readBack(streamedParts(parts, 'google'))).toEqual(owned(parts))
  })

  test('signed words come back from a plain answer; streamed, their signature is a named loss', () => {
    const parts: Part[] = [{ type: 'text', text: 'hello', signature: 'SIG' }]
    expect(readBack(plain(parts, 'google'))).toEqual(owned(parts))
    const writer = dialect.createStreamWriter({ ...options, origin: 'google' })
    for (const event of unfold({ candidates: [{ index: 0, parts }] })) writer.write(event)
    expect(writer.losses.map(({ field }) => field)).toEqual(['thought_signature'])
  })

  test('words without proof come back with their maker: it may want them', () => {
    const parts: Part[] = [{ type: 'reasoning', text: 'hm' }]
    expect(readBack(plain(parts, 'deepseek'))).toEqual([
      { type: 'reasoning', text: 'hm', origin: 'deepseek' },
    ])
    expect(readBack(streamedParts(parts, 'deepseek'))).toEqual(readBack(plain(parts, 'deepseek')))
  })

  test('without the name of its maker it stays as it is, and words without proof have an empty signature', () => {
    expect(plain([reasoning])).toEqual([{ type: 'thinking', thinking: 'hm', signature: 'SIG' }])
    expect(plain([{ type: 'reasoning', text: 'hm' }])).toEqual([
      { type: 'thinking', thinking: 'hm', signature: '' },
    ])
  })

  test('every seal stands where the SDKs expect base64', () => {
    const [block] = plain([reasoning], 'google')
    const signature = isJsonObject(block) ? stringOf(block['signature']) : undefined
    expect(openState(signature ?? '')).toEqual({ origin: 'google', value: 'SIG', kind: 'signature' })
  })
})

describe('a request that passes through', () => {
  function patched(content: readonly unknown[], patch: Partial<RequestPatch>): readonly unknown[] {
    const body = bodyOf(content)
    const out = dialect.patchRequest(body, dialect.peek(body, 'chat'), { modelId: 'm', ...patch })
    const parsed = parseJson(Buffer.from(out).toString())
    const messages = isJsonObject(parsed) && Array.isArray(parsed['messages']) ? parsed['messages'] : []
    const found: unknown = messages.find((one) => isJsonObject(one) && one['role'] === 'assistant')
    return isJsonObject(found) && Array.isArray(found['content']) ? found['content'] : []
  }
  const text = { type: 'text', text: 'hello' }
  const thinking = (signature: string) => ({ type: 'thinking', thinking: 'hm', signature })

  test('a seal of the target is opened in place', () => {
    const content = [
      thinking(sealState({ origin: 'anthropic', value: 'SIG', kind: 'signature' })),
      {
        type: 'redacted_thinking',
        data: sealState({ origin: 'anthropic', value: 'ENC', kind: 'encrypted' }),
      },
      text,
    ]
    expect(patched(content, { origin: 'anthropic' })).toEqual([
      thinking('SIG'),
      { type: 'redacted_thinking', data: 'ENC' },
      text,
    ])
  })

  test('a seal of anybody else takes its block out', () => {
    const content = [
      thinking(sealState({ origin: 'google', value: 'SIG', kind: 'next' })),
      thinking(sealState({ origin: 'openai', value: 'ENC', kind: 'encrypted' })),
      { type: 'redacted_thinking', data: sealState({ origin: 'openai', value: 'ENC' }) },
      text,
    ]
    expect(patched(content, { origin: 'anthropic' })).toEqual([text])
  })

  test('raw state known to be made by another is taken out, the rest stays', () => {
    const content = [
      thinking('THEIRS'),
      thinking('MINE'),
      { type: 'redacted_thinking', data: 'THEIRS' },
      { type: 'redacted_thinking', data: 'MINE' },
      text,
    ]
    const isForeign = (state: string) => state === 'THEIRS'
    expect(patched(content, { origin: 'anthropic', isForeign })).toEqual([content[1], content[3], text])
  })

  test('what is taken out is named', () => {
    const content = [
      thinking('THEIRS'),
      thinking(sealState({ origin: 'google', value: 'S', kind: 'next' })),
      { type: 'redacted_thinking', data: 'THEIRS' },
      thinking(''),
      thinking(sealState({ origin: 'x', value: '', kind: 'signature' })),
      text,
    ]
    const named: string[] = []
    patched(content, { origin: 'x', isForeign: () => true, onLoss: ({ field }) => named.push(field) })
    expect(named).toEqual([
      'reasoning_signature',
      'thought_signature',
      'encrypted_reasoning',
      'reasoning',
      'reasoning',
    ])
  })

  test('a turn in the middle of its tools goes on without thinking where its thinking was of another', () => {
    const go = (content: readonly unknown[], thinkingOption: unknown) => {
      const said = {
        model: 'm',
        max_tokens: 9_000,
        thinking: thinkingOption,
        messages: [
          { role: 'user', content: 'hi' },
          { role: 'assistant', content },
          { role: 'user', content: [{ type: 'tool_result', tool_use_id: 't', content: 'x' }] },
        ],
      }
      const body = Buffer.from(JSON.stringify(said))
      const out = dialect.patchRequest(body, dialect.peek(body, 'chat'), {
        modelId: 'm',
        isForeign: (state) => state === 'THEIRS',
      })
      return JSON.parse(Buffer.from(out).toString()).thinking
    }
    const call = { type: 'tool_use', id: 't', name: 'f', input: {} }
    const budget = { type: 'enabled', budget_tokens: 2_000 }
    expect(go([thinking('THEIRS'), call], budget)).toEqual({ type: 'disabled' })
    expect(go([thinking(''), call], budget)).toEqual({ type: 'disabled' })
    expect(go([thinking('MINE'), thinking('THEIRS'), call], budget)).toEqual(budget)
    expect(go([call], budget)).toEqual(budget)
    expect(go([thinking('THEIRS'), call], { type: 'adaptive' })).toEqual({ type: 'adaptive' })
  })

  test('what stays keeps every byte', () => {
    const kept = '{"type":"tool_use","id":"t","name":"f","input":{"n":12345678901234567890, "x":1.0}}'
    const body = Buffer.from(
      `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"}, {"role" : "assistant","content":[${JSON.stringify(thinking('THEIRS'))} , ${kept}],"x":1.0}]}`,
    )
    const out = dialect.patchRequest(body, dialect.peek(body, 'chat'), {
      modelId: 'm',
      isForeign: () => true,
    })
    expect(Buffer.from(out).toString()).toBe(
      `{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"a"},{"role" : "assistant","content":[${kept}],"x":1.0}]}`,
    )
  })

  test('signatures of the target alone change no byte', () => {
    const body = bodyOf([thinking('MINE'), text])
    const out = dialect.patchRequest(body, dialect.peek(body, 'chat'), {
      modelId: 'm',
      origin: 'anthropic',
      isForeign: () => false,
    })
    expect(Buffer.from(out).equals(body)).toBe(true)
  })
})

test('a passthrough tells of the state that passes', () => {
  const events = [
    { type: 'message_start', message: { id: 'm', model: 'm', content: [], usage: {} } },
    {
      type: 'content_block_start',
      index: 0,
      content_block: { type: 'thinking', thinking: '', signature: '' },
    },
    { type: 'content_block_delta', index: 0, delta: { type: 'thinking_delta', thinking: 'hm' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'signature_delta', signature: 'SIG' } },
    { type: 'content_block_start', index: 1, content_block: { type: 'redacted_thinking', data: 'ENC' } },
  ]
  const told: string[] = []
  const passthrough = dialect.createPassthrough({ hidesUsage: false, onState: (state) => told.push(state) })
  const text = events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')
  expect(Buffer.from(passthrough.read(Buffer.from(text))).toString()).toBe(text)
  expect(told).toEqual(['SIG', 'ENC'])
})

test('a request that passes through stays JSON and holds no seal of another, whatever stands in it', () => {
  const state = fc.oneof(
    fc.string(),
    fc.string().map((value) => sealState({ origin: 'mine', value, kind: 'signature' })),
    fc.string().map((value) => sealState({ origin: 'theirs', value, kind: 'encrypted' })),
    fc.string().map((value) => sealState({ origin: 'theirs', value, kind: 'next' })),
  )
  const block = fc.oneof(
    state.map((signature) => ({ type: 'thinking', thinking: 'hm', signature })),
    state.map((data) => ({ type: 'redacted_thinking', data })),
    fc.jsonValue(),
  )
  const content = fc.oneof(fc.array(block), fc.jsonValue())
  fc.assert(
    fc.property(content, fc.constantFrom(undefined, 1), (parts, space) => {
      const said = {
        model: 'm',
        max_tokens: 1,
        messages: [
          { role: 'assistant', content: parts },
          { role: 'user', content: 'x' },
        ],
      }
      const body = Buffer.from(JSON.stringify(said, undefined, space))
      const patch = { modelId: 'm', origin: 'mine', isForeign: (text: string) => text.length > 3 }
      const out = Buffer.from(dialect.patchRequest(body, dialect.peek(body, 'chat'), patch)).toString()
      expect(JSON.parse(out)).toHaveProperty('messages')
      expect(out).not.toContain(SEAL_MARK)
    }),
  )
})
