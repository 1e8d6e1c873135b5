/** True answers to operations, read from beside the repository where they are: none is misread, no number changes. */

import { existsSync, readFileSync } from 'node:fs'
import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { arrayOf, isJsonObject, type JsonObject, objectOf, stringOf } from '../std/json.ts'
import {
  type EmbeddingsAnswer,
  readCohereAnswer,
  readGeminiAnswer,
  readOllamaAnswer,
  readOpenaiAnswer,
  writeGeminiAnswer,
  writeOpenaiAnswer,
} from './embeddings/embeddings-answer.ts'
import { translateEmbeddings } from './embeddings/translate-embeddings.ts'
import { namedIds } from './named-ids.ts'
import { readBilledUsage, readUsageField } from './read-usage.ts'

const corpus = new URL('../../../shared/corpus/', import.meta.url)
const isThere = existsSync(corpus)
const whySkipped = isThere ? '' : ' (skipped: no recordings beside the repository)'

interface Recorded {
  readonly id: string
  readonly request: JsonObject | undefined
  readonly answer: JsonObject
}

/** Good answers that are JSON objects. */
function answersOf(name: string): readonly Recorded[] {
  if (!isThere) return []
  const lines = gunzipSync(readFileSync(new URL(`${name}.jsonl.gz`, corpus)))
    .toString()
    .split('\n')
  return lines.filter(Boolean).flatMap((line): readonly Recorded[] => {
    const parsed: unknown = JSON.parse(line)
    const { id, request, response } = isJsonObject(parsed) ? parsed : {}
    const body = objectOf(response)?.['body']
    const isGood = isJsonObject(body) && objectOf(response)?.['status'] === 200
    return isGood
      ? [{ id: stringOf(id) ?? '', request: objectOf(objectOf(request)?.['body']), answer: body }]
      : []
  })
}

const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))

describe.skipIf(!isThere)(`recorded embeddings${whySkipped}`, () => {
  const readers: readonly (readonly [string, (answer: Uint8Array) => EmbeddingsAnswer])[] = [
    ['openai-embeddings', readOpenaiAnswer],
    ['gemini-embeddings', readGeminiAnswer],
    ['cohere-embed', readCohereAnswer],
    ['ollama-embed', readOllamaAnswer],
  ]

  test.each(readers)('%s: numbers survive every way of writing them', (name, read) => {
    let seen = 0
    for (const { id, answer } of answersOf(name)) {
      if (!holdsNumbers(answer)) continue
      seen += 1
      const { vectors } = read(bytes(answer))
      const google = readGeminiAnswer(writeGeminiAnswer({ vectors }, false)).vectors
      const openai = readOpenaiAnswer(
        writeOpenaiAnswer({ vectors }, { modelId: 'm', isBase64: false }),
      ).vectors
      expect([id, google]).toEqual([id, vectors])
      expect([id, openai]).toEqual([id, vectors])
    }
    expect(seen).toBeGreaterThan(0)
  })

  test('observation 51: base64 that was not asked for is no list of numbers, and not taken for one', () => {
    const encoded = answersOf('openai-embeddings').filter(({ answer }) => !holdsNumbers(answer))
    expect(encoded.length).toBeGreaterThan(0)
    for (const { answer } of encoded) {
      const [first] = arrayOf(answer['data'])
      if (typeof objectOf(first)?.['embedding'] !== 'string') continue
      expect(() => readOpenaiAnswer(bytes(answer))).toThrow(/no list of embeddings/)
    }
  })

  test('every recorded request for texts can be said to Gemini', () => {
    for (const { id, request } of answersOf('openai-embeddings')) {
      const inputs = [request?.['input']].flat()
      if (request === undefined || !inputs.every((input) => typeof input === 'string')) continue
      const asked = { dialect: 'openai-chat', body: bytes(request), ownAddress: '' } as const
      const operation = translateEmbeddings(asked, { dialect: 'gemini', modelId: 'm', publicModelId: 'm' })
      expect([id, operation]).toEqual([id, expect.objectContaining({ path: '/models/m:batchEmbedContents' })])
    }
  })
})

/** Some recordings hold no vectors, other types of numbers, or base64. */
function holdsNumbers(answer: JsonObject): boolean {
  const lists = [
    ...arrayOf(answer['data']).map((one) => objectOf(one)?.['embedding']),
    ...arrayOf(answer['embeddings']).map((one) => objectOf(one)?.['values'] ?? one),
    objectOf(answer['embedding'])?.['values'],
    ...arrayOf(objectOf(answer['embeddings'])?.['float']),
  ].filter((list) => list !== undefined)
  const isNumbers = (list: unknown) =>
    Array.isArray(list) && list.length > 0 && list.every((one) => typeof one === 'number')
  return lists.length > 0 && lists.every(isNumbers)
}

describe.skipIf(!isThere)(`what recorded answers say of their cost${whySkipped}`, () => {
  test.each(['openai-embeddings', 'openai-images', 'openai-audio'])('%s', (name) => {
    for (const { id, answer } of answersOf(name)) {
      const usage = objectOf(answer['usage'])
      const isCounted = typeof usage?.['total_tokens'] === 'number'
      const read = readUsageField(answer)
      expect([id, read !== undefined, read?.inputTokens !== undefined || !isCounted]).toEqual([
        id,
        usage !== undefined,
        true,
      ])
    }
  })

  test('rerank', () => {
    for (const { id, answer } of answersOf('rerank'))
      expect([id, readBilledUsage(answer)]).toEqual([id, expect.anything()])
  })
})

test.skipIf(!isThere)(`recorded files and batches name their ids${whySkipped}`, () => {
  for (const name of ['openai-files', 'openai-batches', 'anthropic-files', 'anthropic-batches'])
    for (const { id, answer } of answersOf(name)) {
      const named = stringOf(answer['id'])
      if (named === undefined || Array.isArray(answer['data'])) continue
      expect([id, namedIds(answer).includes(named)]).toEqual([id, true])
    }
})
