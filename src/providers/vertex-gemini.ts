/** Gemini through Google Cloud: the same protocol as Google's own, under a project's address and with OAuth. */

import { hostedGemini } from './define-provider.ts'
import { isJsonObject } from '../std/json.ts'
import type { Provider, Quirk } from './provider.ts'
import { vertexAddress, vertexAddressInEnvironment, vertexBaseUrl, vertexEnvironment } from './vertex.ts'

/** Takes the request that is counted as it stands, and not wrapped as Google's own API does. */
const unwrappedCount: Quirk = {
  name: 'unwrapped-count',
  seenAt: 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/count-tokens',
  fields: ['generateContentRequest'],
  adaptRequest(fields) {
    const { generateContentRequest: wrapped, ...rest } = fields
    if (!isJsonObject(wrapped)) return fields
    const { model: _, ...counted } = wrapped
    return { ...rest, ...counted }
  },
}

export const vertexGemini: Provider = {
  ...vertexGeminiAt(vertexAddress('your-project', 'global', 'google')),
  at: vertexGeminiAt,
  environmentAddress: (read) => vertexAddressInEnvironment(read, 'google'),
}

function vertexGeminiAt(address: string): Provider {
  return hostedGemini({
    id: 'vertex-gemini',
    name: 'Vertex AI',
    baseUrl: vertexBaseUrl(address, 'google'),
    auth: { kind: 'google-oauth' },
    ...vertexEnvironment,
    // Read by Google's own Gemini API as well.
    stateOrigin: 'google',
    modelsPath: 'none',
    quirks: [unwrappedCount],
    exampleModel: 'gemini-2.5-flash',
    documentation: 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference',
  })
}
