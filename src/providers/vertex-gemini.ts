/** Gemini through Google Cloud: the same protocol as Google's own, under a project's address and with OAuth. */

import { hostedGemini } from './define-provider.ts'
import type { Provider } from './provider.ts'
import { vertexAddress, vertexAddressInEnvironment, vertexBaseUrl, vertexEnvironment } from './vertex.ts'

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
    exampleModel: 'gemini-2.5-flash',
    documentation: 'https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference',
  })
}
