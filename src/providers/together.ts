/** Together AI. */

import { hostedOpenai } from './define-provider.ts'
import { maxTokens } from './quirks.ts'

export const together = hostedOpenai({
  id: 'together',
  name: 'Together AI',
  baseUrl: 'https://api.together.ai/v1',
  alsoSpeaks: ['openai-completions'],
  environmentKeys: ['TOGETHER_API_KEY', 'TOGETHERAI_API_KEY', 'TOGETHER_AI_API_KEY'],
  quirks: [maxTokens('https://github.com/togethercomputer/openapi')],
  exampleModel: 'openai/gpt-oss-20b',
  documentation: 'https://docs.together.ai/reference/chat-completions-1',
})
