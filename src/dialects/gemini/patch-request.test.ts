/** A request that passes through keeps every byte but the signatures that are not the target's. */

import { describe, expect, test } from 'vitest'
import type { Loss } from '../../canonical/loss.ts'
import { sealState } from '../../canonical/seal.ts'
import type { RequestPatch } from '../dialect.ts'
import { gemini } from './index.ts'

const named = { modelId: 'm', stream: false }

function patched(text: string, patch: Partial<RequestPatch>) {
  const body = Buffer.from(text)
  const losses: Loss[] = []
  const bytes = gemini.patchRequest(body, gemini.peek(body, 'chat', named), {
    modelId: 'gemini-2.5-pro',
    onLoss: (loss) => losses.push(loss),
    ...patch,
  })
  return { text: Buffer.from(bytes).toString(), losses: losses.map(({ field }) => field) }
}

const own = sealState({ origin: 'google', value: 'c2ln' })
const other = sealState({ origin: 'anthropic', value: 'bm9wZQ==' })
const hidden = sealState({ origin: 'openai', value: 'secret', kind: 'encrypted' })

/** White space and number spellings that no printer would choose. */
const withParts = (...parts: readonly string[]) =>
  `{ "contents" : [ {"role":"user","parts":[ {"text":"a"} ]}, { "role":"model", "n":1.0, "parts" : [${parts.join(' ,')}] } ] , "x":1e2}`

describe('signatures in a request that passes through', () => {
  test('sealed for the target are opened in place, all else as it came', () => {
    const { text, losses } = patched(
      withParts(`{"text":"b","thoughtSignature":"${own}"}`, '{ "text":"c" }'),
      {
        origin: 'google',
      },
    )
    expect(text).toBe(
      '{ "contents" : [{"role":"user","parts":[ {"text":"a"} ]},{ "role":"model", "n":1.0, "parts" : [{"text":"b","thoughtSignature":"c2ln"},{ "text":"c" }] }] , "x":1e2}',
    )
    expect(losses).toEqual([])
  })

  test('that seal words without proof are taken away from words that go on', () => {
    const bare = sealState({ origin: 'google', value: '', kind: 'signature' })
    const { text, losses } = patched(
      withParts(
        '{"text":"Hm.","thought":true}',
        `{"text":"","thought":true,"thoughtSignature":"${bare}"}`,
        `{"text":"Well.","thought":true,"thoughtSignature":"${bare}"}`,
      ),
      { origin: 'google' },
    )
    expect(JSON.parse(text).contents[1].parts).toEqual([
      { text: 'Hm.', thought: true },
      { text: 'Well.', thought: true },
    ])
    expect(losses).toEqual([])
  })

  test('sealed by others are taken out and named: thoughts go with them, text and calls stay', () => {
    const { text, losses } = patched(
      withParts(
        `{"text":"t","thought":true,"thoughtSignature":"${other}"}`,
        `{"text":"","thought":true,"thoughtSignature":"${hidden}"}`,
        `{"text":"said","thought_signature":"${other}"}`,
        `{"text":"","thoughtSignature":"${other}"}`,
        `{"functionCall":{"name":"f","args":{}},"thoughtSignature":"${other}"}`,
      ),
      { origin: 'google' },
    )
    expect(JSON.parse(text)).toMatchObject({
      contents: [{}, { parts: [{ text: 'said' }, { functionCall: { name: 'f', args: {} } }] }],
    })
    expect(text).not.toMatch(/ignature/)
    expect([...new Set(losses)]).toEqual(['reasoning_signature', 'encrypted_reasoning', 'thought_signature'])
  })

  test("known to be another's are taken out, without a seal", () => {
    const isForeign = (signature: string) => signature === 'Zm9yZWlnbg=='
    const parts = ['Zm9yZWlnbg==', 'bWluZQ=='].map((it) => `{"text":"x","thoughtSignature":"${it}"}`)
    const { text, losses } = patched(withParts(...parts), { origin: 'google', isForeign })
    expect(JSON.parse(text)).toMatchObject({
      contents: [{}, { parts: [{ text: 'x' }, { text: 'x', thoughtSignature: 'bWluZQ==' }] }],
    })
    expect(losses).toEqual(['thought_signature'])
  })

  test('of calls give way to the documented words where the model wants a signature', () => {
    const body = withParts(`{"functionCall":{"name":"f"},"thoughtSignature":"${other}"}`)
    expect(patched(body, { origin: 'google', modelId: 'gemini-3-pro-preview' }).text).toContain(
      '"thoughtSignature":"skip_thought_signature_validator"',
    )
  })

  test('leave a part in a content that held nothing else', () => {
    const { text } = patched(withParts(`{"text":"t","thought":true,"thoughtSignature":"${other}"}`), {
      origin: 'google',
    })
    expect(JSON.parse(text)).toMatchObject({ contents: [{}, { role: 'model', parts: [{ text: '' }] }] })
  })

  test("stay where nobody asks whose they are, and where all are the target's own", () => {
    const body = withParts('{"text":"b","thoughtSignature":"bWluZQ=="}', '{"text":"skip_thought_signature"}')
    expect(patched(body, {}).text).toBe(body)
    expect(patched(body, { origin: 'google', isForeign: () => false }).text).toBe(body)
    const placeholder = withParts(
      '{"functionCall":{"name":"f"},"thoughtSignature":"skip_thought_signature_validator"}',
    )
    expect(patched(placeholder, { origin: 'google', isForeign: () => true }).text).toBe(placeholder)
  })

  test('are found in a content that stands alone', () => {
    const body = `{"contents":{"role":"model","parts":[{"text":"b","thoughtSignature":"${own}"}]}}`
    expect(patched(body, { origin: 'google' }).text).toBe(
      '{"contents":{"role":"model","parts":[{"text":"b","thoughtSignature":"c2ln"}]}}',
    )
  })
})

describe('a request that is wrapped to be counted', () => {
  const count = (text: string, patch: Partial<RequestPatch>) => {
    const body = Buffer.from(text)
    const envelope = gemini.peek(body, 'count-tokens', named)
    const bytes = gemini.patchRequest(body, envelope, { modelId: envelope.modelId, ...patch })
    return Buffer.from(bytes).toString()
  }
  const body = `{ "generateContentRequest": { "model":"models/m", "contents":[{"parts":[{"text":"b","thoughtSignature":"${other}"} ]}] } }`

  test('names the model that counts, and shows it nothing of another', () => {
    expect(count(body, { modelId: 'gemini-2.5-pro', origin: 'google' })).toBe(
      '{ "generateContentRequest": { "model":"models/gemini-2.5-pro", "contents":[{"parts":[{"text":"b"}]}] } }',
    )
  })

  test('stays as it came where nothing has to change', () => {
    expect(count(body, {})).toBe(body)
  })
})
