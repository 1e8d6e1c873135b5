import { describe, expect, test } from 'vitest'
import type { DialectId, TargetDialectId } from '../../canonical/envelope.ts'
import { GatewayError } from '../../errors/gateway-error.ts'
import type { TranslatedOperation } from '../translated-operation.ts'
import { translateEmbeddings } from './translate-embeddings.ts'

function translate(client: DialectId, target: TargetDialectId, body: object) {
  const asked = { dialect: client, body: Buffer.from(JSON.stringify(body)), ownAddress: '' }
  return translateEmbeddings(asked, { dialect: target, modelId: 'far/m 1', publicModelId: 'near' })
}

function translated(client: DialectId, target: TargetDialectId, body: object): TranslatedOperation {
  const made = translate(client, target, body)
  if (made === undefined || made instanceof GatewayError) throw new Error('it was not translated')
  return made
}

const said = ({ body }: TranslatedOperation): unknown => JSON.parse(Buffer.from(body).toString())
const answered = (operation: TranslatedOperation, answer: object) => {
  const { body, usage } = operation.readAnswer(Buffer.from(JSON.stringify(answer)))
  return { body: JSON.parse(Buffer.from(body).toString()) as unknown, usage: usage?.inputTokens }
}

describe('OpenAI’s client', () => {
  const body = { model: 'x', input: ['a', 'b'], dimensions: 2, user: 'u', encoding_format: 'base64' }

  test('is served by Gemini', () => {
    const operation = translated('openai-chat', 'gemini', body)
    expect(operation.path).toBe('/models/far%2Fm%201:batchEmbedContents')
    expect(said(operation)).toEqual({
      requests: ['a', 'b'].map((text) => ({
        model: 'models/far/m 1',
        content: { parts: [{ text }] },
        outputDimensionality: 2,
      })),
    })
    expect(operation.losses.map(({ field }) => field)).toEqual(['user'])
    const embeddings = [{ values: [1, 0] }, { values: [0, 1] }]
    expect(answered(operation, { embeddings, usageMetadata: { promptTokenCount: 3 } })).toEqual({
      body: {
        object: 'list',
        data: [
          { object: 'embedding', index: 0, embedding: 'AACAPwAAAAA=' },
          { object: 'embedding', index: 1, embedding: 'AAAAAAAAgD8=' },
        ],
        model: 'near',
        usage: { prompt_tokens: 3, total_tokens: 3 },
      },
      usage: 3,
    })
  })

  test('is refused what no other tokenizer reads', () => {
    for (const input of [[1, 2], [[1], [2]], [], 7, ['a', 1]])
      expect(translate('openai-chat', 'gemini', { input })).toMatchObject({
        code: 'loss_refused',
        facts: { param: 'input' },
      })
  })

  test('hears of an answer with too few embeddings', () => {
    const operation = translated('openai-chat', 'ollama-chat', { input: ['a', 'b'] })
    expect(() => answered(operation, { embeddings: [[1]] })).toThrow(/1 embeddings for 2 texts/)
  })

  test('is not served by a dialect without embeddings', () => {
    expect(translate('openai-chat', 'anthropic-messages', { input: 'a' })).toBeUndefined()
  })
})

describe('Google’s client', () => {
  const content = { parts: [{ text: 'a' }, { text: 'b' }] }

  test('is served by OpenAI, one text or many', () => {
    const one = translated('gemini', 'openai-chat', { content, outputDimensionality: 2, title: 't' })
    expect(said(one)).toEqual({ model: 'far/m 1', input: ['a\nb'], dimensions: 2, encoding_format: 'float' })
    expect(one.losses.map(({ field }) => field)).toEqual(['title'])
    const usage = { prompt_tokens: 2, total_tokens: 2 }
    expect(answered(one, { data: [{ index: 0, embedding: [1, 2] }], usage })).toEqual({
      body: { embedding: { values: [1, 2] }, usageMetadata: { promptTokenCount: 2 } },
      usage: 2,
    })
    const many = translated('gemini', 'openai-chat', { requests: [{ content }, { content }] })
    const data = [
      { index: 1, embedding: [2] },
      { index: 0, embedding: [1] },
    ]
    expect(answered(many, { data }).body).toEqual({ embeddings: [{ values: [1] }, { values: [2] }] })
  })

  test('tells Cohere what the texts are for', () => {
    const operation = translated('gemini', 'cohere-chat', { content, taskType: 'RETRIEVAL_QUERY' })
    expect(said(operation)).toMatchObject({ input_type: 'search_query', embedding_types: ['float'] })
    expect(operation.losses).toEqual([])
  })

  test.each([
    ['content.parts', { content: { parts: [{ inlineData: {} }] } }],
    ['content.parts', { content: { parts: [] } }],
    ['requests', { requests: [] }],
    ['outputDimensionality', { requests: [{ content, outputDimensionality: 1 }, { content }] }],
  ])('is refused %s that cannot be said', (param, body) => {
    expect(translate('gemini', 'openai-chat', body)).toMatchObject({ facts: { param } })
  })
})
