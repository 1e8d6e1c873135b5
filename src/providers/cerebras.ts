/** Cerebras. */

import { hostedOpenai } from './define-provider.ts'
import { PICTURES, SOUND, lacking } from './lacking.ts'
import { reasoningAsReasoning } from './quirks.ts'

export const cerebras = hostedOpenai({
  id: 'cerebras',
  name: 'Cerebras',
  baseUrl: 'https://api.cerebras.ai/v1',
  environmentKeys: ['CEREBRAS_API_KEY'],
  quirks: [reasoningAsReasoning('https://github.com/QwenLM/qwen-code/issues/11045')],
  exampleModel: 'gpt-oss-120b',
  operationPaths: lacking('embeddings', 'moderations', 'rerank', ...PICTURES, ...SOUND),
  documentation: 'https://inference-docs.cerebras.ai/api-reference/chat-completions',
})
