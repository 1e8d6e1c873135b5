/** Perplexity. What it lists as models belongs to another API of its own, so it counts as having no list. */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens } from './quirks.ts'

export const perplexity = hostedOpenai({
  id: 'perplexity',
  name: 'Perplexity',
  baseUrl: 'https://api.perplexity.ai',
  environmentKeys: ['PERPLEXITY_API_KEY', 'PPLX_API_KEY'],
  quirks: [maxTokens('https://docs.perplexity.ai/api-reference/chat-completions-post')],
  modelsPath: 'none',
  modelPrefixes: ['sonar'],
  exampleModel: 'sonar',
  documentation: 'https://docs.perplexity.ai/api-reference/chat-completions-post',
})
