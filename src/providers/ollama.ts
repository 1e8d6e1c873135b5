/** Ollama on its usual port. */

import { localOpenai } from './define-provider.ts'
import { KEPT, SOUND, lacking } from './lacking.ts'
import { maxTokens } from './quirks.ts'

export const ollama = localOpenai({
  id: 'ollama',
  name: 'Ollama',
  baseUrl: 'http://127.0.0.1:11434/v1',
  alsoSpeaks: ['openai-completions'],
  environmentKeys: [],
  quirks: [maxTokens('https://docs.ollama.com/api/openai-compatibility')],
  operationPaths: lacking('moderations', 'rerank', ...SOUND, ...KEPT),
  documentation: 'https://docs.ollama.com/api/openai-compatibility',
})
