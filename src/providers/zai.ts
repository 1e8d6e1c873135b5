/** Z.AI, the international platform of Zhipu (GLM). */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens } from './quirks.ts'

export const zai = hostedOpenai({
  id: 'zai',
  name: 'Z.AI',
  baseUrl: 'https://api.z.ai/api/paas/v4',
  environmentKeys: ['ZAI_API_KEY', 'Z_AI_API_KEY'],
  quirks: [maxTokens('https://docs.z.ai/api-reference/llm/chat-completion')],
  modelPrefixes: ['glm-'],
  exampleModel: 'glm-4.5-air',
  documentation: 'https://docs.z.ai/api-reference/llm/chat-completion',
})
