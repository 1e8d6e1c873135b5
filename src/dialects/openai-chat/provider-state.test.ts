import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Part } from '../../canonical/message.ts'
import { openState, SEAL_MARK, sealState } from '../../canonical/seal.ts'
import { unfold } from '../../canonical/unfold.ts'
import { isJsonObject, stringOf } from '../../std/json.ts'
import type { RequestPatch, WriteAnswerOptions } from '../dialect.ts'
import { openaiChat as dialect } from './index.ts'

const options: WriteAnswerOptions = { responseId: 'c1', modelId: 'm', createdAtS: 1, wantsUsage: true }

const resultOf = (parts: readonly Part[]) => ({
  candidates: [{ index: 0, parts, finish: { reason: 'stop' } as const }],
})

/** The message that a client keeps of a plain answer. */
function plain(parts: readonly Part[], origin: string): Record<string, unknown> {
  return JSON.parse(dialect.writeResult(resultOf(parts), { ...options, origin }).body).choices[0].message
}

/** The message that a client puts together of a stream. */
function streamed(parts: readonly Part[], origin: string): Record<string, unknown> {
  const writer = dialect.createStreamWriter({ ...options, origin })
  const text = unfold(resultOf(parts))
    .map((event) => writer.write(event))
    .join('')
  const folder = dialect.createFolder()
  folder.read(Buffer.from(text + writer.end()))
  folder.end()
  expect(writer.losses).toEqual([])
  return JSON.parse(Buffer.from(folder.result()).toString()).choices[0].message
}

function bodyOf(message: unknown): Buffer {
  const messages = [{ role: 'user', content: 'hi' }, message, { role: 'user', content: 'go on' }]
  return Buffer.from(JSON.stringify({ model: 'm', messages }))
}

function readBack(message: unknown): readonly Part[] {
  return dialect.readRequest(bodyOf(message)).messages[1]?.parts ?? []
}

describe('state of another provider, on its way through a client of this dialect', () => {
  const call = { type: 'tool-call', id: 'a', name: 'f', arguments: '{"x":1}' } as const
  const cases: readonly [string, readonly Part[]][] = [
    ['a signature', [{ type: 'reasoning', text: 'hm', signature: 'SIG', origin: 'anthropic' }]],
    ['encrypted reasoning', [{ type: 'reasoning', text: '', encrypted: 'ENC', origin: 'openai' }]],
    [
      'encrypted reasoning with a summary',
      [{ type: 'reasoning', text: 'in short', encrypted: 'ENC', origin: 'openai' }],
    ],
    [
      'reasoning in several pieces',
      [
        { type: 'reasoning', text: 'one ', signature: 'S1', origin: 'anthropic' },
        { type: 'reasoning', text: 'two ', signature: 'S2', origin: 'anthropic' },
        { type: 'reasoning', text: '', encrypted: 'ENC', origin: 'anthropic' },
      ],
    ],
    [
      'a signed tool call',
      [
        { ...call, signature: 'SIG', origin: 'google' },
        { ...call, id: 'b' },
      ],
    ],
  ]
  const originOf = (parts: readonly Part[]) =>
    parts.flatMap((part) => ('origin' in part && part.origin !== undefined ? [part.origin] : []))[0] ?? ''

  test.each(cases)('%s comes back from a plain answer with its maker', (_name, parts) => {
    expect(readBack(plain(parts, originOf(parts)))).toEqual(parts)
  })

  test.each(cases)('%s comes back from a stream with its maker', (_name, parts) => {
    expect(readBack(streamed(parts, originOf(parts)))).toEqual(parts)
  })

  test('returns to its maker where that speaks this dialect, in its own words', () => {
    const messages = [
      { role: 'user', parts: [{ type: 'text', text: 'hi' }] },
      {
        role: 'assistant',
        parts: [
          { type: 'reasoning', text: 'hm', signature: 'SIG', origin: 'x' },
          { type: 'tool-call', id: 'a', name: 'f', arguments: '{}', signature: 'CALL', origin: 'x' },
        ],
      },
    ] as const
    const { fields, losses } = dialect.writeRequest(
      { modelId: 'm', messages, stream: false, wantsStreamUsage: false },
      { modelId: 'm', stream: false },
    )
    expect(losses).toEqual([])
    expect(fields['messages']).toMatchObject([
      {},
      {
        reasoning_content: 'hm',
        reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: 'SIG' }],
        tool_calls: [{ id: 'a', extra_content: { google: { thought_signature: 'CALL' } } }],
      },
    ])
  })
})

test('reads the signature of a call where a server of this dialect says one, streamed or whole', () => {
  const extra_content = { google: { thought_signature: 'SIG' } }
  const call = { id: 'a', type: 'function', function: { name: 'f', arguments: '{}' }, extra_content }
  const plainAnswer = {
    choices: [{ message: { role: 'assistant', tool_calls: [call] }, finish_reason: 'stop' }],
  }
  expect(dialect.readResult(Buffer.from(JSON.stringify(plainAnswer))).candidates[0]?.parts).toMatchObject([
    { type: 'tool-call', signature: 'SIG' },
  ])
  const chunk = {
    choices: [{ index: 0, delta: { tool_calls: [{ ...call, index: 0 }] }, finish_reason: 'tool_calls' }],
  }
  const reader = dialect.createStreamReader()
  const events = [
    ...reader.read(Buffer.from(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`)),
    ...reader.end(),
  ]
  expect(events.filter((event) => event.type.startsWith('tool-call') && 'signature' in event)).toMatchObject([
    { type: 'tool-call-start', signature: 'SIG' },
    { type: 'tool-call-end', signature: 'SIG' },
  ])
})

describe('a request that passes through', () => {
  function patched(message: unknown, patch: Partial<RequestPatch>): Record<string, unknown> {
    const body = bodyOf(message)
    const out = dialect.patchRequest(body, dialect.peek(body, 'chat'), { modelId: 'm', ...patch })
    return JSON.parse(Buffer.from(out).toString()).messages[1]
  }
  const seal = (origin: string, value: string) => sealState({ origin, value, kind: 'signature' })
  const signedCall = (thought_signature: string) => ({
    id: 'a',
    type: 'function',
    function: { name: 'f', arguments: '{}' },
    extra_content: { google: { thought_signature }, other: 1 },
  })
  const message = (details: readonly unknown[], signature: string) => ({
    role: 'assistant',
    content: null,
    reasoning_content: 'hm',
    reasoning_details: details,
    tool_calls: [signedCall(signature)],
  })

  test('seals of the target are opened in place, those of others taken out', () => {
    const details = [
      { type: 'reasoning.text', signature: seal('openrouter', 'S1'), index: 0 },
      { type: 'reasoning.encrypted', data: seal('openai', 'S2'), index: 1 },
    ]
    const out = patched(message(details, seal('google', 'S3')), { origin: 'openrouter' })
    expect(out['reasoning_details']).toEqual([{ type: 'reasoning.text', signature: 'S1', index: 0 }])
    expect(out['tool_calls']).toEqual([{ ...signedCall(''), extra_content: { other: 1 } }])
    expect(patched(message([], seal('google', 'S3')), { origin: 'google' })['tool_calls']).toEqual([
      signedCall('S3'),
    ])
  })

  test('raw state known to be made by another is taken out; what Google made always goes to Google', () => {
    const details = [
      { type: 'reasoning.text', signature: 'THEIRS' },
      { type: 'reasoning.summary', summary: 's' },
    ]
    const isForeign = () => true
    const named: string[] = []
    const onLoss: RequestPatch['onLoss'] = ({ field }) => named.push(field)
    const out = patched(message(details, 'THEIRS'), { origin: 'openai', isForeign, onLoss })
    expect(named).toEqual(['reasoning_signature', 'thought_signature'])
    expect(out['reasoning_details']).toEqual([{ type: 'reasoning.summary', summary: 's' }])
    expect(out['tool_calls']).toEqual([{ ...signedCall(''), extra_content: { other: 1 } }])
    expect(patched(message([], 'MINE'), { origin: 'google', isForeign })['tool_calls']).toEqual([
      signedCall('MINE'),
    ])
  })

  test('what is nobody else changes no byte', () => {
    const body = bodyOf(message([{ type: 'reasoning.text', signature: 'MINE' }], 'MINE'))
    const out = dialect.patchRequest(body, dialect.peek(body, 'chat'), {
      modelId: 'm',
      origin: 'x',
      isForeign: () => false,
    })
    expect(Buffer.from(out).equals(body)).toBe(true)
  })
})

test('a passthrough tells of the state that passes', () => {
  const chunk = {
    choices: [
      {
        index: 0,
        delta: {
          reasoning_details: [{ type: 'reasoning.text', text: 'hm', signature: 'SIG' }],
          tool_calls: [{ index: 0, id: 'a', extra_content: { google: { thought_signature: 'CALL' } } }],
        },
      },
    ],
  }
  const told: string[] = []
  const passthrough = dialect.createPassthrough({ hidesUsage: false, onState: (state) => told.push(state) })
  passthrough.read(Buffer.from(`data: ${JSON.stringify(chunk)}\n\n`))
  expect(told).toEqual(['SIG', 'CALL'])
})

test('every seal stands where clients expect opaque text', () => {
  const details = plain([{ type: 'reasoning', text: 'hm', signature: 'SIG' }], 'anthropic')[
    'reasoning_details'
  ]
  const [detail] = Array.isArray(details) ? details : []
  expect(isJsonObject(detail) ? openState(stringOf(detail['signature']) ?? '') : undefined).toEqual({
    origin: 'anthropic',
    value: 'SIG',
    kind: 'signature',
  })
})

test('a request that passes through stays JSON and holds no seal of another, whatever stands in it', () => {
  const state = fc.oneof(
    fc.string(),
    fc.string().map((value) => sealState({ origin: 'mine', value, kind: 'signature' })),
    fc.string().map((value) => sealState({ origin: 'theirs', value, kind: 'encrypted' })),
  )
  const detail = fc.oneof(
    state.map((signature) => ({ type: 'reasoning.text', signature })),
    state.map((data) => ({ type: 'reasoning.encrypted', data })),
    fc.jsonValue(),
  )
  const call = fc.oneof(
    state.map((thought_signature) => ({ id: 'a', extra_content: { google: { thought_signature } } })),
    fc.jsonValue(),
  )
  const message = fc.record({
    reasoning_details: fc.oneof(fc.array(detail), fc.jsonValue()),
    tool_calls: fc.oneof(fc.array(call), fc.jsonValue()),
  })
  fc.assert(
    fc.property(message, fc.constantFrom(undefined, 1), (fields, space) => {
      const said = { model: 'm', messages: [{ role: 'assistant', ...fields }] }
      const body = Buffer.from(JSON.stringify(said, undefined, space))
      const patch = { modelId: 'm', origin: 'mine', isForeign: (text: string) => text.length > 3 }
      const out = Buffer.from(dialect.patchRequest(body, dialect.peek(body, 'chat'), patch)).toString()
      expect(JSON.parse(out)).toHaveProperty('messages')
      expect(out).not.toContain(SEAL_MARK)
    }),
  )
})
