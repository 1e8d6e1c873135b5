/** Cerebras. */

import { hostedOpenai } from './define-provider.ts'

export const cerebras = hostedOpenai({
  id: 'cerebras',
  name: 'Cerebras',
  baseUrl: 'https://api.cerebras.ai/v1',
  environmentKeys: ['CEREBRAS_API_KEY'],
  exampleModel: 'gpt-oss-120b',
  documentation: 'https://inference-docs.cerebras.ai/api-reference/chat-completions',
})
