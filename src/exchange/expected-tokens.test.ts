import { describe, expect, test } from 'vitest'
import type { Envelope } from '../canonical/envelope.ts'
import type { Exchange } from '../execution/exchange.ts'
import { openaiBatchCancel, openaiBatchCreation } from '../operations/batches.ts'
import { openaiEmbeddings } from '../operations/embeddings.ts'
import { fileList, fileUpload } from '../operations/files.ts'
import type { OperationSpec } from '../operations/operation-spec.ts'
import { transcription } from '../operations/audio.ts'
import { expectedTokens, FILE_TOKENS, PICTURE_TOKENS } from './expected-tokens.ts'
import { client } from './recall.test-support.ts'

const nobodyKnows = { inputRoom: () => undefined }
const PNG = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const picture = (bytes: number) => Buffer.concat([PNG, Buffer.alloc(bytes, 'pixels')]).toString('base64')

function asking(text: string, envelope: Partial<Envelope> = {}): Exchange {
  const { exchange } = client()
  const body = Buffer.from(text)
  return { ...exchange, body, envelope: { ...exchange.envelope, bodyBytes: body.length, ...envelope } }
}

function operation(spec: OperationSpec, text = '', formBytes?: number): Exchange {
  const exchange = asking(text)
  const form =
    formBytes === undefined
      ? {}
      : {
          form: {
            contentType: 'multipart/form-data; boundary=b',
            length: formBytes,
            source: () => ({ length: 0, async *open() {} }),
            close: async () => {},
          },
        }
  const asked = {
    spec,
    dialect: 'openai-chat' as const,
    body: exchange.body,
    ownAddress: '',
    query: '',
    ...form,
  }
  return { ...exchange, operation: spec.operation, asked }
}

describe('what a request may come to', () => {
  test('is its bytes by four, and the ceilings of its answers', () => {
    const exchange = asking('x'.repeat(4_001), { maxOutputTokens: 50, candidateCount: 3 })
    expect(expectedTokens(exchange, nobodyKnows)).toEqual({
      inputTokens: 1_001,
      attachedTokens: 0,
      outputTokens: 150,
    })
  })

  test('is a picture’s worth for a picture of any size, and never more than its bytes say', () => {
    const text = (bytes: number) => JSON.stringify({ text: 'hi', data: picture(bytes) })
    for (const bytes of [10_000, 3_000_000]) {
      const { inputTokens, attachedTokens } = expectedTokens(asking(text(bytes)), nobodyKnows)
      expect(attachedTokens).toBe(PICTURE_TOKENS)
      expect(inputTokens).toBeLessThan(10)
    }
    const small = text(3_000)
    expect(expectedTokens(asking(small), nobodyKnows)).toMatchObject({
      inputTokens: Math.ceil(small.length / 4),
      attachedTokens: 0,
    })
  })

  test('is more for what may be a document, sound or a film, and the sum of all', () => {
    const document = Buffer.alloc(300_000, '%PDF-1.7').toString('base64')
    const short = Buffer.alloc(15_000, '%PDF-1.7').toString('base64')
    const parts = [{ data: document }, { data: picture(90_000) }, { data: short }, { data: picture(50_000) }]
    expect(expectedTokens(asking(JSON.stringify(parts)), nobodyKnows).attachedTokens).toBe(
      FILE_TOKENS + 2 * PICTURE_TOKENS + short.length / 4,
    )
  })

  test('is no more than the model can hold; of texts to embed each has the window for itself', () => {
    const exchange = asking(JSON.stringify({ text: 'x'.repeat(36_000), data: picture(90_000) }))
    const within = (tokens: number) => expectedTokens(exchange, { inputRoom: () => tokens })
    expect(within(100_000)).toMatchObject({ inputTokens: 9_006, attachedTokens: 1_600 })
    expect(within(10_000)).toMatchObject({ inputTokens: 9_006, attachedTokens: 994 })
    expect(within(4_000)).toMatchObject({ inputTokens: 4_000, attachedTokens: 0 })
    const embedded = operation(openaiEmbeddings, 'x'.repeat(40_000))
    expect(expectedTokens(embedded, { inputRoom: () => 512 }).inputTokens).toBe(10_000)
  })

  test('does not ask how much a model can hold for what any can', () => {
    const inputRoom = () => {
      throw new Error('was asked')
    }
    expect(expectedTokens(asking('x'.repeat(30_000)), { inputRoom }).inputTokens).toBe(7_500)
  })

  test('is a file’s worth for a form that is worked on', () => {
    expect(expectedTokens(operation(transcription, '', 25_000_000), nobodyKnows)).toEqual({
      inputTokens: 0,
      attachedTokens: FILE_TOKENS,
      outputTokens: 1_000,
    })
    expect(expectedTokens(operation(transcription, '', 2_000), nobodyKnows).attachedTokens).toBe(500)
  })

  test('is nothing where nothing is paid', () => {
    const counting = { ...asking('x'.repeat(40_000)), operation: 'count-tokens' as const }
    const free = [
      counting,
      operation(fileUpload, '', 25_000_000),
      operation(fileList),
      operation(openaiBatchCancel, '{}'),
    ]
    for (const exchange of free)
      expect(expectedTokens(exchange, nobodyKnows)).toEqual({ inputTokens: 0, outputTokens: 0 })
    expect(expectedTokens(operation(openaiBatchCreation, 'x'.repeat(400)), nobodyKnows).inputTokens).toBe(100)
  })
})
