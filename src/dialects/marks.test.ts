import { expect, test } from 'vitest'
import type { Ability } from '../canonical/needs.ts'
import { mayHoldState, mayNameFiles, mayNeedAbility } from './marks.ts'

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))

test.each<[Ability, unknown]>([
  ['tools', { tools: [{ functionDeclarations: [] }] }],
  ['vision', { type: 'image_url' }],
  ['vision', { type: 'input_image' }],
  ['vision', { type: 'image', source: { media_type: 'image/png' } }],
  ['vision', { inlineData: { mimeType: 'image/png', data: '' } }],
  ['audio', { type: 'input_audio' }],
  ['audio', { inlineData: { mimeType: 'audio/wav', data: '' } }],
  ['documents', { type: 'document' }],
  ['documents', { type: 'file', file: { file_id: 'x' } }],
  ['documents', { type: 'input_file' }],
  ['documents', { inlineData: { mimeType: 'application/pdf', data: '' } }],
  ['json-schema', { response_format: { type: 'json_schema' } }],
  ['json-schema', { generationConfig: { responseSchema: {} } }],
  ['json-schema', { generationConfig: { responseJsonSchema: {} } }],
  ['json-schema', { output_config: { format: { type: 'json_schema' } } }],
  ['speech', { modalities: ['audio'] }],
  ['speech', { generationConfig: { responseModalities: ['AUDIO'] } }],
])('%s may be needed by %j', (ability, request) => {
  expect(mayNeedAbility(bytes(request), ability)).toBe(true)
  expect(mayNeedAbility(bytes({ messages: [{ role: 'user', content: 'hi' }] }), ability)).toBe(false)
})

test('files may be named in the words of each dialect', () => {
  for (const part of [{ file_id: 'x' }, { fileData: { fileUri: 'x' } }, { audio: { id: 'x' } }]) {
    expect(mayNameFiles(bytes(part))).toBe(true)
  }
  expect(mayNameFiles(bytes({ content: 'hi' }))).toBe(false)
})

test('an answer may hold state in the words of each dialect', () => {
  const parts = [
    { signature: 's' },
    { thoughtSignature: 's' },
    { extra_content: { google: { thought_signature: 's' } } },
    { encrypted_content: 'e' },
    { type: 'redacted_thinking', data: 'd' },
    { reasoningContent: { redactedContent: 'd' } },
    { type: 'reasoning.encrypted', data: 'd' },
  ]
  for (const part of parts) expect(mayHoldState(bytes(part))).toBe(true)
  expect(mayHoldState(bytes({ content: 'hi' }))).toBe(false)
})
