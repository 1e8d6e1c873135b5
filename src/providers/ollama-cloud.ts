/** Ollama's hosted models; `ollama` is the server on one's own machine. */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens } from './quirks.ts'

export const ollamaCloud = hostedOpenai({
  id: 'ollama-cloud',
  name: 'Ollama Cloud',
  baseUrl: 'https://ollama.com/v1',
  environmentKeys: ['OLLAMA_API_KEY'],
  quirks: [maxTokens('https://docs.ollama.com/api/openai-compatibility')],
  exampleModel: 'gpt-oss:20b',
  documentation: 'https://docs.ollama.com/cloud',
})
