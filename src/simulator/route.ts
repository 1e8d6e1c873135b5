/** Which dialect and operation a method and a path mean, wherever a gateway puts the dialect's base URL. */

import type { Operation, RequestHead, SimulatedDialect } from './request.ts'

export interface Route {
  readonly dialect: SimulatedDialect
  readonly operation: Operation
  /** Where the dialect names its model in the path. */
  readonly pathModel?: string
  /** Where the dialect asks for a stream in the path. */
  readonly pathStream?: boolean
}

/** By the end of the path; the first that fits, so that longer ends stand before shorter ones. */
const ROUTES: readonly (readonly [RegExp, SimulatedDialect | 'by-headers', Operation])[] = [
  [/^POST .*\/chat\/completions$/, 'openai-chat', 'chat'],
  [/^POST .*\/messages\/count_tokens$/, 'anthropic-messages', 'count-tokens'],
  [/^\w+ .*\/messages\/batches(?:\/|$)/, 'anthropic-messages', 'batches'],
  [/^POST .*\/messages$/, 'anthropic-messages', 'chat'],
  [/^POST .*\/anthropic\/models\/([^/]+):(?:rawPredict|(streamRawPredict))$/, 'anthropic-messages', 'chat'],
  [/^POST .*\/responses\/input_tokens$/, 'openai-responses', 'count-tokens'],
  [/^POST .*\/responses$/, 'openai-responses', 'chat'],
  [/^POST .*\/models\/([^/]+):(?:generateContent|(streamGenerateContent))$/, 'gemini', 'chat'],
  [/^POST .*\/models\/([^/]+):countTokens$/, 'gemini', 'count-tokens'],
  [/^POST .*\/models\/([^/]+):(?:batchEmbedContents|embedContent)$/, 'gemini', 'embeddings'],
  [/^POST .*\/model\/([^/]+)\/(?:converse|(converse-stream))$/, 'bedrock-converse', 'chat'],
  [/^POST .*\/model\/([^/]+)\/count-tokens$/, 'bedrock-converse', 'count-tokens'],
  [/^POST .*\/api\/chat$/, 'ollama-chat', 'chat'],
  [/^GET .*\/api\/tags$/, 'ollama-chat', 'models'],
  [/^POST .*\/chat$/, 'cohere-chat', 'chat'],
  [/^POST .*\/v2\/rerank$/, 'cohere-chat', 'rerank'],
  [/^POST .*\/rerank$/, 'openai-chat', 'rerank'],
  [/^POST .*\/completions$/, 'openai-completions', 'chat'],
  [/^POST .*\/embeddings$/, 'openai-chat', 'embeddings'],
  [/^POST .*\/moderations$/, 'openai-chat', 'moderations'],
  [/^POST .*\/images\/generations$/, 'openai-chat', 'image-generation'],
  [/^POST .*\/images\/edits$/, 'openai-chat', 'image-edit'],
  [/^POST .*\/images\/variations$/, 'openai-chat', 'image-variation'],
  [/^POST .*\/audio\/speech$/, 'openai-chat', 'speech'],
  [/^POST .*\/audio\/transcriptions$/, 'openai-chat', 'transcription'],
  [/^POST .*\/audio\/translations$/, 'openai-chat', 'audio-translation'],
  [/^(?:GET|POST|DELETE) .*\/files(?:\/[^/]+)?(?:\/content)?$/, 'by-headers', 'files'],
  [/^(?:GET|POST) .*\/batches(?:\/[^/]+)?(?:\/cancel)?$/, 'openai-chat', 'batches'],
  [/^GET .*\/models(?:\/[^/]+)*$/, 'by-headers', 'models'],
]

export function routeOf(head: RequestHead): Route {
  const [path = ''] = head.path.split('?', 1)
  const asked = `${head.method} ${path}`
  for (const [pattern, dialect, operation] of ROUTES) {
    const match = pattern.exec(asked)
    if (match === null) continue
    const [, model, stream] = match
    return {
      dialect: dialect === 'by-headers' ? dialectOfHeaders(head) : dialect,
      operation,
      ...(model === undefined ? {} : { pathModel: decoded(model), pathStream: stream !== undefined }),
    }
  }
  return { dialect: dialectOfHeaders(head), operation: 'unknown' }
}

/** A path that several makers share: their headers tell them apart. */
function dialectOfHeaders({ path, headers }: RequestHead): SimulatedDialect {
  if (headers['anthropic-version'] !== undefined || path.includes('/messages')) return 'anthropic-messages'
  const isGoogle = path.includes('/v1beta/') || headers['x-goog-api-key'] !== undefined
  return isGoogle ? 'gemini' : 'openai-chat'
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    return segment
  }
}
