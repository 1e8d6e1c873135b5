/** Claude through Google Cloud: Anthropic's messages, with the model in the path and the version in the body. */

import type { JsonObject } from '../std/json.ts'
import { claudePrefill } from './claude-prefill.ts'
import { hostedAnthropic } from './define-provider.ts'
import type { Provider, Quirk, QuirkedCall } from './provider.ts'
import { vertexAddress, vertexAddressInEnvironment, vertexBaseUrl, vertexEnvironment } from './vertex.ts'

const documentation = 'https://docs.anthropic.com/en/api/claude-on-vertex-ai'
const VERSION = 'vertex-2023-10-16'

const rawPredict: Quirk = {
  name: 'raw-predict',
  seenAt: documentation,
  adaptPath: (_path, call) => `/models/${rawModel(call)}`,
  adaptRequest: withVersion,
}

export const vertexAnthropic: Provider = {
  ...vertexAnthropicAt(vertexAddress('your-project', 'global', 'anthropic')),
  at: vertexAnthropicAt,
  environmentAddress: (read) => vertexAddressInEnvironment(read, 'anthropic'),
}

function vertexAnthropicAt(address: string): Provider {
  return hostedAnthropic({
    id: 'vertex-anthropic',
    name: 'Claude on Vertex AI',
    baseUrl: vertexBaseUrl(address, 'anthropic'),
    auth: { kind: 'google-oauth' },
    ...vertexEnvironment,
    stateOrigin: 'anthropic',
    continuation: claudePrefill,
    modelsPath: 'none',
    quirks: [rawPredict],
    exampleModel: 'claude-haiku-4-5',
    documentation,
  })
}

/** Counting tokens is a model of its own, and the body then names the one that is meant. */
function rawModel({ operation, modelId, stream }: QuirkedCall): string {
  if (operation === 'count-tokens') return 'count-tokens:rawPredict'
  return `${encodeURIComponent(modelId)}:${stream ? 'streamRawPredict' : 'rawPredict'}`
}

/** A body without a ceiling is one of count-tokens: every other must have it. */
function withVersion(fields: JsonObject): JsonObject {
  const { model, ...rest } = fields
  const isCount = fields['max_tokens'] === undefined
  return { ...rest, ...(isCount && model !== undefined ? { model } : {}), anthropic_version: VERSION }
}
