import { describe, expect, test } from 'vitest'
import type { Part } from '../canonical/message.ts'
import type { InferenceRequest } from '../canonical/request.ts'
import { homeOriginOf } from './home-origin.ts'
import { RecentMap } from './recent-map.ts'
import { sanitiseRequest } from './sanitise-request.ts'
import { createStateMakers } from './state-makers.ts'
import {
  CALL_CHARS_MAX,
  createToolCallSignatures,
  restoreSignatures,
  SIGNATURE_BYTES_MAX,
} from './tool-call-signatures.ts'
import { StateWatch } from './watch-state.ts'

function requestOf(parts: readonly Part[], role: 'user' | 'assistant' = 'assistant'): InferenceRequest {
  const question = { role: 'user', parts: [{ type: 'text', text: 'hi' }] } as const
  return { modelId: 'm', messages: [question, { role, parts }], stream: false, wantsStreamUsage: false }
}

describe('who made a piece of state', () => {
  test('is remembered for as many as fit, the least recently asked for forgotten first', () => {
    const makers = createStateMakers({ entriesMax: 2 })
    makers.remember('a', 'x')
    makers.remember('b', 'y')
    expect(makers.makerOf('a')).toBe('x')
    makers.remember('c', 'z')
    expect(makers.makerOf('b')).toBeUndefined()
    expect([makers.makerOf('a'), makers.makerOf('c')]).toEqual(['x', 'z'])
  })

  test('decides who may be sent it: its maker, and nobody else', () => {
    const makers = createStateMakers()
    makers.remember('a', 'zai')
    const isForeign = (origin: string) => makers.isForeign('a', { origin, homeOrigin: 'anthropic' })
    expect([isForeign('zai'), isForeign('anthropic')]).toEqual([false, true])
  })

  test('is taken to be the company of the protocol where nobody remembers', () => {
    const makers = createStateMakers()
    const isForeign = (origin: string) =>
      makers.isForeign('b', { origin, homeOrigin: homeOriginOf('anthropic-messages') })
    expect([isForeign('anthropic'), isForeign('zai')]).toEqual([false, true])
    expect(homeOriginOf('gemini')).toBe('google')
    expect(homeOriginOf('openai-responses')).toBe('openai')
  })
})

test('a map of recent things is bounded in bytes as well', () => {
  const map = new RecentMap<string>({ entriesMax: 9, bytesMax: 5, bytesOf: (value) => value.length })
  map.set('a', '12')
  map.set('b', '123')
  map.set('b', '1')
  map.set('c', '12')
  expect(map.size).toBe(3)
  map.set('d', '12')
  expect([map.get('a'), map.get('b'), map.get('c'), map.get('d')]).toEqual([undefined, '1', '12', '12'])
})

describe('sanitising a request', () => {
  const clean = (parts: readonly Part[], origin: string, makers = createStateMakers()) =>
    sanitiseRequest(requestOf(parts), { origin, homeOrigin: 'anthropic', makers })
  const partsFor = (parts: readonly Part[], origin: string) => clean(parts, origin).request.messages[1]?.parts

  test('what the target made stays, and a request without anything else is the same request', () => {
    const request = requestOf([
      { type: 'reasoning', text: 'hm', signature: 'S', origin: 'google' },
      { type: 'tool-call', id: 'a', name: 'f', arguments: '{}', signature: 'S', origin: 'google' },
      { type: 'text', text: 'hello' },
    ])
    const makers = createStateMakers()
    const made = sanitiseRequest(request, { origin: 'google', homeOrigin: 'anthropic', makers })
    expect(made.request).toBe(request)
    expect(made.losses).toEqual([])
  })

  test('a signature of another goes, the words stay, and the loss has a name', () => {
    const { request, losses } = clean(
      [{ type: 'reasoning', text: 'hm', id: 'r', signature: 'S', origin: 'x' }],
      'y',
    )
    expect(request.messages[1]?.parts).toEqual([{ type: 'reasoning', text: 'hm' }])
    expect(losses.map(({ field }) => field)).toEqual(['reasoning_signature'])
  })

  test('words without proof are known to be their maker’s only at their maker', () => {
    const words: Part = { type: 'reasoning', text: 'hm', origin: 'deepseek' }
    expect(partsFor([words], 'deepseek')).toEqual([words])
    expect(partsFor([words], 'moonshot')).toEqual([{ type: 'reasoning', text: 'hm' }])
  })

  test('raw state goes only to the company of the protocol it came in', () => {
    const raw: Part = { type: 'reasoning', text: 'hm', signature: 'S' }
    expect(partsFor([raw], 'anthropic')).toEqual([raw])
    expect(partsFor([raw], 'google')).toEqual([{ type: 'reasoning', text: 'hm' }])
  })

  test('encrypted reasoning of another goes, whole where it has no words', () => {
    const { request, losses } = clean(
      [
        { type: 'reasoning', text: '', encrypted: 'E', origin: 'openai' },
        { type: 'reasoning', text: 'in short', encrypted: 'E', origin: 'openai' },
      ],
      'anthropic',
    )
    expect(request.messages[1]?.parts).toEqual([{ type: 'reasoning', text: 'in short' }])
    expect(losses.map(({ field }) => field)).toEqual(['encrypted_reasoning'])
    expect(
      clean([{ type: 'reasoning', text: '', encrypted: 'E', origin: 'openai' }], 'x').request.messages,
    ).toHaveLength(1)
  })

  test('a signed tool call and signed words stay without their signature', () => {
    const call = { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' } as const
    const { request, losses } = clean(
      [
        { ...call, signature: 'S', origin: 'google' },
        { type: 'text', text: 'hello', signature: 'S', origin: 'google' },
      ],
      'anthropic',
    )
    expect(request.messages[1]?.parts).toEqual([call, { type: 'text', text: 'hello' }])
    expect(losses.map(({ field }) => field)).toEqual(['thought_signature'])
  })

  test('the id of a file goes to the provider that has the file, in tool results too', () => {
    const makers = createStateMakers()
    makers.remember('file_2', 'google')
    const image = (fileId: string): Part => ({ type: 'image', source: { kind: 'file', fileId } })
    const parts: Part[] = [
      image('file_1'),
      { type: 'tool-result', toolCallId: 'a', parts: [image('file_2')] },
    ]
    const { request, losses } = clean(parts, 'anthropic', makers)
    expect(request.messages[1]?.parts).toEqual([
      image('file_1'),
      {
        type: 'tool-result',
        toolCallId: 'a',
        parts: [{ type: 'text', text: '[an image stood here that could not be passed on]' }],
      },
    ])
    expect(losses.map(({ field }) => field)).toEqual(['file_id'])
  })
})

describe('signatures of tool calls', () => {
  const call = { id: 'a', name: 'f', signature: 'S', origin: 'google' }

  test('are put back on calls that come back without theirs, for their maker only', () => {
    const calls = createToolCallSignatures()
    calls.remember(call)
    const bare = { type: 'tool-call', id: 'a', name: 'f', arguments: '{}' } as const
    const request = requestOf([bare, { ...bare, name: 'g' }, { ...bare, signature: 'own', origin: 'google' }])
    expect(restoreSignatures(request, { origin: 'google', calls }).messages[1]?.parts).toEqual([
      { ...bare, signature: 'S', origin: 'google' },
      { ...bare, name: 'g' },
      { ...bare, signature: 'own', origin: 'google' },
    ])
    expect(restoreSignatures(request, { origin: 'openai', calls })).toBe(request)
  })

  test('are bounded in number, in bytes and each in length', () => {
    const calls = createToolCallSignatures({ entriesMax: 2, bytesMax: 8 })
    calls.remember({ ...call, signature: 'x'.repeat(SIGNATURE_BYTES_MAX + 1) })
    expect(calls.find(call)).toBeUndefined()
    const named = { ...call, id: 'x'.repeat(CALL_CHARS_MAX) }
    calls.remember({ ...named, signature: '1' })
    expect(calls.find(named)).toBeUndefined()
    calls.remember({ ...call, signature: '12345' })
    calls.remember({ ...call, id: 'b', signature: '12345' })
    expect([calls.find(call), calls.find({ ...call, id: 'b' })]).toEqual([undefined, '12345'])
  })
})

test('an answer that is read leaves behind who made its state', () => {
  const memory = { makers: createStateMakers(), calls: createToolCallSignatures() }
  const watch = new StateWatch(memory, 'google')
  const at = { candidate: 0, part: 0 }
  watch.note({ type: 'reasoning-end', ...at, signature: 'R', encrypted: 'E' })
  watch.note({ type: 'tool-call-start', candidate: 0, part: 1, id: 'a', name: 'f' })
  watch.note({ type: 'tool-call-end', candidate: 0, part: 1, signature: 'C' })
  watch.note({ type: 'text-end', candidate: 0, part: 2, signature: 'T' })
  expect(['R', 'E', 'C', 'T'].map((state) => memory.makers.makerOf(state))).toEqual(Array(4).fill('google'))
  expect(memory.calls.find({ id: 'a', name: 'f', origin: 'google' })).toBe('C')
})
