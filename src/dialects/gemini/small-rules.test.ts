import { describe, expect, test } from 'vitest'
import { foldEvents, readStream } from '../dialect.contract.ts'
import { gemini } from './index.ts'

const said = (...candidates: readonly object[]) =>
  candidates.map((candidate) => `data: ${JSON.stringify({ candidates: [candidate] })}\r\n\r\n`).join('')
const textPart = (text: string, more: object = {}) => ({ content: { parts: [{ text, ...more }] } })
const grounding = { groundingChunks: [{ web: { uri: 'https://a.example/', title: 'A' } }] }
const options = { responseId: 'r', modelId: 'm', createdAtS: 1, wantsUsage: true }

describe('sources', () => {
  test('that come when their text has been signed already are kept on one without words', () => {
    const text = said(textPart('Paris.', { thoughtSignature: 'c2ln' }), {
      ...textPart(''),
      finishReason: 'STOP',
      groundingMetadata: grounding,
    })
    const { candidates } = foldEvents(readStream(gemini, [Buffer.from(text)]))
    expect(candidates[0]?.parts).toMatchObject([
      { type: 'text', text: 'Paris.', signature: 'c2ln' },
      { type: 'text', text: '', citations: [{ url: 'https://a.example/', title: 'A' }] },
    ])
  })
})

describe('sound', () => {
  test('is counted by its kind, there and back', () => {
    const usageMetadata = {
      promptTokenCount: 30,
      candidatesTokenCount: 8,
      totalTokenCount: 38,
      promptTokensDetails: [
        { modality: 'TEXT', tokenCount: 5 },
        { modality: 'AUDIO', tokenCount: 25 },
      ],
      candidatesTokensDetails: [{ modality: 'AUDIO', tokenCount: 8 }],
    }
    const answer = { candidates: [{ ...textPart('Hm.'), finishReason: 'STOP' }], usageMetadata }
    const result = gemini.readResult(Buffer.from(JSON.stringify(answer)))
    expect(result.usage).toMatchObject({ inputAudioTokens: 25, outputAudioTokens: 8 })
    expect(JSON.parse(gemini.writeResult(result, options).body).usageMetadata).toEqual(usageMetadata)
  })
})

describe('usage', () => {
  test('counts the queries that differ, of all candidates, also where they come after the counts', () => {
    const grounded = (...webSearchQueries: string[]) => ({ groundingMetadata: { webSearchQueries } })
    const usageMetadata = { promptTokenCount: 3, candidatesTokenCount: 1, totalTokenCount: 4 }
    const counts = `data: ${JSON.stringify({ candidates: [textPart('a')], usageMetadata })}\r\n\r\n`
    const end = { ...textPart('b'), finishReason: 'STOP' }
    const text = counts + said(grounded('', 'a', '', 'a')) + said({ ...end, ...grounded('a', 'b') })
    expect(foldEvents(readStream(gemini, [Buffer.from(text)])).usage).toMatchObject({
      inputTokens: 3,
      searches: 2,
    })
    const passthrough = gemini.createPassthrough({ hidesUsage: false })
    passthrough.read(Buffer.from(text))
    passthrough.end()
    expect(passthrough.facts.usage).toMatchObject({ inputTokens: 3, searches: 2 })
  })

  test('that says nothing of the output gets no total, which would say that it was none', () => {
    const answer = { candidates: [{ ...textPart('a'), finishReason: 'STOP' }] }
    const result = gemini.readResult(Buffer.from(JSON.stringify(answer)))
    const { body } = gemini.writeResult({ ...result, usage: { inputTokens: 3 } }, options)
    expect(JSON.parse(body).usageMetadata).toEqual({ promptTokenCount: 3 })
  })
})

describe('what a tool showed', () => {
  const request = {
    modelId: '',
    stream: false,
    wantsStreamUsage: true,
    messages: [
      { role: 'user', parts: [{ type: 'text', text: 'a' }] },
      { role: 'assistant', parts: [{ type: 'tool-call', id: 'call_1', name: 'look', arguments: '{}' }] },
      {
        role: 'tool',
        parts: [
          {
            type: 'tool-result',
            toolCallId: 'call_1',
            parts: [
              { type: 'image', source: { kind: 'url', url: 'https://a.example/b.png' } },
              { type: 'image', source: { kind: 'base64', data: 'iVBORw0KGgo=', mediaType: 'image/png' } },
            ],
          },
        ],
      },
    ],
  } as const

  test('stands in its result as bytes, where the model looks there, and as an address beside it', () => {
    const { fields } = gemini.writeRequest(request, { modelId: 'gemini-3-pro', stream: false })
    expect(fields['contents']).toMatchObject([
      {},
      {},
      {
        parts: [
          { functionResponse: { parts: [{ inlineData: { mimeType: 'image/png' } }] } },
          { fileData: { fileUri: 'https://a.example/b.png' } },
        ],
      },
    ])
  })
})

describe('an uploaded file', () => {
  test('keeps the type that its client said', () => {
    const fileData = {
      mimeType: 'image/jpeg',
      fileUri: 'https://generativelanguage.googleapis.com/v1beta/files/a',
    }
    const body = Buffer.from(JSON.stringify({ contents: [{ role: 'user', parts: [{ fileData }] }] }))
    const read = gemini.readRequest(body, { modelId: 'm' })
    const { fields } = gemini.writeRequest(read, { modelId: 'm', stream: false })
    expect(fields['contents']).toEqual([{ role: 'user', parts: [{ fileData }] }])
  })
})

describe('a stream that is watched', () => {
  test('does not remember more candidates than an answer has', () => {
    const passthrough = gemini.createPassthrough({ hidesUsage: false })
    for (let index = 0; index < 300; index += 1)
      passthrough.read(Buffer.from(said({ ...textPart('a'), index, finishReason: 'STOP' })))
    expect(passthrough.facts.isComplete).toBe(true)
    expect(passthrough.facts.finish?.reason).toBe('stop')
  })
})
