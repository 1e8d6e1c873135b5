import { describe, expect, test } from 'vitest'
import { sealState } from '../../canonical/seal.ts'
import type { RequestPatch } from '../dialect.ts'
import { openaiResponses } from './index.ts'

const patch = (value: unknown, change: Partial<RequestPatch> = {}) => {
  const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  const envelope = openaiResponses.peek(body, 'chat')
  return Buffer.from(openaiResponses.patchRequest(body, envelope, { modelId: 'm', ...change })).toString()
}
const sealed = (origin: string, value: object) => sealState({ origin, value: JSON.stringify(value) })
const reasoning = (encrypted: string) => ({ type: 'reasoning', summary: [], encrypted_content: encrypted })
const said = { role: 'user', content: 'hi' }
const inputOf = (items: readonly object[], change: Partial<RequestPatch>) =>
  JSON.parse(patch({ model: 'm', input: [said, ...items] }, change)).input.slice(1)

describe('a request that passes through', () => {
  test('is not run in the background by the provider: this gateway does that', () => {
    expect(patch('{"model":"a","input":"hi","background": true}', { stream: true })).toBe(
      '{"stream":true,"model":"m","input":"hi","background": false}',
    )
  })

  test('has what was sealed for its target opened, and what was sealed for others taken out', () => {
    const ours = sealed('openai', { kind: 'encrypted', value: 'gAAA' })
    const theirs = sealed('anthropic', { kind: 'signature', value: 'sig' })
    const items = [reasoning(ours), reasoning(theirs), { type: 'message', role: 'assistant', content: 'x' }]
    expect(inputOf(items, { origin: 'openai' })).toEqual([reasoning('gAAA'), items[2]])
  })

  test('names what was taken out', () => {
    const items = [
      reasoning(sealed('anthropic', { kind: 'signature', value: 'sig' })),
      reasoning(sealed('google', { kind: 'call-signature', value: 'sig', callId: 'c' })),
      reasoning('foreign'),
    ]
    const lost: string[] = []
    const onLoss = ({ field }: { readonly field: string }) => void lost.push(field)
    expect(inputOf(items, { origin: 'openai', isForeign: () => true, onLoss })).toEqual([])
    expect(lost).toEqual(['reasoning_signature', 'thought_signature', 'encrypted_reasoning'])
  })

  test('has reasoning taken out that is known to be made by somebody else', () => {
    const items = [reasoning('mine'), reasoning('foreign')]
    const isForeign = (signature: string) => signature === 'foreign'
    expect(inputOf(items, { origin: 'openai', isForeign })).toEqual([reasoning('mine')])
  })

  test('keeps every byte where there is nothing to open', () => {
    const text =
      '{"model":"m", "input":[ {"type":"reasoning","summary":[],"encrypted_content":"gAAA"} ],"x":1.50}'
    expect(patch(text, { origin: 'openai', isForeign: () => false })).toBe(text)
    const spoken = '{"model":"m","input":"what is encrypted_content?"}'
    expect(patch(spoken, { origin: 'openai' })).toBe(spoken)
  })
})
