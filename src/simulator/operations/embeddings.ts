/** Embeddings in OpenAI's and Gemini's words: the same text has the same vector in both, and on every run. */

import { jsonSteps, type SimulatedCall } from '../call.ts'
import { charactersOf, textOf } from '../request-text.ts'
import { randomFor } from '../seed.ts'
import type { Step } from '../step.ts'
import { tokensOfLength } from '../tokens.ts'
import { arrayOf, numberOf, objectOf } from '../../std/json.ts'
import { fieldMissing } from './nothing-here.ts'

/** Members of a vector where the request asks for no number of its own. */
const DIMENSIONS = 16
const DIMENSIONS_MAX = 4_096
/** Texts embedded by one request. */
const INPUTS_MAX = 2_048

export function embed(call: SimulatedCall): readonly Step[] {
  return call.request.dialect === 'gemini' ? embedForGemini(call) : embedForOpenAi(call)
}

function embedForOpenAi(call: SimulatedCall): readonly Step[] {
  const { input, encoding_format: format, dimensions } = call.request.fields
  const inputs = inputsOf(input)
  if (inputs.length === 0) return fieldMissing(call, 'input')
  const data = inputs.map((text, index) => {
    const values = vectorOf(text, dimensions)
    return { object: 'embedding', index, embedding: format === 'base64' ? base64Of(values) : values }
  })
  const tokens = inputs.reduce((sum, text) => sum + tokensOfLength(text.length), 0)
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  return jsonSteps(call, { object: 'list', data, model: call.request.model, usage })
}

/** A text, a list of texts, a list of tokens, or a list of such lists. */
function inputsOf(input: unknown): readonly string[] {
  if (typeof input === 'string') return [input]
  const list = arrayOf(input).slice(0, INPUTS_MAX)
  if (list.some((each) => typeof each === 'number')) return [tokenText(list)]
  return list.map((each) => (typeof each === 'string' ? each : tokenText(arrayOf(each))))
}

function tokenText(tokens: readonly unknown[]): string {
  return tokens.filter((token) => typeof token === 'number').join(' ')
}

function embedForGemini(call: SimulatedCall): readonly Step[] {
  const { fields } = call.request
  const requests = arrayOf(fields['requests']).slice(0, INPUTS_MAX)
  if (!call.head.path.includes(':batchEmbedContents')) {
    if (objectOf(fields['content']) === undefined) return fieldMissing(call, 'content')
    return jsonSteps(call, { embedding: embeddingOf(fields), usageMetadata: countOf([fields]) })
  }
  if (requests.length === 0) return fieldMissing(call, 'requests')
  return jsonSteps(call, { embeddings: requests.map(embeddingOf), usageMetadata: countOf(requests) })
}

function embeddingOf(request: unknown): object {
  const { content, outputDimensionality, embedContentConfig } = objectOf(request) ?? {}
  const dimensions = outputDimensionality ?? objectOf(embedContentConfig)?.['outputDimensionality']
  return { values: vectorOf(textOf(objectOf(content)?.['parts']), dimensions) }
}

function countOf(requests: readonly unknown[]): object {
  const characters = requests.reduce<number>(
    (sum, each) => sum + charactersOf(objectOf(each)?.['content']),
    0,
  )
  return { promptTokenCount: tokensOfLength(characters) }
}

/** A vector of length one whose members are what 32 bits hold, so that no encoding changes them. */
export function vectorOf(text: string, dimensions: unknown): readonly number[] {
  const length = Math.min(Math.max(1, Math.floor(numberOf(dimensions) ?? DIMENSIONS)), DIMENSIONS_MAX)
  const random = randomFor(0, 'embedding', text)
  const values = Array.from({ length }, () => random.next() * 2 - 1)
  const norm = Math.hypot(...values) || 1
  return values.map((value) => Math.fround(value / norm))
}

function base64Of(values: readonly number[]): string {
  const bytes = Buffer.alloc(values.length * 4)
  for (const [index, value] of values.entries()) bytes.writeFloatLE(value, index * 4)
  return bytes.toString('base64')
}
